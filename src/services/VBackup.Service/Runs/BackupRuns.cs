using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Work;

namespace VBackup.Service.Runs;

/// <summary>
/// A backup, step by step: the instant is taken by the region's vSnapshot service, a worker exports it, the point is active. Each
/// step is one transaction, and asks for the next in it.
/// </summary>
static class BackupRuns
{
    const string SnapshotPrefix = "vb-";

    /// <summary>A plan that goes back to its former location within this time finds its base there.</summary>
    static readonly TimeSpan s_otherLocationsBaseKept = TimeSpan.FromDays(7);

    /// <summary>The Portal wants a backup.</summary>
    public static async Task StartAsync(StartBackup order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        if (await db.Runs.FindAsync([order.Run], cancellation).ConfigureAwait(false) is not null) return;
        var run = Run.Of(order, change.Now, change.NotAfter);
        var point = RestorePoint.Of(order);
        db.Runs.Add(run);
        db.Points.Add(point);
        if (change.IsLate)
        {
            Ending.Fail(change, run, point, "the order came too late: the messages were delayed");
            return;
        }
        var location = await db.Locations.FindAsync([order.Location], cancellation).ConfigureAwait(false);
        if (location is null || location.Project != order.Project)
        {
            Ending.Fail(change, run, point, "there is no such location");
            return;
        }
        // The order was on its way when it was deleted: a point in it nobody would see, or look after.
        if (location.IsDeleted)
        {
            Ending.Fail(change, run, point, $"the location {location.Name} was deleted");
            return;
        }
        if (location.State == LocationStateView.Refused)
        {
            Ending.Fail(change, run, point, $"the location {location.Name} cannot be used: {location.Refusal}");
            return;
        }
        if (await OtherAsync(db, run, cancellation).ConfigureAwait(false) is { } other)
        {
            Ending.Fail(change, run, point, $"another run of this server is going on ({other})");
            return;
        }
        var estimate = await Estimate.OfAsync(db, order, cancellation).ConfigureAwait(false);
        if (await Quota.RefusalAsync(db, location, estimate.ReservedBytes, cancellation).ConfigureAwait(false) is { } refusal)
        {
            Ending.Fail(change, run, point, refusal);
            return;
        }
        var snapshot = SnapshotId.From(order.Run.Value);
        run.TakesSnapshot(snapshot, estimate.ReservedBytes, change.Now);
        change.Send(Destination.Snapshots(order.Server.Region),
            new TakeServerSnapshot(snapshot, run.Id, run.Project, run.Server, SnapshotPrefix + order.Run.Value.ToString("N"), run.Disks,
                SnapshotPurpose.Backup, KeptUntil: null),
            MessageJson.Default.TakeServerSnapshot, order.StopBy);
        Tell(change, run, point);
    }

    /// <summary>The instant is there, or is not.</summary>
    public static async Task SnapshotTakenAsync(SnapshotTaken taken, Change<BackupDb> change, CancellationToken cancellation)
    {
        var run = await change.Db.Runs.FindAsync([taken.Run], cancellation).ConfigureAwait(false);
        if (run is null || run.Snapshot != taken.Snapshot) return;
        if (run.State != RunState.Snapshotting)
        {
            // It was given up meanwhile; what came too late is of no use.
            if (run.IsOver && taken.Error is null) Release(change, run, taken.Snapshot);
            return;
        }
        if (run.Kind == RunKind.Restore)
        {
            await RestoreRuns.SecuredAsync(run, taken, change, cancellation).ConfigureAwait(false);
            return;
        }
        var point = await PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false);
        if (run.EndsAs is { } ending)
        {
            Release(change, run, taken.Snapshot);
            Ending.End(change, run, point, ending, null);
            return;
        }
        if (taken.Error is not null)
        {
            Ending.Fail(change, run, point, taken.Error);
            return;
        }
        var location = await change.Db.Locations.FindAsync([run.Location], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Run {run.Id} has no location.");
        point.WasTaken(taken);
        if (taken.Notes is { Count: > 0 } notes) run.Note(notes);
        run.Transfers(change.Now);
        var order = new ExportOrder(
            location.VaultToFillOf(run.Project), run.Id, point.Id, Session: "", EarlierSessions: [], run.Server, taken.ServerName
                ?? run.ServerName,
            run.WantedKind, taken.Instant ?? SnapshotPrefix + run.Id.Value.ToString("N"), taken.TakenAt!.Value, taken.Consistency!,
                taken.HeldSeconds,
            taken.Disks!, taken.ConfigurationKind!, taken.Configuration!,
            new(run.Project, run.Plan, run.Trigger, point.Tags, point.DueAt, run.Server), taken.InstantKind, taken.SkewSeconds,
            taken.Processors, taken.MemoryBytes);
        WorkQueue.Add(change, WorkKind.Export, run, order, WorkJson.Default.ExportOrder, point.Pools);
        Tell(change, run, point);
    }

