using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Service.Points;
using VBackup.Service.Work;

namespace VBackup.Service.Runs;

/// <summary>The one place where runs end: with a result or without, nothing of one is left behind.</summary>
static class Ending
{
    public static void Fail(Change<BackupDb> change, Run run, RestorePoint? point, string error) =>
        End(change, run, point, RunState.Failed, error);

    /// <param name="point">A backup's own; null for a restore, which leaves its point as it is.</param>
    public static void End(Change<BackupDb> change, Run run, RestorePoint? point, RunState state, string? error)
    {
        if (run.IsOver) return;
        var took = run.Kind == RunKind.Backup && run.State is RunState.Transferring or RunState.Snapshotting;
        run.Ends(state, error, change.Now);
        if (state != RunState.Succeeded)
        {
            point?.Fails();
            // A snapshot that is still being taken is removed when it is there: the order to remove it comes first or last.
            if (took && run.Kind == RunKind.Backup && run.Snapshot is { } snapshot) BackupRuns.Release(change, run, snapshot);
        }
        BackupRuns.Tell(change, run, point);
    }

    /// <summary>Somebody wants a run to end, or its window closed. Who is at work stops first.</summary>
    public static async Task StopAsync(Change<BackupDb> change, Run run, RunState state, string reason, CancellationToken cancellation)
    {
        if (run.IsOver) return;
        run.IsToEnd(state, reason);
        var tasks = await change.Db.Tasks.Where(task => task.Run == run.Id && task.State < WorkTaskState.Done)
            .ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var task in tasks.Where(task => task is { State: WorkTaskState.Ready, Epoch: 0, EndsWithItsRun: true }))
            task.IsCancelled();
        // Where nobody is there who could get it, nobody is waited for.
        if (run.WaitsForWorkerSince is not null
            && tasks.Find(task => task is { State: WorkTaskState.Ready, EndsWithItsRun: true }) is { } left)
        {
            await TaskResults.AbandonedAsync(left, run, change, cancellation).ConfigureAwait(false);
            return;
        }
        // One that somebody has, or may have had, is settled by the next one who gets it, or by him.
        if (tasks.Any(task => !task.IsOver) || run.State == RunState.Snapshotting)
        {
            BackupRuns.Tell(change, run, null);
            return;
        }
        var point = run.Kind == RunKind.Backup ? await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false) : null;
        // Nobody has begun to write: a server that was stopped for it runs again.
        if (point is null) RestoreRuns.GiveUp(run, run.EndsAs ?? state, change);
        else End(change, run, point, run.EndsAs ?? state, null);
    }

    public static async Task CancelAsync(CancelRun order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await change.Db.Runs.FindAsync([order.Run], cancellation).ConfigureAwait(false);
        if (run is null || run.Project != order.Project) return;
        await StopAsync(change, run, RunState.Cancelled, "it was cancelled", cancellation).ConfigureAwait(false);
    }
}
