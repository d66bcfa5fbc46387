using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Vault.Format;

namespace VBackup.Edge.Restores;

/// <summary>Restores to new volumes and new servers. What a failure leaves half made is removed.</summary>
public static class NewResources
{
    /// <returns>What was made.</returns>
    public static async Task<string> MakeVolumeAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge,
        VolumeDocument volume, string name, CancellationToken cancellation)
    {
        var target = NewVolume(cloud, new(edge.Volumes[volume.Name]), name);
        await MakeAsync(cloud.Storage, restore, [(volume, target)], cancellation).ConfigureAwait(false);
        return target.Value;
    }

    /// <returns>What was made.</returns>
    public static async Task<string> MakeServerAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, PointDocument point,
        string name, CancellationToken cancellation)
    {
        if (await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false) is not null)
            throw new RefusedException($"there is a server {name} already: give another name");
        (VolumeDocument Volume, VolumeId Target)[] targets =
            [.. point.Volumes.Select(volume => (volume, NewVolume(cloud, new(edge.Volumes[volume.Name]), $"{name}-{volume.Name}")))];
        await MakeAsync(cloud.Storage, restore, targets, cancellation).ConfigureAwait(false);
        try
        {
            await cloud.Hypervisor.DefineAsync(name, new ServerConfiguration(edge.ConfigurationKind, edge.Configuration),
                targets.ToDictionary(item => item.Volume.Name, item => item.Target), cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await RemoveAsync(cloud.Storage, [.. targets.Select(item => item.Target)], failure).ConfigureAwait(false);
            throw;
        }
        return $"server {name}";
    }

    static async Task MakeAsync(IVolumeStorage storage, VolumeRestore restore,
        IReadOnlyList<(VolumeDocument Volume, VolumeId Target)> targets, CancellationToken cancellation)
    {
        List<VolumeId> made = [];
        try
        {
            foreach (var (volume, target) in targets)
            {
                await CreateAsync(storage, target, volume.LengthBytes, cancellation).ConfigureAwait(false);
                made.Add(target);
                await restore.RunAsync(volume, target, new() { IsNew = true }, isDelta: false, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            await RemoveAsync(storage, made, failure).ConfigureAwait(false);
            throw;
        }
    }

    static async Task CreateAsync(IVolumeStorage storage, VolumeId target, long lengthBytes, CancellationToken cancellation)
    {
        try
        {
            await storage.CreateAsync(target, lengthBytes, cancellation).ConfigureAwait(false);
        }
        catch (CloudException there) when (there.Failure == CloudFailure.Exists)
        {
            Aftermath.Add(there, "give another name; or, if a restore to this name was killed, remove what it left half made");
            throw;
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
