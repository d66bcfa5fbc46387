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
/// <param name="attempt">Null when there is one attempt only.</param>
public sealed class NewResources(
    EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, IRunReport report, RunAttempt? attempt = null)
{
    /// <returns>What was made.</returns>
    public async Task<string> MakeVolumeAsync(VolumeDocument volume, string name, CancellationToken cancellation)
    {
        var target = NewVolume(cloud, new(edge.Volumes[volume.Name]), name);
        await MakeAsync([new(volume, target)], cancellation).ConfigureAwait(false);
        return target.Value;
    }

    public async Task<Server> MakeServerAsync(PointDocument point, string name, CancellationToken cancellation)
    {
        var volumes = VolumesOf(cloud, edge, point, name);
        RestoreTargetVolume[] targets = [.. point.Volumes.Zip(volumes, (volume, target) => new RestoreTargetVolume(volume, target))];
        if (await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false) is { } there)
        {
            if (attempt is null || !await LeftBehind.IsOfRunAsync(cloud.Storage, attempt, there, volumes, cancellation)
                .ConfigureAwait(false)) throw new RefusedException($"there is a server {name} already: give another name");
            // It is defined when all was written and read back: its maker was killed before he could say so, and somebody has use for it.
            if (there.State != ServerState.Shutdown) return there;
            // Or its maker sleeps, about to remove what he failed with: that is not the one that is made now.
            await attempt.RequireOwnAsync(cancellation).ConfigureAwait(false);
            try
            {
                await cloud.Hypervisor.RemoveAsync(name, cancellation, there.Id).ConfigureAwait(false);
            }
            catch (CloudException used) when (used.Failure == CloudFailure.InUse)
            {
                // Somebody has started it since.
                return there;
            }
        }
        LeftOutNotes.NoteRestoreTo(report, cloud.Hypervisor, edge, name);
        var made = await MakeAsync(targets, cancellation).ConfigureAwait(false);
        try
        {
            if (attempt is not null) await attempt.RequireOwnAsync(cancellation).ConfigureAwait(false);
            var defined = await cloud.Hypervisor.DefineAsync(name, new ServerConfiguration(edge.ConfigurationKind, edge.Configuration),
                targets.ToDictionary(item => item.Volume.Name, item => item.Target), cancellation).ConfigureAwait(false);
            if (attempt is not null) await RequireOwnAsync(attempt, defined).ConfigureAwait(false);
            return defined;
        }
        catch (Exception failure)
        {
            var halfMade = HalfMade(cancellation);
            await RemoveServerAsync(name, halfMade, made, failure).ConfigureAwait(false);
            await halfMade.RemoveAsync(made, failure).ConfigureAwait(false);
            throw;
        }
    }

    // Asked while it slept in the middle of that, others may have cleaned up after the run: no further attempt goes on with what it has
    // defined late.
    async Task RequireOwnAsync(RunAttempt attempt, Server defined)
    {
        try
        {
            await attempt.RequireOwnAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await cloud.Hypervisor.RemoveAsync(defined.Name, CancellationToken.None, defined.Id).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What the volumes of a new server are called, in the order of the point's.</summary>
    public static IReadOnlyList<VolumeId> VolumesOf(EdgeCloud cloud, EdgeDocument edge, PointDocument point, string name) =>
        [.. point.Volumes.Select(volume => NewVolume(cloud, new(edge.Volumes[volume.Name]), $"{name}-{volume.Name}"))];

    // It may have been defined, and only the answer was lost. What has other volumes, or volumes that another attempt goes on with, is not
    // this attempt's.
    async Task RemoveServerAsync(string name, HalfMadeVolumes halfMade, IReadOnlyList<MadeVolume> made, Exception failure)
    {
        try
        {
            if (await cloud.Hypervisor.FindAsync(name, CancellationToken.None).ConfigureAwait(false) is not { } there
                || !made.Select(one => one.Volume).ToHashSet().SetEquals(there.Disks.Select(disk => disk.Volume))) return;
            foreach (var one in made)
                if (!await halfMade.IsLeftToUsAsync(one).ConfigureAwait(false)) return;
            await cloud.Hypervisor.RemoveAsync(name, CancellationToken.None, there.Id).ConfigureAwait(false);
            Aftermath.Add(failure, $"the server {name} was removed again");
        }
        catch (CloudException second)
        {
            Aftermath.Add(failure, $"whether there is a server {name} now is not known ({second.Message}): if so, remove it by hand");
        }
    }

    async Task<IReadOnlyList<MadeVolume>> MakeAsync(IReadOnlyList<RestoreTargetVolume> targets, CancellationToken cancellation)
    {
        await RequireRoomAsync(targets, cancellation).ConfigureAwait(false);
        List<MadeVolume> made = [];
        try
        {
            foreach (var (volume, target) in targets)
            {
                var isNew = await CreateAsync(target, volume.LengthBytes, cancellation).ConfigureAwait(false);
                made.Add(new(target, isNew));
                // An attempt that stood still and wakes up is shut out of what this one goes on with.
                var options = attempt is null ? new WriterOptions { IsNew = isNew }
                    : await attempt.TakingOverAsync(cloud.Storage, target, isNew, cancellation).ConfigureAwait(false);
                await restore.RunAsync(volume, target, options, isDelta: !isNew, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            await HalfMade(cancellation).RemoveAsync(made, failure).ConfigureAwait(false);
            throw;
        }
        return made;
    }

    /// <exception cref="RefusedException">There is less room than the volumes need for certain.</exception>
    async Task RequireRoomAsync(IReadOnlyList<RestoreTargetVolume> targets, CancellationToken cancellation)
    {
        // What an earlier attempt has made takes room already. Or it is somebody else's, which is told in another way.
        foreach (var (_, target) in targets)
            if (await cloud.Storage.FindLengthAsync(target, cancellation).ConfigureAwait(false) is not null) return;
        foreach (var place in await SharedRoom.FindAsync(cloud.Storage, targets, cancellation).ConfigureAwait(false))
        {
            if (place.LengthBytes <= place.Room.FreeBytes) continue;
            long needed = 0;
            foreach (var (volume, _) in place.Volumes)
                needed += await restore.CountBytesAsync(volume, cancellation).ConfigureAwait(false);
            if (needed > place.Room.FreeBytes)
                throw new RefusedException($"the {place.Room.Place} has {Units.Size(place.Room.FreeBytes)} left, and {place.Targets} will "
                    + $"need {Units.Size(needed)}: make room there; nothing was made");
        }
    }

    /// <returns>Whether it was made just now; an earlier attempt made it otherwise.</returns>
    async Task<bool> CreateAsync(VolumeId target, long lengthBytes, CancellationToken cancellation)
    {
        try
        {
            await HalfMadeVolumes.CreateAsync(cloud.Storage, target, lengthBytes, attempt?.MakingClaim, cancellation).ConfigureAwait(false);
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

    // Whoever takes it over for anything else leaves another claim.
    async Task<bool> IsOursAsync(VolumeId target, CancellationToken cancellation) => attempt is not null
        && attempt.IsOfRun(await cloud.Storage.FindClaimAsync(target, cancellation).ConfigureAwait(false));

    HalfMadeVolumes HalfMade(CancellationToken stop) => new(cloud.Storage, attempt, new(report, cloud.Clock, stop));

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
