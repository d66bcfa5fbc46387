using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Vault.Format;

namespace VBackup.Edge.Restores;

/// <summary>One of a point's volumes, and the volume that it is written to.</summary>
public sealed record RestoreTargetVolume(VolumeDocument Volume, VolumeId Target);

/// <summary>
/// Rewrites a server's own volumes. REQUIRES: the server stands still, and there is a snapshot to go back to.
/// </summary>
public static class InPlaceWriting
{
    // A client that died is watched for half a minute longer.
    const int LooksMax = 80;
    static readonly TimeSpan s_patienceAfterFailure = TimeSpan.FromSeconds(5), s_lookDelay = TimeSpan.FromMilliseconds(500);

    /// <summary>Volumes that are missing, were replaced, or have another size now are refused by name.</summary>
    public static async Task<IReadOnlyList<RestoreTargetVolume>> CheckAsync(EdgeCloud cloud, Server server, EdgeDocument edge,
        IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        List<RestoreTargetVolume> targets = [];
        foreach (var volume in volumes)
        {
            var target = new VolumeId(edge.Volumes[volume.Name]);
            if (!server.Disks.Any(disk => disk.Name == volume.Name && disk.Volume == target))
                throw new RefusedException($"server {server.Name} has no disk {volume.Name} on {target} any more: restore --to new-volume");
            var length = await cloud.Storage.FindLengthAsync(target, cancellation).ConfigureAwait(false)
                ?? throw new RefusedException($"the volume {target} is gone: restore --to new-volume");
            if (length != volume.LengthBytes)
                throw new RefusedException($"the volume {target} has {length} bytes now and had {volume.LengthBytes}: restore --to new-volume");
            targets.Add(new(volume, target));
        }
        // Of each pool or folder.
        foreach (var place in targets.GroupBy(item => Path.GetDirectoryName(item.Target.Value)))
        {
            var needed = place.Sum(item => item.Volume.LengthBytes);
            if (await cloud.Storage.FindFreeBytesAsync(place.First().Target, cancellation).ConfigureAwait(false) is { } free && free < needed)
                throw new RefusedException($"the storage of {string.Join(", ", place.Select(item => item.Target))} has {Units.Size(free)} left, "
                    + $"and a safety snapshot may come to need {Units.Size(needed)}: make room, or restore to new volumes elsewhere");
        }
        return targets;
    }

    // Of two restores, one may have started the server again while the other had looked at it already.
    public static async Task RequireStillAsync(EdgeCloud cloud, Server server, CancellationToken cancellation)
    {
        if (await cloud.Hypervisor.FindAsync(server.Name, cancellation).ConfigureAwait(false) is not { State: ServerState.Shutdown })
            throw new RefusedException($"server {server.Name} was started meanwhile: stop it, or give --stop");
    }

    /// <summary>Another restore may have begun meanwhile: no server starts on what that one writes. A backup that only takes a snapshot
    /// has a volume for a moment, and is waited for.</summary>
    public static async Task RequireFreeAsync(EdgeCloud cloud, IReadOnlyList<RestoreTargetVolume> targets, CancellationToken cancellation)
    {
        foreach (var target in targets)
        {
            for (var look = 1; !await IsFreeAsync(cloud, target.Target, isLast: look == LooksMax, cancellation).ConfigureAwait(false); look++)
                await Task.Delay(s_lookDelay, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    static async Task<bool> IsFreeAsync(EdgeCloud cloud, VolumeId target, bool isLast, CancellationToken cancellation)
    {
        try
        {
            await (await cloud.Storage.OpenWriterAsync(target, new(), cancellation).ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch (CloudException taken) when (taken.Failure == CloudFailure.InUse && !isLast)
        {
            return false;
        }
    }

    /// <summary>One that was left behind in mid-write holds the volumes' locks, and may wake up. From here on it writes nothing.</summary>
    public static async Task ShutOutOthersAsync(EdgeCloud cloud, IReadOnlyList<RestoreTargetVolume> targets, CancellationToken cancellation)
    {
        foreach (var target in targets) await (await TakeOverAsync(cloud, target.Target, cancellation).ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// All volumes are held until the last is written and, where others may read meanwhile, read back: whoever takes over meanwhile
    /// shuts this restore out of all of them, so that two restores never leave volumes of different points.
    /// </summary>
    public static async Task WriteAsync(EdgeCloud cloud, VolumeRestore restore, IReadOnlyList<RestoreTargetVolume> targets,
        CancellationToken cancellation)
    {
        List<IVolumeWriter> writers = [];
        try
        {
            // Others were shut out before the safety snapshot. Whoever has taken over since then is not to be disturbed: this one may
            // have slept meanwhile.
            foreach (var (_, target) in targets)
                writers.Add(await cloud.Storage.OpenWriterAsync(target, new(), cancellation).ConfigureAwait(false));
            for (var i = 0; i < writers.Count; i++)
                await restore.WriteAsync(targets[i].Volume, writers[i], isDelta: true, cancellation).ConfigureAwait(false);
            if (cloud.Storage.ReadsBesideWriters) await ReadBackAsync(restore, targets, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // Whoever slept hears of time-outs first, or reads what another has written meanwhile.
            var lost = failure is CloudException { Failure: CloudFailure.InUse } ? null : await FindShutOutAsync(writers).ConfigureAwait(false);
            await AbandonAsync(writers).ConfigureAwait(false);
            if (lost is null) throw;
            throw new CloudException(
                CloudFailure.InUse, "write", lost.Description, "this client was shut out, because somebody else took over", failure);
        }
        foreach (var writer in writers) await writer.DisposeAsync().ConfigureAwait(false);
        if (cloud.Storage.ReadsBesideWriters) return;
        try
        {
            await ReadBackAsync(restore, targets, cancellation).ConfigureAwait(false);
        }
        catch (CloudException)
        {
            // What was read may be another's, who has begun meanwhile.
            await RequireFreeAsync(cloud, targets, cancellation).ConfigureAwait(false);
            throw;
        }
    }

    // The failure is the one to see, and a storage that does not answer is not waited for once more.
    static async Task AbandonAsync(IEnumerable<IVolumeWriter> writers) =>
        await Task.WhenAll(writers.Select(writer => writer.DisposeAsync().AsTask()))
            .WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    static async Task ReadBackAsync(
        VolumeRestore restore, IReadOnlyList<RestoreTargetVolume> targets, CancellationToken cancellation)
    {
        foreach (var (volume, target) in targets) await restore.ReadBackAsync(volume, target, cancellation).ConfigureAwait(false);
    }

    static async Task<IVolumeWriter?> FindShutOutAsync(IReadOnlyList<IVolumeWriter> writers)
    {
        var answers = await Task.WhenAll(writers.Select(IsShutOutAsync)).ConfigureAwait(false);
        return writers.Zip(answers).FirstOrDefault(item => item.Second).First;
    }

    static async Task<bool> IsShutOutAsync(IVolumeWriter writer)
    {
        try
        {
            // Also after a cancellation: what is said to the user depends on it.
            return await writer.IsShutOutAsync(CancellationToken.None).WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is CloudException or TimeoutException)
        {
            // A cluster that does not answer is what the failure on its way up is about.
            return false;
        }
    }

    static Task<IVolumeWriter> TakeOverAsync(EdgeCloud cloud, VolumeId target, CancellationToken cancellation) =>
        cloud.Storage.OpenWriterAsync(target, new() { TakesOver = true }, cancellation);
}
