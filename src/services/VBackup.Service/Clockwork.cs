using Microsoft.EntityFrameworkCore;
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

    public async Task TurnAsync(CancellationToken cancellation)
    {
        await changes.MakeAsync(change => EndLeasesAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => CloseWindowsAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => WorkerAbsence.GiveUpAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => WorkerAbsence.EndGivenUpAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => WorkerAbsence.TellAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => GiveUpSnapshotsAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => PointDeletion.PurgeAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => LocationLocks.TurnAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => StorageSpace.ScheduleAsync(change, _space, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => KeyTasks.ScheduleAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => CatalogueSaving.ScheduleAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await _tidying.TurnAsync(cancellation).ConfigureAwait(false);
    }

    static async Task EndLeasesAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        var lost = await change.Db.Tasks.Where(task => task.State == WorkTaskState.Leased && task.LeaseUntil < now)
            .OrderBy(task => task.LeaseUntil).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var task in lost) await TaskResults.LostAsync(task, change, cancellation).ConfigureAwait(false);
    }

    static async Task CloseWindowsAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        var late = await change.Db.Runs.Where(run => run.State < RunState.Succeeded && run.EndsAs == null && run.StopBy < now)
            .Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var run in late)
            await Ending.StopAsync(change, run, RunState.WindowClosed, "the policy's window closed before it was done", cancellation)
                .ConfigureAwait(false);
    }

    static async Task GiveUpSnapshotsAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        const string Silence = "the region's vSnapshot service does not answer";
        var since = change.Now - SnapshotPatience;
        var waiting = await change.Db.Runs.Where(run => run.State == RunState.Snapshotting && run.Snapshot != null
                && run.StartedAt < since)
            .Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var run in waiting)
        {
            var ending = run.EndsAs ?? RunState.Failed;
            if (run.Kind == RunKind.Restore) RestoreRuns.GiveUp(run, ending, change, Silence);
            else
                Ending.End(
                    change, run, await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false), ending, Silence);
        }
    }
}
