using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Service.Catalogues;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Runs;
using VBackup.Service.Work;

namespace VBackup.Service;

/// <summary>What happens because time went by: leases run out, windows close, workers and snapshots do not come, the bin is emptied,
/// locks become final and points too old, storage space is looked after in quiet hours, vaults hear of new keys and get the catalogue, old
/// messages are forgotten. Any number of replicas may do it, each one turn after the other.</summary>
public sealed class Clockwork(ChangeMaker<BackupDb> changes, StorageSpaceLimits? space = null)
{
    /// <summary>How long a run waits for its snapshot. One that comes later is removed.</summary>
    public static readonly TimeSpan SnapshotPatience = TimeSpan.FromMinutes(30);

    /// <summary>For so long a region's workers may be silent, as they are while they start anew.</summary>
    public static readonly TimeSpan WorkerPatience = TimeSpan.FromMinutes(2);

    const int BatchMax = 200;

    readonly StorageSpaceLimits _space = space ?? new();
    readonly MessageTidying<BackupDb> _tidying = new(changes);

    /// <exception cref="AggregateException">Some of it failed, and is tried again with the next turn. All else was done.</exception>
    public async Task TurnAsync(CancellationToken cancellation)
    {
        var turn = new Turn<BackupDb>(changes, cancellation);
        await turn.DoEachAsync("ending the lease of task", change => FindLostAsync(change, cancellation),
            (change, task) => EndLeaseAsync(change, task, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("closing the window of run", change => FindLateAsync(change, cancellation),
            (change, run) => CloseWindowAsync(change, run, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("giving up, as no worker has begun it, run", change => WorkerAbsence.FindLateAsync(change, cancellation),
            (change, run) => WorkerAbsence.GiveUpAsync(change, run, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("ending restores that no worker ends", change => WorkerAbsence.EndGivenUpAsync(change, cancellation))
            .ConfigureAwait(false);
        await turn.DoAsync("telling which runs wait for a worker", change => WorkerAbsence.TellAsync(change, cancellation))
            .ConfigureAwait(false);
        await turn.DoEachAsync("giving up, as it has no snapshot, run", change => FindWithoutSnapshotAsync(change, cancellation),
            (change, run) => GiveUpSnapshotAsync(change, run, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("purging point", change => PointDeletion.FindToPurgeAsync(change, cancellation),
            (change, point) => PointDeletion.PurgeAsync(change, point, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("making locks final", change => LocationLocks.EndChangesAsync(change, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("deleting what is too old of location", change => LocationLocks.FindWithOldAsync(change, cancellation),
            (change, location) => LocationLocks.DeleteOldAsync(change, location, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("work on storage space", change => StorageSpace.ScheduleAsync(change, _space, cancellation))
            .ConfigureAwait(false);
        await turn.DoAsync("work on keys", change => KeyTasks.ScheduleAsync(change, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("saving catalogues", change => CatalogueSaving.ScheduleAsync(change, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("forgetting old messages", _tidying.TurnAsync).ConfigureAwait(false);
        turn.End();
    }

    static Task<List<WorkTaskId>> FindLostAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        return change.Db.Tasks.Where(task => task.State == WorkTaskState.Leased && task.LeaseUntil < now)
            .OrderBy(task => task.LeaseUntil).Select(task => task.Id).Take(BatchMax).ToListAsync(cancellation);
    }

    static async Task EndLeaseAsync(Change<BackupDb> change, WorkTaskId id, CancellationToken cancellation)
    {
        if (await change.Db.Tasks.FindAsync([id], cancellation).ConfigureAwait(false) is { State: WorkTaskState.Leased } task
            && task.LeaseUntil < change.Now) await TaskResults.LostAsync(task, change, cancellation).ConfigureAwait(false);
    }

    static Task<List<RunId>> FindLateAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        return change.Db.Runs.Where(run => run.State < RunState.Succeeded && run.EndsAs == null && run.StopBy < now)
            .Select(run => run.Id).Take(BatchMax).ToListAsync(cancellation);
    }

    static async Task CloseWindowAsync(Change<BackupDb> change, RunId id, CancellationToken cancellation)
    {
        if (await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) is { EndsAs: null } run)
            await Ending.StopAsync(change, run, RunState.WindowClosed, "the policy's window closed before it was done", cancellation)
                .ConfigureAwait(false);
    }

    static Task<List<RunId>> FindWithoutSnapshotAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var since = change.Now - SnapshotPatience;
        return change.Db.Runs.Where(run => run.State == RunState.Snapshotting && run.Snapshot != null && run.StartedAt < since)
            .Select(run => run.Id).Take(BatchMax).ToListAsync(cancellation);
    }

    static async Task GiveUpSnapshotAsync(Change<BackupDb> change, RunId id, CancellationToken cancellation)
    {
        const string Silence = "the region's vSnapshot service does not answer";
        if (await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false)
            is not { State: RunState.Snapshotting, Snapshot: not null } run) return;
        var ending = run.EndsAs ?? RunState.Failed;
        if (run.Kind == RunKind.Restore) RestoreRuns.GiveUp(run, ending, change, Silence);
        else
            Ending.End(change, run, await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false), ending, Silence);
    }
}
