using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Points;
using VBackup.Service.Work;

namespace VBackup.Service.Runs;

/// <summary>
/// A restore, step by step. In place: the server is stopped where that is allowed, a safety snapshot is taken, the volumes are
/// written and read back, and the server starts again if it ran. To new: volumes are made, and written, and read back.
/// </summary>
static class RestoreRuns
{
    const string SafetyPrefix = "safety-";
    internal const string TooLate = "the order came too late: the messages were delayed";

    public static async Task StartAsync(StartRestore order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        if (await db.Runs.FindAsync([order.Run], cancellation).ConfigureAwait(false) is not null) return;
        if (await FindPointAsync(change, order.Run, order.Project, order.Point, cancellation)
            .ConfigureAwait(false) is not { } point) return;
        var run = Run.Of(order, point.Server, point.ServerName, point.Location, change.Now, change.NotAfter);
        db.Runs.Add(run);
        if (change.IsLate)
        {
            Ending.Fail(change, run, null, TooLate);
            return;
        }
        if (WhyNot(point) is { } reason)
        {
            Ending.Fail(change, run, null, reason);
            return;
        }
        if (order.Target != RestoreTarget.Original)
        {
            await ImportAsync(run, safety: null, change, cancellation).ConfigureAwait(false);
            return;
        }
        if (await db.Runs.AnyAsync(one => one.Region == run.Region && one.ServerId == run.ServerId && one.State < RunState.Succeeded
            && (one.Kind == RunKind.Backup || one.Target == RestoreTarget.Original), cancellation).ConfigureAwait(false))
        {
            Ending.Fail(change, run, null, "another run of this server is going on");
            return;
        }
        if (order.StopsServer)
            WorkQueue.Add(change, WorkKind.StopServer, run, new(run.Server, run.ServerName, ToOverwrite: run.Volume is { } volume ? [volume]
                : [.. point.Volumes.Select(one => one.Name)], ToRestore: await OrderOfAsync(run, point, safety: null, change, cancellation)
                    .ConfigureAwait(false)), WorkJson.Default.ServerOrder);
        else Secure(run, change);
        BackupRuns.Tell(change, run, null);
    }

    /// <summary>The point that a run is about.</summary>
    /// <returns>Null when the project has none of this id; then the run is refused.</returns>
    internal static async Task<RestorePoint?> FindPointAsync(
        Change<BackupDb> change, RunId run, ProjectId project, RestorePointId id, CancellationToken cancellation)
    {
        if (await change.Db.Points.FindAsync([id], cancellation)
            .ConfigureAwait(false) is { } point && point.Project == project) return point;
        // Of another project's point the answer is no other than of one that never was.
        change.Send(Destination.Portal, new RunRefused(run, project, "there is no such point"), MessageJson.Default.RunRefused);
        return null;
    }

    /// <summary>What keeps a point from being read; null when nothing does.</summary>
    internal static string? WhyNot(RestorePoint point) => point.State switch
    {
        RestorePointState.Active => null,
        RestorePointState.SoftDeleted => "the point cannot be restored: it is in the bin; bring it back first",
        RestorePointState.Erased => "the point cannot be restored: the key that it needs was erased, and nobody can read it any more",
        _ => "the point cannot be restored: it is not there any more",
    };

    /// <summary>The server stands still.</summary>
    public static void Stopped(Run run, ServerResult result, Change<BackupDb> change)
    {
        if (result.WasRunning) run.ServerWasRunning();
        if (run.EndsAs is { } ending) GiveUp(run, ending, change);
        else Secure(run, change);
        BackupRuns.Tell(change, run, null);
    }

    static string SafetyOf(Run run) => SafetyPrefix + run.Id.Value.ToString("N");

    static void Secure(Run run, Change<BackupDb> change)
    {
        var snapshot = SnapshotId.From(run.Id.Value);
        run.TakesSnapshot(snapshot, reservedBytes: 0, change.Now);
        change.Send(Destination.Snapshots(run.Region),
            new TakeServerSnapshot(snapshot, run.Id, run.Project, run.Server, SafetyOf(run), Disks: null,
                SnapshotPurpose.Safety, KeptUntil: change.Now + TimeSpan.FromDays(7)), MessageJson.Default.TakeServerSnapshot);
    }

    /// <summary>There is something to go back to; from here on no backup may build on what was before.</summary>
    public static async Task SecuredAsync(Run run, SnapshotTaken taken, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (taken.Error is not null || run.EndsAs is not null)
        {
            GiveUp(run, run.EndsAs ?? RunState.Failed, change, taken.Error);
            return;
        }
        if (taken.ServerState is "running" or "paused")
        {
            GiveUp(run, RunState.Failed, change, $"server {run.ServerName} runs: stop it, or have the restore stop it");
            return;
        }
        await GiveUpBasesAsync(run, change, cancellation).ConfigureAwait(false);
        await ImportAsync(run, taken.Instant ?? SafetyOf(run), change, cancellation).ConfigureAwait(false);
    }

