using Microsoft.EntityFrameworkCore;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Edge.Running;
using VBackup.Platform.Databases;

namespace VBackup.Snapshots;

/// <summary>That a snapshot has something of a volume on the storage, or may have: what caps count.</summary>
public sealed record HeldVolume(SnapshotId Snapshot, string Volume, string Pool);

/// <summary>Counts snapshots before they are taken, so that there are never more than the caps allow.</summary>
static class SnapshotCapacity
{
    /// <summary>Counts a snapshot in.</summary>
    /// <exception cref="RefusedException">A cap is met; it says which.</exception>
    public static async Task ReserveAsync(
        Change<SnapshotsDb> change, SnapshotId snapshot, IReadOnlyList<VolumeId> volumes, SnapshotCaps caps, CancellationToken cancellation)
    {
        await FreeAsync(change, snapshot, cancellation).ConfigureAwait(false);
        var held = change.Db.HeldVolumes;
        var all = await held.CountAsync(cancellation).ConfigureAwait(false);
        if (all + volumes.Count > caps.PerRegion) throw Met($"the region has {all}", caps.PerRegion);
        foreach (var pool in volumes.GroupBy(volume => VolumePool.Of(volume.Value)))
        {
            var ofPool = await held.CountAsync(one => one.Pool == pool.Key, cancellation).ConfigureAwait(false);
            if (ofPool + pool.Count() > caps.PerPool) throw Met($"the pool {pool.Key} has {ofPool}", caps.PerPool);
        }
        foreach (var volume in volumes)
        {
            var ofVolume = await held.CountAsync(one => one.Volume == volume.Value, cancellation).ConfigureAwait(false);
            if (ofVolume >= caps.PerVolume) throw Met($"the volume {volume} has {ofVolume}", caps.PerVolume);
            held.Add(new(snapshot, volume.Value, VolumePool.Of(volume.Value)));
        }
    }

    /// <summary>Nothing of it is on the storage any more.</summary>
    public static Task FreeAsync(Change<SnapshotsDb> change, SnapshotId snapshot, CancellationToken cancellation) =>
        change.Db.HeldVolumes.Where(one => one.Snapshot == snapshot).ExecuteDeleteAsync(cancellation);

    static RefusedException Met(string has, int cap) =>
        new($"too many snapshots: {has}, and {cap} are the most that it may have: delete some, or raise the cap");
}
