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
/// Does on the storage what the orders say. Each step can be repeated: whoever dies at one finds it again. One process of a region does
/// so, several steps at once: whoever calls has a lane of his own. Thread-safe.
/// </summary>
/// <param name="report">Hears what is to be known of steps that are no run's; null where nobody listens.</param>
public sealed class SnapshotWork(
    ChangeMaker<SnapshotsDb> changes, EdgeCloud cloud, SnapshotLimits? limits = null, IRunReport? report = null)
{
    const int BatchMax = 100;

    readonly SnapshotLimits _limits = limits ?? new();
    readonly SnapshotLanes _lanes = new(changes, (limits ?? new()).RollBacksAtOnce);
    readonly MessageTidying<SnapshotsDb> _tidying = new(changes);

    /// <summary>Does the next step that is due and in nobody's way.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> DoOneAsync(CancellationToken cancellation)
    {
        if (await _lanes.EnterAsync(cancellation).ConfigureAwait(false) is not { } lane) return false;
        try
        {
            await DoAsync(lane.Snapshot, cancellation, lane.Step).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _lanes.Leave(lane);
        }
    }

    /// <summary>Notes what comes due by time alone: those whose days are over go.</summary>
    public async Task ExpireAsync(CancellationToken cancellation)
    {
        await changes.MakeAsync(change => ExpireAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await _tidying.TurnAsync(cancellation).ConfigureAwait(false);
    }

    static async Task ExpireAsync(Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        var over = await change.Db.Snapshots
            .Where(one => one.KeptUntil < now && one.Next != SnapshotStep.Remove && one.Next != SnapshotStep.RollBack
                && (one.State == SnapshotState.Ready || one.State == SnapshotState.Base))
            .Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var snapshot in over)
        {
            snapshot.IsToBeRemoved(now);
            SnapshotOrders.Tell(change, snapshot);
        }
    }

    /// <param name="chosen">What was due when it was chosen: only that is done. Null for whatever is next.</param>
    async Task DoAsync(SnapshotId id, CancellationToken cancellation, SnapshotStep? chosen = null)
    {
        var (step, snapshot, wasBegun) = await changes.MakeAsync(async change =>
        {
            var found = await FindAsync(change, id, cancellation).ConfigureAwait(false);
            var began = found.Attempts > 0;
            var next = chosen is null || found.Next == chosen ? found.Next : SnapshotStep.None;
            if (next == SnapshotStep.Take) found.IsBeingTaken();
            return (next, found, began);
        }, cancellation).ConfigureAwait(false);
        try
        {
            switch (step)
            {
                case SnapshotStep.Take:
                    await TakeAsync(snapshot, wasBegun, cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.KeepAsBase:
                    await cloud.Storage.Snapshots.KeepAsBaseAsync(snapshot.Instant, VolumesOf(snapshot), cancellation)
                        .ConfigureAwait(false);
                    await DoneAsync(id, one => one.IsBase(), cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.Remove:
                    await RemoveAsync(snapshot, cancellation).ConfigureAwait(false);
                    await RemovedAsync(id, cancellation).ConfigureAwait(false);
                    return;
                case SnapshotStep.RollBack:
                    await RollBackAsync(snapshot, cancellation).ConfigureAwait(false);
                    await DoneAsync(id, one => one.WasRolledBack(changes.Now), cancellation).ConfigureAwait(false);
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
        await changes.MakeAsync(change => SnapshotCapacity.ReserveAsync(change, snapshot.Id, volumes, _limits.Caps, cancellation),
            cancellation)
            .ConfigureAwait(false);
        // Whether the guest was still frozen when somebody died at it, nobody knows: it is taken anew, and nobody was told of it.
        if (wasBegun) await cloud.Storage.Snapshots.RemoveAsync(snapshot.Instant, volumes, cancellation).ConfigureAwait(false);
        var bases = await changes.MakeAsync(change => change.Db.Snapshots
            .Where(one => one.ServerId == snapshot.ServerId && one.Purpose == SnapshotPurpose.Backup && one.State == SnapshotState.Base)
            .Select(one => one.Instant).ToListAsync(cancellation), cancellation).ConfigureAwait(false);
        var noted = new NotedReport();
        // Whoever names disks knows that the others are not in the point.
        if (snapshot is { Purpose: SnapshotPurpose.Backup, WantedDisks: null }) LeftOutNotes.NoteTo(noted, server);
        TakenInstant? taken = null;
        try
        {
            taken = snapshot.Purpose == SnapshotPurpose.Backup
                ? await InstantTaking.TakeForBackupAsync(cloud, server, snapshot.Instant, bases, noted, cancellation).ConfigureAwait(false)
                : await InstantTaking.TakeAsync(cloud, server, snapshot.Instant, bases, noted, cancellation).ConfigureAwait(false);
        }
        finally
        {
            // Those of a run go with what it is told of its snapshot.
            if (taken is null || snapshot.Run is null)
                foreach (var note in noted.Notes) report?.Note(note);
        }
        var configuration = await cloud.Hypervisor.ReadConfigurationAsync(server.Name, cancellation).ConfigureAwait(false);
        List<DiskView> disks = [];
        foreach (var disk in server.Disks)
            disks.Add(new(disk.Name, disk.Volume.Value, await cloud.Storage.FindLengthAsync(disk.Volume, cancellation)
                .ConfigureAwait(false), null));
        await changes.MakeAsync(async change =>
        {
            var found = await FindAsync(change, snapshot.Id, cancellation).ConfigureAwait(false);
            found.WasTaken(taken.Instant.TakenAt, disks);
            if (found.Run is { } run)
                change.Send(Destination.Backup, new SnapshotTaken(found.Id, run, null, taken.Instant.TakenAt, taken.Consistency,
                    taken.HeldSeconds, server.Name, ServerStateName.Of(taken.State), disks, configuration.Kind, configuration.Text,
                    noted.Notes, found.Instant, taken.Kind, taken.SkewSeconds, server.Size?.Processors, server.Size?.MemoryBytes),
                    MessageJson.Default.SnapshotTaken);
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
        return server.Disks.Count > 0 ? server
            : throw new RefusedException($"server {server.Name} has no disk that can be backed up{LeftOutNotes.Sentence(server)}");
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
        if (volumes.Count == 0) return;
        if (snapshot is { Purpose: not SnapshotPurpose.Backup, IsGivenUp: false })
            await UnfinishedRestores.RequireNotNeededAsync(cloud.Storage, snapshot.Instant, volumes, cancellation).ConfigureAwait(false);
        await cloud.Storage.Snapshots.RemoveAsync(snapshot.Instant, volumes, cancellation).ConfigureAwait(false);
    }

    Task RemovedAsync(SnapshotId id, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var snapshot = await FindAsync(change, id, cancellation).ConfigureAwait(false);
        snapshot.IsRemoved();
        await SnapshotCapacity.FreeAsync(change, id, cancellation).ConfigureAwait(false);
        SnapshotOrders.Tell(change, snapshot);
    }, cancellation);

    // The safety snapshot comes before anything is touched, and what later backups would build on goes before the volumes change: whoever
    // dies here finds all of it again.
    async Task RollBackAsync(Snapshot snapshot, CancellationToken cancellation)
    {
        List<DiskView> disks = [.. snapshot.Disks.Where(disk => snapshot.RolledBackDisks?.Contains(disk.Name) is not false)];
        VolumeId[] volumes = [.. disks.Select(disk => new VolumeId(disk.Volume))];
        var server = await cloud.FindServerAsync(snapshot.ServerId, cancellation).ConfigureAwait(false);
        if (server is { State: not ServerState.Shutdown }) throw new RefusedException($"server {server.Name} runs: stop it first");
        // A disk that was detached since may be another server's.
        if (volumes.FirstOrDefault(volume => server?.Disks.Any(disk => disk.Volume == volume) is not true) is { Value: not null } other)
            throw new RefusedException($"volume {other} is no disk of this server any more: nothing was rolled back");
        var found = await cloud.Storage.Snapshots.ListAsync(volumes, cancellation).ConfigureAwait(false);
        if (found.FirstOrDefault(one => one.Name == snapshot.Instant) is not { IsComplete: true, IsReadable: true })
            throw new RefusedException(
                "the storage does not have what the volumes were, but only what changed since: nothing was rolled back");
        await SecureAsync(snapshot, server!, disks, cancellation).ConfigureAwait(false);
        await GiveUpBasesAsync(snapshot, cancellation).ConfigureAwait(false);
        await UnfinishedRestores.RollBackAsync(cloud, server!, snapshot.Instant, volumes, report ?? new NotedReport(), cancellation)
            .ConfigureAwait(false);
    }

    async Task SecureAsync(Snapshot snapshot, Server server, List<DiskView> disks, CancellationToken cancellation)
    {
        // Several volumes of a group cannot be taken without the others of it; one volume can.
        var whole = snapshot.Disks.Select(disk => disk.Name).Where(name => server.Disks.Any(disk => disk.Name == name));
        List<string> wanted = [.. disks.Count == 1 ? disks.Select(disk => disk.Name) : whole];
        var safety = await changes.MakeAsync(async change =>
        {
            var found = await FindAsync(change, snapshot.Id, cancellation).ConfigureAwait(false);
            var isBackedUp = await change.Db.Snapshots.AnyAsync(one => one.ServerId == snapshot.ServerId
                && one.Purpose == SnapshotPurpose.Backup && (one.State == SnapshotState.Ready
                    || (one.State == SnapshotState.Taking && one.Next == SnapshotStep.Take)), cancellation).ConfigureAwait(false);
            if (found.Safety is { } earlier && await FindAsync(change, earlier, cancellation).ConfigureAwait(false) is
                { State: SnapshotState.Taking or SnapshotState.Ready, Next: not SnapshotStep.Remove })
            {
                // It was begun, and one came in between: what it would build on later is not taken from under it.
                return !isBackedUp ? earlier : throw new CloudException(CloudFailure.InUse, "roll back", $"server {server.Name}",
                    "a backup of it is going on");
            }
            if (isBackedUp)
                throw new RefusedException($"a backup of server {server.Name} is going on: wait for it, or cancel it");
            var installation = await Installation.OfAsync(change, cancellation).ConfigureAwait(false);
            var made = found.BeforeRollBack(change.NewId<SnapshotId>(), installation, wanted, change.Now, _limits.SafetyKept);
            change.Db.Snapshots.Add(made);
            SnapshotOrders.Tell(change, made);
            return made.Id;
        }, cancellation).ConfigureAwait(false);
        var taken = await changes.MakeAsync(change => FindAsync(change, safety, cancellation), cancellation).ConfigureAwait(false);
        if (taken.State == SnapshotState.Taking)
        {
            await DoAsync(safety, cancellation).ConfigureAwait(false);
            taken = await changes.MakeAsync(change => FindAsync(change, safety, cancellation), cancellation).ConfigureAwait(false);
        }
        if (taken.State != SnapshotState.Ready)
            throw new RefusedException($"no safety snapshot could be taken, and nothing was rolled back: {taken.Error}");
    }

    async Task GiveUpBasesAsync(Snapshot snapshot, CancellationToken cancellation)
    {
        var bases = await changes.MakeAsync(async change =>
        {
            var found = await change.Db.Snapshots.Where(one => one.ServerId == snapshot.ServerId && one.State == SnapshotState.Base
                && one.Id != snapshot.Id)
                .ToListAsync(cancellation).ConfigureAwait(false);
            foreach (var one in found)
            {
                one.IsToBeRemoved(change.Now);
                SnapshotOrders.Tell(change, one);
            }
            return found.Select(one => one.Id).ToList();
        }, cancellation).ConfigureAwait(false);
        foreach (var one in bases) await DoAsync(one, cancellation).ConfigureAwait(false);
    }

    Task DoneAsync(SnapshotId id, Action<Snapshot> done, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var snapshot = await FindAsync(change, id, cancellation).ConfigureAwait(false);
        done(snapshot);
        SnapshotOrders.Tell(change, snapshot);
    }, cancellation);

    Task FailedAsync(SnapshotId id, SnapshotStep step, Exception failure, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
    {
        var snapshot = await FindAsync(change, id, cancellation).ConfigureAwait(false);
        var reason = Aftermath.Of(failure) is { } aftermath ? $"{failure.Message}; {aftermath}" : failure.Message;
        if (step == SnapshotStep.Take) SnapshotOrders.Fail(change, snapshot, reason);
        else if (step == SnapshotStep.RollBack && failure is RefusedException) snapshot.IsNotRolledBack(reason);
        else if (step == SnapshotStep.Remove && failure is RefusedException) snapshot.IsStillNeeded(reason, change.Now);
        else snapshot.StepFailed(reason, change.Now);
        SnapshotOrders.Tell(change, snapshot);
    }, cancellation);

    static IReadOnlyList<VolumeId> VolumesOf(Snapshot snapshot) => [.. snapshot.Disks.Select(disk => new VolumeId(disk.Volume))];

    static async Task<Snapshot> FindAsync(Change<SnapshotsDb> change, SnapshotId id, CancellationToken cancellation) =>
        await change.Db.Snapshots.FindAsync([id], cancellation).ConfigureAwait(false)
        ?? throw new InvalidOperationException($"There is no snapshot {id}.");
}