    // They go before the first byte, also where none is written then: what is removed late may be found by the backup that comes next.
    static async Task GiveUpBasesAsync(Run run, Change<BackupDb> change, CancellationToken cancellation)
    {
        var bases = await change.Db.Points.Where(one => one.Region == run.Region && one.ServerId == run.ServerId
            && one.BaseSnapshot != null)
            .ToListAsync(cancellation).ConfigureAwait(false);
        // Of every location, and of every project that backs this server up.
        foreach (var one in bases) BackupRuns.GiveUpBase(change, one);
    }

    /// <param name="safety">Of a restore in place: what the storage calls the snapshot to go back to.</param>
    static async Task<ImportOrder> OrderOfAsync(
        Run run, RestorePoint point, string? safety, Change<BackupDb> change, CancellationToken cancellation)
    {
        var location = await change.Db.Locations.FindAsync([run.Location], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Run {run.Id} has no location.");
        return new(
            location.VaultOf(run.Project), run.Id, point.VaultPoint!, run.Target!.Value, run.Server, run.NewName, run.Volume, safety);
    }

    /// <inheritdoc cref="OrderOfAsync"/>
    static async Task ImportAsync(Run run, string? safety, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = await BackupRuns.PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false);
        run.Transfers(change.Now);
        WorkQueue.Add(change, WorkKind.Import, run, await OrderOfAsync(run, point, safety, change, cancellation).ConfigureAwait(false),
            WorkJson.Default.ImportOrder, point.Pools);
        BackupRuns.Tell(change, run, null);
    }

    public static void Imported(Run run, ImportResult result, Change<BackupDb> change)
    {
        run.Note(result.Notes);
        run.Restores(result.Target);
        if (run is { Target: RestoreTarget.NewServer, NewName: { } name } && result.NewServer is { } made)
            change.Send(Destination.Portal, new ServerMade(run.Id, run.Project, new(run.Region, made), name),
                MessageJson.Default.ServerMade);
        run.HasDone(result.LogicalBytes, checkedBytes: result.LogicalBytes);
        if (run is { Target: RestoreTarget.Original, ServerRan: true })
        {
            WorkQueue.Add(change, WorkKind.StartServer, run, new(run.Server, run.ServerName, result.Overwritten, result.Claim),
                WorkJson.Default.ServerOrder);
            BackupRuns.Tell(change, run, null);
        }
        else
        {
            Ending.End(change, run, null, RunState.Succeeded, null);
        }
    }

    /// <summary>A restore in place has failed for good.</summary>
    /// <param name="isUntouched">Nothing was overwritten, for certain.</param>
    public static void NotImported(Run run, string error, bool isUntouched, Change<BackupDb> change)
    {
        var (state, reason) = (run.EndsAs ?? RunState.Failed, run.EndsAs is null ? error : run.Error!);
        if (isUntouched) GiveUp(run, state, change, reason);
        else Ending.End(change, run, null, state, WithWayBack(run, reason));
    }

    // What somebody has to know whose restore failed half-way.
    static string WithWayBack(Run run, string reason)
    {
        var stopped = run.ServerRan ? $"server {run.ServerName} was stopped for it; " : "";
        return $"{reason}; {stopped}the volumes may be partly overwritten, and the snapshot {SafetyOf(run)} has them as they were";
    }

    /// <summary>Ends one that has overwritten nothing yet: there is nothing to go back from, and a server that was stopped for it is
    /// started again first, as somebody has to hear if that fails.</summary>
    public static void GiveUp(Run run, RunState state, Change<BackupDb> change, string? error = null)
    {
        if (run.Snapshot is { } safety)
        {
            BackupRuns.Release(change, run, safety);
            run.NeedsNoSnapshot();
        }
        if (!run.ServerRan)
        {
            Ending.End(change, run, null, state, error);
            return;
        }
        run.IsToEnd(state, error ?? "it was given up");
        WorkQueue.Add(change, WorkKind.StartServer, run, new(run.Server, run.ServerName), WorkJson.Default.ServerOrder);
        BackupRuns.Tell(change, run, null);
    }

    /// <summary>The server that was stopped for it runs again. One that was cancelled when everything was restored has succeeded.</summary>
    public static void IsStarted(Run run, Change<BackupDb> change) =>
        Ending.End(change, run, null, run is { Restored: null, EndsAs: { } ending } ? ending : RunState.Succeeded, null);

    /// <summary>The server that was stopped for it stays off.</summary>
    public static void IsNotStarted(Run run, string reason, Change<BackupDb> change) =>
        Ending.End(change, run, null, run.EndsAs ?? RunState.Failed, run.Restored is null
            ? $"{run.Error}; the server {run.ServerName} was stopped for it and could not be started again: {reason}"
            : $"everything was restored, and server {run.ServerName}, which was stopped for it, was not started again: {reason}");
}
