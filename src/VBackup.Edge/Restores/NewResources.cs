using System.Security.Cryptography;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Vault.Format;

namespace VBackup.Edge.Restores;

/// <summary>
/// Restores to new volumes and new servers. What a failure leaves half made is removed. What an attempt leaves half made that was killed,
/// the next one of the same run knows as the run's own, and goes on with.
/// </summary>
/// <param name="run">Comes first in the claims of all attempts: 1 to 32 letters, digits and '_'. Null when there is one attempt
/// only.</param>
/// <param name="isLost">Whether another attempt has taken over by now: then what there is is left to that one.</param>
public sealed class NewResources(
    EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, string? run = null, Func<bool>? isLost = null)
{
    readonly string? _claim = run is null ? null : $"{run}-{RandomNumberGenerator.GetHexString(16, lowercase: true)}";

    /// <returns>What was made.</returns>
    public async Task<string> MakeVolumeAsync(VolumeDocument volume, string name, CancellationToken cancellation)
    {
        var target = NewVolume(cloud, new(edge.Volumes[volume.Name]), name);
        await MakeAsync([(volume, target)], cancellation).ConfigureAwait(false);
        return target.Value;
    }

    /// <returns>What was made.</returns>
    public async Task<string> MakeServerAsync(PointDocument point, string name, CancellationToken cancellation)
    {
        (VolumeDocument Volume, VolumeId Target)[] targets =
            [.. point.Volumes.Select(volume => (volume, NewVolume(cloud, new(edge.Volumes[volume.Name]), $"{name}-{volume.Name}")))];
        VolumeId[] volumes = [.. targets.Select(item => item.Target)];
        if (await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false) is { } there)
        {
            // It is defined when all was written and read back: its maker was killed before he could say so.
            if (await IsOursAsync(there, [.. volumes], cancellation).ConfigureAwait(false)) return $"server {name}";
            throw new RefusedException($"there is a server {name} already: give another name");
        }
        await MakeAsync(targets, cancellation).ConfigureAwait(false);
        try
        {
            await cloud.Hypervisor.DefineAsync(name, new ServerConfiguration(edge.ConfigurationKind, edge.Configuration),
                targets.ToDictionary(item => item.Volume.Name, item => item.Target), cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await RemoveServerAsync(name, volumes, failure).ConfigureAwait(false);
            await RemoveOwnAsync(volumes, failure).ConfigureAwait(false);
            throw;
        }
        return $"server {name}";
    }

    // It may have been defined, and only the answer was lost. What has other volumes, or volumes that another attempt goes on with, is not
    // this attempt's.
    async Task RemoveServerAsync(string name, VolumeId[] volumes, Exception failure)
    {
        try
        {
            if (await cloud.Hypervisor.FindAsync(name, CancellationToken.None).ConfigureAwait(false) is not { } there
                || !volumes.ToHashSet().SetEquals(there.Disks.Select(disk => disk.Volume))) return;
            foreach (var volume in volumes)
                if (!await IsLeftToUsAsync(volume).ConfigureAwait(false)) return;
            await cloud.Hypervisor.RemoveAsync(name, CancellationToken.None).ConfigureAwait(false);
            Aftermath.Add(failure, $"the server {name} was removed again");
        }
        catch (CloudException second)
        {
            Aftermath.Add(failure, $"whether there is a server {name} now is not known ({second.Message}): if so, remove it by hand");
        }
    }

    async Task MakeAsync(IReadOnlyList<(VolumeDocument Volume, VolumeId Target)> targets, CancellationToken cancellation)
    {
        List<VolumeId> made = [];
        try
        {
            foreach (var (volume, target) in targets)
            {
                var isNew = await CreateAsync(target, volume.LengthBytes, cancellation).ConfigureAwait(false);
                made.Add(target);
                // An attempt that stood still and wakes up is shut out of what this one goes on with.
                var options = new WriterOptions { IsNew = isNew, TakesOver = _claim is not null, Claim = _claim };
                await restore.RunAsync(volume, target, options, isDelta: !isNew, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            await RemoveOwnAsync(made, failure).ConfigureAwait(false);
            throw;
        }
    }

    /// <returns>Whether it was made just now; an earlier attempt made it otherwise.</returns>
    async Task<bool> CreateAsync(VolumeId target, long lengthBytes, CancellationToken cancellation)
    {
        try
        {
            await cloud.Storage.CreateAsync(target, lengthBytes, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (CloudException there) when (there.Failure == CloudFailure.Exists)
        {
            if (await IsOursAsync(target, cancellation).ConfigureAwait(false)
                && await cloud.Storage.FindLengthAsync(target, cancellation).ConfigureAwait(false) == lengthBytes) return false;
            Aftermath.Add(there, "give another name; or, if a restore to this name was killed, remove what it left half made");
            throw;
        }
    }

    async Task<bool> IsOursAsync(Server server, HashSet<VolumeId> targets, CancellationToken cancellation)
    {
        if (!targets.SetEquals(server.Disks.Select(disk => disk.Volume))) return false;
        foreach (var target in targets)
            if (!await IsOursAsync(target, cancellation).ConfigureAwait(false)) return false;
        return true;
    }

    // Whoever takes it over for anything else leaves another claim.
    async Task<bool> IsOursAsync(VolumeId target, CancellationToken cancellation) => run is not null
        && await cloud.Storage.FindClaimAsync(target, cancellation).ConfigureAwait(false) is { } claim
        && claim.StartsWith(run + '-', StringComparison.Ordinal);

    // An attempt that stood still for so long that another goes on with its volumes leaves them to that one.
    async Task RemoveOwnAsync(IEnumerable<VolumeId> made, Exception failure)
    {
        List<VolumeId> own = [];
        foreach (var volume in made)
            if (await IsLeftToUsAsync(volume).ConfigureAwait(false)) own.Add(volume);
        await RemoveAsync(cloud.Storage, own, failure).ConfigureAwait(false);
    }

    async Task<bool> IsLeftToUsAsync(VolumeId volume)
    {
        if (_claim is null) return true;
        if (isLost is not null && isLost()) return false;
        try
        {
            // Without any, it was made and not yet opened.
            return await cloud.Storage.FindClaimAsync(volume, CancellationToken.None).ConfigureAwait(false) is var claim
                && (claim == _claim || claim is null);
        }
        catch (CloudException)
        {
            // The removal is tried, and tells that this storage does not answer.
            return true;
        }
    }

    /// <summary>Removes what a failure left half made, and has the failure tell of it.</summary>
    public static async Task RemoveAsync(IVolumeStorage storage, IReadOnlyList<VolumeId> made, Exception failure)
    {
        List<string> removed = [], left = [];
        foreach (var volume in made)
        {
            try
            {
                await storage.RemoveAsync(volume, CancellationToken.None).ConfigureAwait(false);
                removed.Add(volume.Value);
            }
            catch (CloudException second)
            {
                left.Add($"{volume} ({second.Message})");
            }
        }
        if (removed.Count > 0) Aftermath.Add(failure, $"the incomplete {string.Join(", ", removed)} was removed");
        if (left.Count > 0) Aftermath.Add(failure, $"the incomplete {string.Join(", ", left)} could not be removed: remove it by hand");
    }

    /// <summary>In the same pool, or folder, as the volume that it comes from; or where the cloud has its new ones, in the same
    /// format.</summary>
    /// <exception cref="RefusedException">It is no name within there.</exception>
    public static VolumeId NewVolume(EdgeCloud cloud, VolumeId original, string name)
    {
        if (name.Contains('/', StringComparison.Ordinal)) throw new RefusedException($"'{name}' is no name: leave out the '/'");
        if (cloud.VolumeFolder is { } folder)
        {
            var format = original.Value.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? ".qcow2" : ".raw";
            return new(Path.Combine(Path.GetFullPath(folder), Path.HasExtension(name) ? name : name + format));
        }
        var slash = original.Value.LastIndexOf('/');
        return new(slash < 0 ? name : original.Value[..(slash + 1)] + name);
    }
}
