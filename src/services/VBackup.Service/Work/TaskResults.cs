using System.Text.Json;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Catalogues;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Runs;

namespace VBackup.Service.Work;

/// <summary>What follows from a task's end. REQUIRES: whoever says so has the task.</summary>
static class TaskResults
{
    const string Lost = "the worker that had it was lost";

    public static async Task DoneAsync(WorkTask task, string result, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        switch (task.Kind)
        {
            case WorkKind.Export when run is { IsOver: false }:
                await BackupRuns.ExportedAsync(run, Read(result, WorkJson.Default.ExportResult), change, cancellation)
                    .ConfigureAwait(false);
                return;
            case WorkKind.SettleExport when run is { IsOver: false }:
                await SettledAsync(run, Read(result, WorkJson.Default.SettleResult), change, cancellation).ConfigureAwait(false);
                return;
            case WorkKind.RemoveUnfinished when run is { IsOver: false }:
                await EndRunAsync(run, run.Error + ToldOf(Read(result, WorkJson.Default.UnfinishedResult)), change, cancellation)
                    .ConfigureAwait(false);
                return;
            case WorkKind.ExportImage or WorkKind.ImportImage when run is { IsOver: false }:
                ImageRuns.Done(run, Read(result, WorkJson.Default.ImageResult), change);
                return;
            case WorkKind.StopServer when run is { IsOver: false }:
                RestoreRuns.Stopped(run, Read(result, WorkJson.Default.ServerResult), change);
                return;
            case WorkKind.Import when run is { IsOver: false }:
                RestoreRuns.Imported(run, Read(result, WorkJson.Default.ImportResult), change);
                return;
            case WorkKind.StartServer when run is { IsOver: false }:
                RestoreRuns.IsStarted(run, change);
                return;
            case WorkKind.CheckLocation or WorkKind.Prune or WorkKind.CollectGarbage or WorkKind.Verify:
                await LocationWork.DoneAsync(task, Read(result, WorkJson.Default.VaultResult), change, cancellation).ConfigureAwait(false);
                return;
            case WorkKind.SaveCatalogue:
                await CatalogueSaving.EndedAsync(task, error: null, change, cancellation).ConfigureAwait(false);
                return;
            case WorkKind.RotateKey or WorkKind.EraseKey:
                await KeyTasks.DoneAsync(task, change, cancellation).ConfigureAwait(false);
                return;
        }
    }

    public static async Task FailedAsync(
        WorkTask task, WorkFailure failure, WorkLimits limits, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        var error = failure.Error;
        if (failure.OverwroteNothing) task.HasOverwrittenNothing();
        if (failure.MayPass && task.Attempts < WorkTask.AttemptsMax && IsWanted(task, run))
        {
            task.IsReadyAgain(change.Now + limits.RetryDelay * Math.Pow(2, task.Attempts - 1), error);
            if (task.Kind == WorkKind.CheckLocation)
                await LocationWork.TriedAsync(task, error, change, cancellation).ConfigureAwait(false);
        }
        else
            await EndAsync(task, run, error, change, cancellation).ConfigureAwait(false);
    }

    static Task VaultWorkFailedAsync(WorkTask task, string error, Change<BackupDb> change, CancellationToken cancellation) =>
        task.Kind switch
    {
        WorkKind.SaveCatalogue => CatalogueSaving.EndedAsync(task, error, change, cancellation),
        // They come again, and their error is told with the project's key.
        WorkKind.RotateKey or WorkKind.EraseKey => Task.CompletedTask,
        _ => LocationWork.FailedAsync(task, error, change, cancellation),
    };

    /// <summary>Nobody has said a word for too long: another gets it, under a higher epoch.</summary>
    public static async Task LostAsync(WorkTask task, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        if (task.Attempts < WorkTask.AttemptsMax && IsWanted(task, run)) task.IsReadyAgain(change.Now, Lost);
        else await EndAsync(task, run, Lost, change, cancellation).ConfigureAwait(false);
    }

    /// <summary>A run is to end, somebody had its task once, and nobody is there who could go on with it.</summary>
    public static Task AbandonedAsync(WorkTask task, Run run, Change<BackupDb> change, CancellationToken cancellation) =>
        EndAsync(task, run, Lost, change, cancellation);

    static bool IsWanted(WorkTask task, Run? run) => run is null or { IsOver: false, EndsAs: null } || !task.EndsWithItsRun;