    /// <summary>A worker has exported it, and the point is in the vault.</summary>
    public static async Task ExportedAsync(Run run, ExportResult result, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = await PointOfAsync(change.Db, run, cancellation).ConfigureAwait(false);
        run.Note(result.Notes);
        run.Commits(result.StoredBytes);
        run.HasDone(result.Volumes.Sum(volume => volume.LengthBytes));
        point.WasExported(result.Kind, result.Volumes);
        point.IsComplete(result.VaultPoint, change.Now);
        var older = await change.Db.Points.Where(one => one.Region == run.Region && one.ServerId == run.ServerId && one.Id != point.Id)
            .ToListAsync(cancellation).ConfigureAwait(false);
        // Each location has a base of its own, which the next backup to there builds on. One that is not backed up to any more would have
        // its base for ever.
        var leftBefore = change.Now - s_otherLocationsBaseKept;
        foreach (var one in older.Where(one => one.Project == run.Project && one.State != RestorePointState.Creating
            && (one.Location == run.Location || one.CompletedAt <= leftBefore))) GiveUpBase(change, one);
        foreach (var one in older.Where(one => one.VaultPoint is { } name && result.Distrusted.Contains(name) && !one.IsDistrusted))
        {
            one.IsInDoubt();
            change.Send(Destination.Portal, one.View(), MessageJson.Default.PointChanged);
        }
        change.Send(Destination.Snapshots(run.Region), new KeepSnapshotAsBase(run.Snapshot!.Value), MessageJson.Default.KeepSnapshotAsBase);
        if (await change.Db.Locations.FindAsync([run.Location], cancellation).ConfigureAwait(false) is { } location)
        {
            location.Uses(location.UsedBytes + result.StoredBytes);
            location.CatalogueChanges();
            // What attempts have stored that came to nothing.
            if (await change.Db.Tasks.AnyAsync(one => one.Run == run.Id && one.Epoch > 1, cancellation).ConfigureAwait(false))
                location.MayHaveGarbage();
            LocationWork.Tell(change, location);
        }
        Ending.End(change, run, point, RunState.Succeeded, null);
    }

    /// <summary>No backup will build on it any more.</summary>
    internal static void GiveUpBase(Change<BackupDb> change, RestorePoint point)
    {
        if (point.BaseSnapshot is not { } snapshot) return;
        change.Send(Destination.Snapshots(point.Region), new RemoveSnapshot(snapshot, point.Project), MessageJson.Default.RemoveSnapshot);
        point.IsNoBase();
    }

    internal static void Release(Change<BackupDb> change, Run run, SnapshotId snapshot) =>
        change.Send(Destination.Snapshots(run.Region), new RemoveSnapshot(snapshot, run.Project), MessageJson.Default.RemoveSnapshot);

    internal static void Tell(Change<BackupDb> change, Run run, RestorePoint? point)
    {
        change.Send(Destination.Portal, run.View(), MessageJson.Default.RunChanged);
        if (point is not null) change.Send(Destination.Portal, point.View(), MessageJson.Default.PointChanged);
    }

    internal static async Task<RestorePoint> PointOfAsync(BackupDb db, Run run, CancellationToken cancellation) =>
        await db.Points.FindAsync([run.Point], cancellation).ConfigureAwait(false)
        ?? throw new InvalidOperationException($"Run {run.Id} has no point.");

    static async Task<RunId?> OtherAsync(BackupDb db, Run run, CancellationToken cancellation)
    {
        // What makes something new, or a file, is in nobody's way.
        var others = await db.Runs.Where(one => one.Region == run.Region && one.ServerId == run.ServerId && one.State < RunState.Succeeded
                && (one.Kind == RunKind.Backup || one.Target == RestoreTarget.Original))
            .Select(one => one.Id).Take(1).ToListAsync(cancellation).ConfigureAwait(false);
        return others.Count > 0 ? others[0] : null;
    }
}
