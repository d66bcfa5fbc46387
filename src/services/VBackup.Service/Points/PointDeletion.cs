using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Locations;
using VBackup.Service.Runs;

namespace VBackup.Service.Points;

/// <summary>Points go to their location's bin first, and from there for good; a worker removes them from the vault.</summary>
static class PointDeletion
{
    const int PurgesMax = 200;

    public static async Task DeleteAsync(DeletePoint order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = await change.Db.Points.FindAsync([order.Point], cancellation).ConfigureAwait(false);
        if (point is null || point.Project != order.Project || point.State != RestorePointState.Active) return;
        var location = await LocationOfAsync(point, change, cancellation).ConfigureAwait(false);
        // The Portal looks too, and says so; it may have heard of the lock too late.
        if (MayGo(order, location, point, change.Now))
        {
            Delete(change, location, point);
            return;
        }
        // It takes what a user deletes for going already, and protects it no more until it hears better. Retention only tries again: told
        // at once, it would do so at once.
        if (order.IsByPolicy) return;
        point.IsNotDeleted();
        Tell(change, point);
    }

    // Retention never touches what a user made.
    static bool MayGo(DeletePoint order, Location location, RestorePoint point, DateTimeOffset now) =>
        !point.IsProtected && !(order.IsByPolicy && point.Trigger == RunTrigger.Manual)
        && LocationLocks.HoldsUntil(location, point, now) is null;

    /// <summary>REQUIRES: it is active, and no lock holds it.</summary>
    public static void Delete(Change<BackupDb> change, Location location, RestorePoint point)
    {
        point.IsDeleted(change.Now, TimeSpan.FromDays(location.SoftDeleteDays));
        location.CatalogueChanges();
        if (point.State == RestorePointState.Deleted) Remove(change, location, point);
        Tell(change, point);
    }

    public static async Task UndeleteAsync(UndeletePoint order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = await change.Db.Points.FindAsync([order.Point], cancellation).ConfigureAwait(false);
        if (point is null || point.Project != order.Project || point.State != RestorePointState.SoftDeleted) return;
        point.IsBroughtBack();
        (await LocationOfAsync(point, change, cancellation).ConfigureAwait(false)).CatalogueChanges();
        Tell(change, point);
    }

    public static async Task ProtectAsync(ProtectPoint order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var point = await change.Db.Points.FindAsync([order.Point], cancellation).ConfigureAwait(false);
        if (point is null || point.Project != order.Project) return;
        point.IsToBeProtected(order.IsProtected);
        (await LocationOfAsync(point, change, cancellation).ConfigureAwait(false)).CatalogueChanges();
        // The Portal takes it for done already: where it was not, as the point is gone meanwhile, it hears so.
        Tell(change, point);
    }

    /// <summary>Those whose days in the bin are over.</summary>
    public static Task<List<RestorePointId>> FindToPurgeAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        return change.Db.Points.Where(point => point.State == RestorePointState.SoftDeleted && point.PurgeAt <= now)
            .OrderBy(point => point.PurgeAt).Select(point => point.Id).Take(PurgesMax).ToListAsync(cancellation);
    }

    /// <summary>Of one whose days in the bin are over, unless it was brought back meanwhile.</summary>
    public static async Task PurgeAsync(Change<BackupDb> change, RestorePointId id, CancellationToken cancellation)
    {
        if (await change.Db.Points.FindAsync([id], cancellation).ConfigureAwait(false)
            is not { State: RestorePointState.SoftDeleted } point || !(point.PurgeAt <= change.Now)) return;
        var location = await LocationOfAsync(point, change, cancellation).ConfigureAwait(false);
        if (LocationLocks.HoldsUntil(location, point, change.Now) is { } until)
        {
            point.StaysInBin(until);
        }
        else
        {
            point.IsPurged();
            Remove(change, location, point);
        }
        Tell(change, point);
    }

    // The vault's base of the next incremental is gone with it; the snapshot that told what changed since serves nobody.
    static void Remove(Change<BackupDb> change, Location location, RestorePoint point)
    {
        location.MayHaveGarbage();
        location.CatalogueChanges();
        LocationWork.Add(change, WorkKind.Prune, location, point.Project,
            new PruneOrder(location.VaultOf(point.Project), [point.VaultPoint!]), WorkJson.Default.PruneOrder);
        BackupRuns.GiveUpBase(change, point);
    }

    internal static void Tell(Change<BackupDb> change, RestorePoint point) =>
        change.Send(Destination.Portal, point.View(), MessageJson.Default.PointChanged);

    static async Task<Location> LocationOfAsync(RestorePoint point, Change<BackupDb> change, CancellationToken cancellation) =>
        await change.Db.Locations.FindAsync([point.Location], cancellation).ConfigureAwait(false)
        ?? throw new InvalidOperationException($"Point {point.Id} has no location.");
}