    /// <summary>There is no further attempt.</summary>
    static async Task EndAsync(WorkTask task, Run? run, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        task.HasFailed(error);
        switch (run)
        {
            case null:
                await VaultWorkFailedAsync(task, error, change, cancellation).ConfigureAwait(false);
                return;
            case { IsOver: true }:
                return;
        }
        if (task.Kind == WorkKind.Export)
            await SettleAsync(task, run, error, change, cancellation).ConfigureAwait(false);
        else if (task.Kind == WorkKind.SettleExport)
            await EndRunAsync(run, run.Error + "; whether a point came of it could not be found out"
                + (error == run.Error ? "" : $": {error}"), change, cancellation).ConfigureAwait(false);
        else if (task.Kind == WorkKind.StopServer)
            // An attempt may have stopped it all the same.
            RestoreRuns.GiveUp(run, run.EndsAs ?? RunState.Failed, change, run.EndsAs is null ? error : run.Error!);
        else if (task.Kind == WorkKind.StartServer)
            RestoreRuns.IsNotStarted(run, error, change);
        else if (task.Kind == WorkKind.RemoveUnfinished)
            await EndRunAsync(run, $"{run.Error}; {run.NewName} may be left half made, as nobody could remove what is there of it: {error}",
                change, cancellation).ConfigureAwait(false);
        else if (task.Kind == WorkKind.Import && run.Target == RestoreTarget.Original)
            RestoreRuns.NotImported(run, error, IsUntouched(task), change);
        else if (MayHaveLeft(task, run, error))
            RemoveUnfinished(task, run, error, change);
        else
            await EndRunAsync(run, run.EndsAs is null ? error : run.Error!, change, cancellation).ConfigureAwait(false);
    }

    // Every attempt has said that it had overwritten nothing. Of one that was lost or given back nobody knows, and one that was lost may
    // wake up.
    static bool IsUntouched(WorkTask import) => import.UntouchedAttempts == import.Epoch;

    // Whoever was lost has removed nothing, and nobody comes after him. Who came after one that was lost may have failed before he got to
    // what that one had made. Who was told to stop tries once to remove what he has made, and says nothing of it.
    static bool MayHaveLeft(WorkTask task, Run run, string error) => (error == Lost || task.Epoch > 1 || run.EndsAs is not null)
        && (task.Kind == WorkKind.ImportImage || task.Kind == WorkKind.Import && run.Target != RestoreTarget.Original);

    static void RemoveUnfinished(WorkTask task, Run run, string error, Change<BackupDb> change)
    {
        run.IsToEnd(RunState.Failed, error);
        var order = task.Kind == WorkKind.Import
            ? new UnfinishedOrder(run.Id, Read(task.Order, WorkJson.Default.ImportOrder), null)
            : new UnfinishedOrder(run.Id, null, Read(task.Order, WorkJson.Default.ImportImageOrder));
        WorkQueue.Add(change, WorkKind.RemoveUnfinished, run, order, WorkJson.Default.UnfinishedOrder);
        BackupRuns.Tell(change, run, null);
    }

    static string ToldOf(UnfinishedResult unfinished) =>
        (unfinished.Removed.Count > 0 ? $"; the incomplete {string.Join(", ", unfinished.Removed)} was removed" : "")
        + (unfinished.Left.Count > 0
            ? $"; {string.Join(", ", unfinished.Left)} may be left half made: remove what is there of it" : "");

    // An attempt may have put its point and not have been able to say so: only the vault can tell, and until it has, the run is not over.
    static async Task SettleAsync(WorkTask export, Run run, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        var location = await change.Db.Locations.FindAsync([run.Location], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Run {run.Id} has no location.");
        var order = JsonSerializer.Deserialize(export.Order, WorkJson.Default.ExportOrder)!;
        run.IsToEnd(RunState.Failed, error);
        WorkQueue.Add(change, WorkKind.SettleExport, run,
            new(location.VaultToFillOf(run.Project), [.. order.EarlierSessions, order.Session]), WorkJson.Default.SettleOrder);
        BackupRuns.Tell(change, run, null);
    }

    static Task SettledAsync(Run run, SettleResult settled, Change<BackupDb> change, CancellationToken cancellation) =>
        settled.Point is { } point ? BackupRuns.ExportedAsync(run, point, change, cancellation)
            : EndRunAsync(run, run.Error!, change, cancellation);

    static async Task EndRunAsync(Run run, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = run.Kind == RunKind.Backup ? await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false) : null;
        Ending.End(change, run, point, run.EndsAs ?? RunState.Failed, error);
    }

    static async Task<Run?> RunOfAsync(WorkTask task, Change<BackupDb> change, CancellationToken cancellation) =>
        task.Run is { } id ? await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) : null;

    // A result, or an order.
    static T Read<T>(string result, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class =>
        JsonSerializer.Deserialize(result, type) ?? throw new JsonException("it is null");
}
