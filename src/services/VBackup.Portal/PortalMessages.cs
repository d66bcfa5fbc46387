using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Portal.Locations;
using VBackup.Portal.Notifications;
using VBackup.Portal.Points;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal;

/// <summary>What the Portal does with what it hears: it keeps the newest of each thing, and looks at the plans that it is about.</summary>
public static class PortalMessages
{
    public static MessageHandlers<PortalDb> Handlers() => new MessageHandlers<PortalDb>()
        .On(MessageJson.Default.InventoryReported, Inventory.ReportedAsync)
        .On(MessageJson.Default.ServerMade, ServerOwner.MadeAsync)
        .On(MessageJson.Default.RunChanged, RunChangedAsync)
        .On(MessageJson.Default.RunRefused, RunRefusedAsync)
        .On(MessageJson.Default.PointChanged, PointChangedAsync)
        .On(MessageJson.Default.SnapshotChanged, SnapshotChangedAsync)
        .On(MessageJson.Default.SnapshotsSurveyed, Surveys.ReportedAsync)
        .On(MessageJson.Default.LocationChanged, LocationChangedAsync);

    static async Task RunChangedAsync(RunChanged now, Change<PortalDb> change, CancellationToken cancellation)
    {
        var row = await FindOrAddAsync(change.Db.Runs, now.Run, id => new RunRow(id), cancellation).ConfigureAwait(false);
        var before = row.State;
        if (!row.Changes(now)) return;
        if (row.IsOver && row.State != before) await Notices.RunEndedAsync(change, row, cancellation).ConfigureAwait(false);
        if (await change.Db.AskedRuns.FindAsync([now.Run], cancellation).ConfigureAwait(false) is { } asked && asked.Hears(now.State))
            await NewsOfAsync(change, asked.Plan, cancellation).ConfigureAwait(false);
    }

    static async Task RunRefusedAsync(RunRefused refused, Change<PortalDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Runs.FindAsync([refused.Run], cancellation).ConfigureAwait(false) is not { Version: 0, IsOver: false } row
            || row.Project != refused.Project) return;
        row.NeverBegan(refused.Error, change.Now);
        await Notices.RunEndedAsync(change, row, cancellation).ConfigureAwait(false);
    }

    static async Task PointChangedAsync(PointChanged now, Change<PortalDb> change, CancellationToken cancellation)
    {
        var row = await FindOrAddAsync(change.Db.Points, now.Point, id => new PointRow(id), cancellation).ConfigureAwait(false);
        if (!row.Changes(now)) return;
        // An incremental may have become a full by itself: the pattern counts what was made.
        if (now.State == RestorePointState.Active && await change.Db.AskedRuns.FindAsync([now.Run], cancellation)
            .ConfigureAwait(false) is { } asked)
            asked.WasMade(now.Kind);
        if (await change.Db.Plans.FirstOrDefaultAsync(plan => plan.Region == now.Server.Region && plan.ServerId == now.Server.Id,
            cancellation)
            .ConfigureAwait(false) is { } plan)
            plan.HasNews(change.Now);
    }

    static async Task SnapshotChangedAsync(SnapshotChanged now, Change<PortalDb> change, CancellationToken cancellation) =>
        (await FindOrAddAsync(change.Db.Snapshots, now.Snapshot, id => new SnapshotRow(id), cancellation).ConfigureAwait(false))
            .Changes(now);

    static Task LocationChangedAsync(LocationChanged now, Change<PortalDb> change, CancellationToken cancellation) =>
        HeardLocation.HearAsync(change, now, cancellation);

    static async Task NewsOfAsync(Change<PortalDb> change, PlanId id, CancellationToken cancellation)
    {
        if (await change.Db.Plans.FindAsync([id], cancellation).ConfigureAwait(false) is { } plan) plan.HasNews(change.Now);
    }

    static async Task<TRow> FindOrAddAsync<TRow, TId>(DbSet<TRow> rows, TId id, Func<TId, TRow> make, CancellationToken cancellation)
        where TRow : class where TId : struct
    {
        if (await rows.FindAsync([id], cancellation).ConfigureAwait(false) is { } found) return found;
        var made = make(id);
        rows.Add(made);
        return made;
    }
}
