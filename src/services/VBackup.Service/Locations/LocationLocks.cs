using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Service.Points;

namespace VBackup.Service.Locations;

/// <summary>What locks of locations forbid and demand. The service keeps to it, whoever asks; a store that can hold points keeps to the
/// minimum of a final one too, whoever asks it.</summary>
static class LocationLocks
{
    const int DaysMax = 36500, ChangeDaysMax = 366, BatchMax = 200;

    /// <returns>Why not; null when it was done.</returns>
    public static LocationAnswer? Change(Location location, LocationChange wish, DateTimeOffset now)
    {
        if (wish is { Lock: null, HasNoLock: false }) return null;
        if (wish.Lock is { } wanted && FaultOf(wanted) is { } fault) return fault;
        if (!location.MayChangeLock(now))
            return new(null, "lock-final",
                $"the lock of {location.Name} is final since {location.LockFinalAt:u}: nobody changes it, or takes it away");
        location.Locks(wish.Lock is { } made ? new(made.MinDays, made.MaxDays, now + TimeSpan.FromDays(made.ChangeDays)) : null);
        return null;
    }

    static LocationAnswer? FaultOf(LockWish wish) =>
        wish.MinDays is null && wish.MaxDays is null ? Wrong("minDays", "say minDays, maxDays, or both")
        : wish.MinDays is < 1 or > DaysMax ? Wrong("minDays", $"it is 1 to {DaysMax} days")
        : wish.MaxDays is < 1 or > DaysMax ? Wrong("maxDays", $"it is 1 to {DaysMax} days")
        : wish.MaxDays < wish.MinDays ? Wrong("maxDays", "it is no less than minDays")
        : wish.ChangeDays is < 1 or > ChangeDaysMax ? Wrong("changeDays", $"it is 1 to {ChangeDaysMax} days") : null;

    static LocationAnswer Wrong(string field, string reason) => new(null, "invalid", reason, field);

    /// <summary>Until when nobody deletes a point; null when somebody may now.</summary>
    public static DateTimeOffset? HoldsUntil(Location location, RestorePoint point, DateTimeOffset now) =>
        location.LockMinDays is { } days && point.CountedFrom + TimeSpan.FromDays(days) is var until && until > now ? until : null;

    /// <summary>The first of a project's locked locations that holds a point, and until when.</summary>
    public static async Task<(string Location, DateTimeOffset Until)?> FindHoldAsync(
        BackupDb db, ProjectId project, DateTimeOffset now, CancellationToken cancellation)
    {
        var locked = await db.Locations.Where(one => one.Project == project && one.LockMinDays != null).ToListAsync(cancellation)
            .ConfigureAwait(false);
        foreach (var location in locked)
        {
            // Those that were complete last are held longest.
            var newest = await db.Points.Where(one => one.Location == location.Id
                    && (one.State == RestorePointState.Active || one.State == RestorePointState.SoftDeleted))
                .OrderByDescending(one => one.CompletedAt).FirstOrDefaultAsync(cancellation).ConfigureAwait(false);
            if (newest is not null && HoldsUntil(location, newest, now) is { } until) return (location.Name, until);
        }
        return null;
    }

    /// <summary>Locks whose days of change are over become final.</summary>
    public static async Task EndChangesAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var now = change.Now;
        var final = await change.Db.Locations.Where(one => !one.IsLockFinal && one.LockFinalAt <= now).ToListAsync(cancellation)
            .ConfigureAwait(false);
        foreach (var location in final)
        {
            location.LockIsFinal();
            LocationWork.Tell(change, location);
        }
    }

    /// <summary>Those that have points that are too old to stay.</summary>
    public static async Task<List<LocationId>> FindWithOldAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var bounded = await change.Db.Locations.Where(one => one.LockMaxDays != null).Select(one => new { one.Id, one.LockMaxDays })
            .ToListAsync(cancellation).ConfigureAwait(false);
        List<LocationId> found = [];
        foreach (var one in bounded)
            if (await Old(change, one.Id, one.LockMaxDays!.Value).AnyAsync(cancellation).ConfigureAwait(false)) found.Add(one.Id);
        return found;
    }

    public static async Task DeleteOldAsync(Change<BackupDb> change, LocationId id, CancellationToken cancellation)
    {
        if (await change.Db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is not { LockMaxDays: { } days } location) return;
        var old = await Old(change, id, days).OrderBy(one => one.CompletedAt).Take(BatchMax).ToListAsync(cancellation)
            .ConfigureAwait(false);
        foreach (var point in old) PointDeletion.Delete(change, location, point);
    }

    static IQueryable<RestorePoint> Old(Change<BackupDb> change, LocationId location, int days)
    {
        var before = change.Now - TimeSpan.FromDays(days);
        return change.Db.Points.Where(one => one.Location == location && one.State == RestorePointState.Active
            && one.CompletedAt <= before);
    }
}
