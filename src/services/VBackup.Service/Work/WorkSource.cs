using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Catalogues;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Runs;

namespace VBackup.Service.Work;

/// <inheritdoc/>
public sealed class WorkSource(
    ChangeMaker<BackupDb> changes, WorkLimits limits, ProjectSecrets secrets) : IWorkSource
{
    public Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var db = change.Db;
            var known = await db.Workers.FindAsync([worker], cancellation).ConfigureAwait(false);
            if (known is null || known.IsRevoked) return null;
            known.SeenAt = change.Now;
            if (known.IsDraining) return null;
            var task = await WorkQueue.NextAsync(db, known.Region, limits, change.Now, cancellation).ConfigureAwait(false);
            if (task is null) return null;
            task.IsLeased(worker, change.Now + limits.Lease, Attempt(task));
            if (task.Run is { } id && await db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) is { } run && run.WasTaken())
                BackupRuns.Tell(change, run, null);
            var order = task.Kind == WorkKind.SaveCatalogue
                ? JsonSerializer.Serialize(await CatalogueSaving.TakeAsync(change, task, cancellation).ConfigureAwait(false),
                    WorkJson.Default.SaveCatalogueOrder)
                : task.Order;
            return new WorkLease(task.Id, task.Epoch, task.Kind, order, limits.Lease,
                await secrets.OfAsync(db, task, cancellation).ConfigureAwait(false));
        }, cancellation);

    // Every attempt has a session of its own, whose name is known before the worker begins.
    static string Attempt(WorkTask task)
    {
        if (task.Kind != WorkKind.Export) return task.Order;
        var order = JsonSerializer.Deserialize(task.Order, WorkJson.Default.ExportOrder)!;
        string[] earlier = order.Session.Length == 0 ? [] : [.. order.EarlierSessions, order.Session];
        return JsonSerializer.Serialize(order with { Session = WorkQueue.NewSession(), EarlierSessions = earlier },
            WorkJson.Default.ExportOrder);
    }

    public Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation) =>
        changes.MakeAsync<WorkAnswer>(async change =>
        {
            var db = change.Db;
            var held = await db.Tasks.FindAsync([task], cancellation).ConfigureAwait(false);
            if (held is null || !held.IsHeldUnder(epoch)) return new WorkAnswer.Lost();
            if (held.Run is not { } id || await db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) is not { } run)
                return GoOn(held, change.Now);
            var before = run.Version;
            run.Progresses(progress);
            if (progress.ServerRuns && !run.ServerRan) run.ServerWasRunning();
            if (run is { Kind: RunKind.Backup, EndsAs: null }) await ReserveAsync(db, run, cancellation).ConfigureAwait(false);
            if (run.Version != before) BackupRuns.Tell(change, run, null);
            if (run.EndsAs is null || !held.EndsWithItsRun) return GoOn(held, change.Now);
            held.IsProlonged(change.Now + limits.Lease);
            return new WorkAnswer.Halt(run.Error!);
        }, cancellation);

    // Reports come often. That the lease goes on is written down when a quarter of it is over, and what is left of it is told until then.
    WorkAnswer.GoOn GoOn(WorkTask held, DateTimeOffset now)
    {
        if (!(held.LeaseUntil - now > limits.Lease * 0.75)) held.IsProlonged(now + limits.Lease);
        var left = held.LeaseUntil!.Value - now;
        // A clock that was set back makes no lease longer.
        return new(left < limits.Lease ? left : limits.Lease);
    }

    // What was thought too little is reserved as it comes, and the run ends when there is no more.
    static async Task ReserveAsync(BackupDb db, Run run, CancellationToken cancellation)
    {
        if (run.StoredBytes <= run.ReservedBytes) return;
        var location = await db.Locations.FindAsync([run.Location], cancellation).ConfigureAwait(false);
        if (location is null) return;
        if (await Quota.OverrunAsync(db, location, run, cancellation).ConfigureAwait(false) is { } refusal)
            run.IsToEnd(RunState.Failed, refusal);
        else run.Reserves(run.StoredBytes);
    }

    public Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var held = await change.Db.Tasks.FindAsync([task], cancellation).ConfigureAwait(false);
            if (held is null || !held.IsHeldUnder(epoch)) return false;
            held.IsDone();
            await TaskResults.DoneAsync(held, result, change, cancellation).ConfigureAwait(false);
            return true;
        }, cancellation);

    public Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var held = await change.Db.Tasks.FindAsync([task], cancellation).ConfigureAwait(false);
            if (held is null || !held.IsHeldUnder(epoch)) return false;
            await TaskResults.FailedAsync(held, failure, limits, change, cancellation).ConfigureAwait(false);
            return true;
        }, cancellation);

    public Task<bool> GiveBackAsync(WorkTaskId task, int epoch, string reason, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var held = await change.Db.Tasks.FindAsync([task], cancellation).ConfigureAwait(false);
            if (held is null || !held.IsHeldUnder(epoch)) return false;
            // What is not wanted any more ends, as after a failure.
            if (held.Run is { } id && held.EndsWithItsRun
                && await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) is not { IsOver: false, EndsAs: null })
                await TaskResults.FailedAsync(held, new(reason, MayPass: false), limits, change, cancellation).ConfigureAwait(false);
            else held.IsGivenBack(change.Now, reason);
            return true;
        }, cancellation);

    public Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var known = await change.Db.Workers.FindAsync([worker], cancellation).ConfigureAwait(false);
            if (known is null || known.IsRevoked) return false;
            known.SeenAt = change.Now;
            // The clock alone would not do: it may be set back.
            var last = await change.Db.Workers.Where(one => one.Region == known.Region).MaxAsync(one => one.InventoryVersion, cancellation)
                .ConfigureAwait(false);
            known.InventoryVersion = Math.Max(last + 1, change.Now.UtcTicks);
            change.Send(Destination.Portal,
                new InventoryReported(known.Region, known.InventoryVersion, change.Now, servers), MessageJson.Default.InventoryReported);
            return true;
        }, cancellation);
}
