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
    public static async Task DoneAsync(WorkTask task, string result, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        switch (task.Kind)
        {
            case WorkKind.Export when run is { IsOver: false }:
                await BackupRuns.ExportedAsync(run, Read(result, WorkJson.Default.ExportResult), change, cancellation).ConfigureAwait(false);
                return;
            case WorkKind.StopServer when run is { IsOver: false }:
                RestoreRuns.Stopped(run, Read(result, WorkJson.Default.ServerResult), change);
                return;
            case WorkKind.Import when run is { IsOver: false }:
                RestoreRuns.Imported(run, Read(result, WorkJson.Default.ImportResult), change);
                return;
            case WorkKind.StartServer when run is { IsOver: false }:
                Ending.End(change, run, null, RunState.Succeeded, null);
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
        WorkTask task, string error, bool mayPass, WorkLimits limits, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        // A server that was stopped for a restore is to run again, whatever became of that.
        var isWanted = run is null or { IsOver: false, EndsAs: null } || task.Kind == WorkKind.StartServer;
        if (mayPass && task.Attempts < WorkTask.AttemptsMax && isWanted)
        {
            task.IsReadyAgain(change.Now + limits.RetryDelay * Math.Pow(2, task.Attempts - 1), error);
            return;
        }
        task.HasFailed(error);
        if (run is { IsOver: false }) await EndRunAsync(task, run, error, change, cancellation).ConfigureAwait(false);
        else if (run is null) await VaultWorkFailedAsync(task, error, change, cancellation).ConfigureAwait(false);
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
        const string Reason = "the worker that had it was lost";
        var run = await RunOfAsync(task, change, cancellation).ConfigureAwait(false);
        // What an export has put in the vault, only another attempt can find out: also when the run is to end.
        var isWanted = run is null or { IsOver: false } || task.Kind == WorkKind.StartServer;
        if (task.Attempts < WorkTask.AttemptsMax && isWanted)
        {
            task.IsReadyAgain(change.Now, Reason);
            return;
        }
        task.HasFailed(Reason);
        if (run is { IsOver: false }) await EndRunAsync(task, run, Reason, change, cancellation).ConfigureAwait(false);
        else if (run is null) await VaultWorkFailedAsync(task, Reason, change, cancellation).ConfigureAwait(false);
    }

    static async Task EndRunAsync(WorkTask task, Run run, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        var reason = run.EndsAs is null ? error : run.Error!;
        if (task.Kind == WorkKind.StopServer)
        {
            // An attempt may have stopped it all the same.
            RestoreRuns.GiveUp(run, run.EndsAs ?? RunState.Failed, change, reason);
            return;
        }
        var point = run.Kind == RunKind.Backup ? await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false) : null;
        Ending.End(change, run, point, run.EndsAs ?? RunState.Failed, run.Kind == RunKind.Restore ? RestoreRuns.WithWayBack(run, reason) : reason);
    }

    static async Task<Run?> RunOfAsync(WorkTask task, Change<BackupDb> change, CancellationToken cancellation) =>
        task.Run is { } id ? await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) : null;

    static T Read<T>(string result, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class =>
        JsonSerializer.Deserialize(result, type) ?? throw new JsonException("a result is null");
}
