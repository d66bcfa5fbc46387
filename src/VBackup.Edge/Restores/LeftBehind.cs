using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Restores;

/// <summary>What attempts of a run have left half made that were lost, when no further one goes on with it.</summary>
/// <param name="Removed">For people.</param>
/// <param name="Left">What has the name, and may be the run's or not; or is the run's, and is in use.</param>
public sealed record LeftBehind(IReadOnlyList<string> Removed, IReadOnlyList<string> Left)
{
    /// <summary>Removes what is the run's for certain. Whoever of it sleeps is shut out first.</summary>
    /// <param name="server">Null where the run was to make volumes only.</param>
    public static async Task<LeftBehind> RemoveAsync(EdgeCloud cloud, RunAttempt attempt, string? server,
        IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        List<string> removed = [], left = [];
        if (server is not null && await cloud.Hypervisor.FindAsync(server, cancellation).ConfigureAwait(false) is { } there
            && await IsOfRunAsync(cloud.Storage, attempt, there, volumes, cancellation).ConfigureAwait(false))
        {
            if (there.State != ServerState.Shutdown) return new([], [$"the server {server}, which somebody has started"]);
            await attempt.RequireOwnAsync(cancellation).ConfigureAwait(false);
            await cloud.Hypervisor.RemoveAsync(server, cancellation, there.Id).ConfigureAwait(false);
            removed.Add($"server {server}");
        }
        foreach (var volume in volumes)
        {
            if (await cloud.Storage.FindLengthAsync(volume, cancellation).ConfigureAwait(false) is null)
            {
                // Killed while it was made: it is no volume yet, and can be nobody's.
                if (await cloud.Storage.RemoveUnfinishedAsync(volume, attempt.Owner, cancellation).ConfigureAwait(false))
                    removed.Add(volume.Value);
                continue;
            }
            var claim = await cloud.Storage.FindClaimAsync(volume, cancellation).ConfigureAwait(false);
            // Another's claim is another's volume.
            if (claim is null) left.Add(volume.Value);
            if (!attempt.IsOfRun(claim)) continue;
            if (await RemoveAsync(cloud.Storage, attempt, volume, cancellation).ConfigureAwait(false)) removed.Add(volume.Value);
        }
        return new(removed, left);
    }

    /// <summary>REQUIRES: it is the run's.</summary>
    /// <returns>Whether it was removed, and is not another attempt's by now.</returns>
    internal static async Task<bool> RemoveAsync(
        IVolumeStorage storage, RunAttempt attempt, VolumeId volume, CancellationToken cancellation)
    {
        var options = await attempt.TakingOverAsync(storage, volume, isNew: false, cancellation).ConfigureAwait(false);
        await (await storage.OpenWriterAsync(volume, options, cancellation).ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        return await storage.RemoveClaimedAsync(volume, [attempt.Claim], cancellation).ConfigureAwait(false);
    }

    internal static async Task<bool> IsOfRunAsync(
        IVolumeStorage storage, RunAttempt attempt, Server server, IReadOnlyCollection<VolumeId> volumes, CancellationToken cancellation)
    {
        if (!volumes.ToHashSet().SetEquals(server.Disks.Select(disk => disk.Volume))) return false;
        foreach (var volume in volumes)
            if (!attempt.IsOfRun(await storage.FindClaimAsync(volume, cancellation).ConfigureAwait(false))) return false;
        return true;
    }
}
