using Microsoft.EntityFrameworkCore;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;

namespace VBackup.Snapshots;

/// <summary>
/// Does on the storage what the orders say, one step after the other. Each step can be repeated: whoever dies at one finds it again.
/// One process of a region does so.
/// </summary>
public sealed class SnapshotWork(ChangeMaker<SnapshotsDb> changes, EdgeCloud cloud)
{
    const int BatchMax = 100;

    readonly MessageTidying<SnapshotsDb> _tidying = new(changes);

    /// <summary>Does the steps that are due, and what comes due by time alone.</summary>
    /// <returns>How many.</returns>
    public async Task<int> DoDueAsync(CancellationToken cancellation)
    {
        await changes.MakeAsync(change => ExpireAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await _tidying.TurnAsync(cancellation).ConfigureAwait(false);
        var due = await changes.MakeAsync(async change =>
        {
            var now = change.Now;
            return await change.Db.Snapshots.Where(one => one.Next != SnapshotStep.None && one.DueAt <= now)
                .OrderBy(one => one.DueAt).ThenBy(one => one.Id).Select(one => one.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        }, cancellation).ConfigureAwait(false);
        foreach (var id in due) await DoAsync(id, cancellation).ConfigureAwait(false);
        return due.Count;
    }

    // Those whose days are over.
    static async Task ExpireAsync(Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        var over = await change.Db.Snapshots
            .Where(one => one.KeptUntil < now && one.Next != SnapshotStep.Remove && (one.State == SnapshotState.Ready || one.State == SnapshotState.Base))
            .Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var snapshot in over)
        {
            snapshot.IsToBeRemoved(now);
            SnapshotOrders.Tell(change, snapshot);
        }
    }

    async Task DoAsync(SnapshotId id, CancellationToken cancellation)
    {
        var (step, snapshot, wasBegun) = await changes.MakeAsync(async change =>
        {
            var found = await FindAsync(change, id, cancellation).ConfigureAwait(false);
            var began = found.Attempts > 0;
            if (found.Next == SnapshotStep.Take) found.IsBeingTaken();
            return (found.Next, found, began);
        }, cancellation).ConfigureAwait(false);
        try
        {
            switch (step)
            {
                case SnapshotStep.Take:
                    await TakeAsync(snapshot, wasBegun, cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.KeepAsBase:
                    await cloud.Storage.Snapshots.KeepAsBaseAsync(snapshot.Name, VolumesOf(snapshot), cancellation).ConfigureAwait(false);
                    await DoneAsync(id, one => one.IsBase(), cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.Remove:
                    await RemoveAsync(snapshot, cancellation).ConfigureAwait(false);
                    await DoneAsync(id, one => one.IsRemoved(), cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.RollBack:
                    await RollBackAsync(snapshot, cancellation).ConfigureAwait(false);
                    await DoneAsync(id, one => one.WasRolledBack(), cancellation).ConfigureAwait(false);
                    return;
            }
        }
        catch (Exception failure) when (failure is CloudException or RefusedException)
        {
            await FailedAsync(id, step, failure, cancellation).ConfigureAwait(false);
        }
    }

    async Task TakeAsync(Snapshot snapshot, bool wasBegun, CancellationToken cancellation)
    {
        var server = await ServerOfAsync(snapshot, cancellation).ConfigureAwait(false);
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        // Whether the guest was still frozen when somebody died at it, nobody knows: it is taken anew, and nobody was told of it.
        if (wasBegun) await cloud.Storage.Snapshots.RemoveAsync(snapshot.Name, volumes, cancellation).ConfigureAwait(false);
        var bases = await changes.MakeAsync(change => change.Db.Snapshots
            .Where(one => one.ServerId == snapshot.ServerId && one.Purpose == SnapshotPurpose.Backup && one.State == SnapshotState.Base)
            .Select(one => one.Name).ToListAsync(cancellation), cancellation).ConfigureAwait(false);
        var report = new NotedReport();
        var taken = snapshot.Purpose == SnapshotPurpose.Backup
            ? await InstantTaking.TakeForBackupAsync(cloud, server, snapshot.Name, bases, report, cancellation).ConfigureAwait(false)
            : await InstantTaking.TakeAsync(cloud, server, snapshot.Name, bases, report, cancellation).ConfigureAwait(false);
        var configuration = await cloud.Hypervisor.ReadConfigurationAsync(server.Name, cancellation).ConfigureAwait(false);
        List<DiskView> disks = [];
        foreach (var disk in server.Disks)
            disks.Add(new(disk.Name, disk.Volume.Value, await cloud.Storage.FindLengthAsync(disk.Volume, cancellation).ConfigureAwait(false), null));
        await changes.MakeAsync(async change =>
        {
            var found = await FindAsync(change, snapshot.Id, cancellation).ConfigureAwait(false);
            found.WasTaken(taken.Instant.TakenAt, disks);
            if (found.Run is { } run)
                change.Send(Destination.Backup, new SnapshotTaken(found.Id, run, null, taken.Instant.TakenAt, taken.Consistency,
                    taken.HeldFor is { } held ? Math.Round(held.TotalSeconds, 4) : null, server.Name, ServerStateName.Of(taken.State), disks,
                    configuration.Kind, configuration.Text, report.Notes), MessageJson.Default.SnapshotTaken);
            SnapshotOrders.Tell(change, found);
        }, cancellation).ConfigureAwait(false);
    }

    async Task<Server> ServerOfAsync(Snapshot snapshot, CancellationToken cancellation)
    {
        var server = await cloud.FindServerAsync(snapshot.ServerId, cancellation).ConfigureAwait(false)
            ?? throw new RefusedException("the server is gone");
        if (snapshot.WantedDisks is { } wanted)
        {
            if (wanted.FirstOrDefault(name => server.Disks.All(disk => disk.Name != name)) is { } missing)
                throw new RefusedException($"server {server.Name} has no disk {missing} any more");
            server = server with { Disks = [.. server.Disks.Where(disk => wanted.Contains(disk.Name))] };
        }
        return server.Disks.Count > 0 ? server : throw new RefusedException($"server {server.Name} has no disk that can be backed up");
    }

    // One that was never complete is looked for in all that the server has now.
    async Task RemoveAsync(Snapshot snapshot, CancellationToken cancellation)
    {
        var volumes = VolumesOf(snapshot);
        if (volumes.Count == 0)
        {
            var server = await cloud.FindServerAsync(snapshot.ServerId, cancellation).ConfigureAwait(false);
            volumes = [.. (server?.Disks ?? []).Select(disk => disk.Volume)];
        }
        if (volumes.Count > 0) await cloud.Storage.Snapshots.RemoveAsync(snapshot.Name, volumes, cancellation).ConfigureAwait(false);
    }

    async Task RollBackAsync(Snapshot snapshot, CancellationToken cancellation)
    {
        var server = await cloud.FindServerAsync(snapshot.ServerId, cancellation).ConfigureAwait(false);
        if (server is { State: not ServerState.Shutdown }) throw new RefusedException($"server {server.Name} runs: stop it first");
        // A disk that was detached since may be another server's.
        if (VolumesOf(snapshot).FirstOrDefault(volume => server?.Disks.Any(disk => disk.Volume == volume) is not true) is { Value: not null } other)
            throw new RefusedException($"{other} is no disk of this server any more: nothing was rolled back");
        await UnfinishedRestores.RollBackAsync(cloud.Storage, snapshot.Name, VolumesOf(snapshot), cancellation).ConfigureAwait(false);
    }

    Task DoneAsync(SnapshotId id, Action<Snapshot> done, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var snapshot = await FindAsync(change, id, cancellation).ConfigureAwait(false);
        done(snapshot);
        SnapshotOrders.Tell(change, snapshot);
    }, cancellation);

    Task FailedAsync(SnapshotId id, SnapshotStep step, Exception failure, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var snapshot = await FindAsync(change, id, cancellation).ConfigureAwait(false);
        var reason = Aftermath.Of(failure) is { } aftermath ? $"{failure.Message}; {aftermath}" : failure.Message;
        if (step == SnapshotStep.Take) SnapshotOrders.Fail(change, snapshot, reason);
        else snapshot.StepFailed(reason, change.Now);
        SnapshotOrders.Tell(change, snapshot);
    }, cancellation);

    static IReadOnlyList<VolumeId> VolumesOf(Snapshot snapshot) => [.. snapshot.Disks.Select(disk => new VolumeId(disk.Volume))];

    static async Task<Snapshot> FindAsync(Change<SnapshotsDb> change, SnapshotId id, CancellationToken cancellation) =>
        await change.Db.Snapshots.FindAsync([id], cancellation).ConfigureAwait(false)
        ?? throw new InvalidOperationException($"There is no snapshot {id}.");
}
