using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Work;

namespace VBackup.Service.Locations;

/// <summary>When the work on storage space is done that no run waits for.</summary>
public sealed record StorageSpaceLimits
{
    /// <summary>Quiet hours begin, of UTC.</summary>
    public TimeOnly From { get; init; } = new(2, 0);

    /// <summary>They end; before they began, when they span midnight. As they began: always.</summary>
    public TimeOnly To { get; init; } = new(5, 0);

    /// <summary>Garbage of a location is collected that often, if points have gone or runs have ended without one.</summary>
    public TimeSpan CollectEvery { get; init; } = TimeSpan.FromDays(1);

    /// <summary>All that a location holds is read and checked that often.</summary>
    public TimeSpan VerifyEvery { get; init; } = TimeSpan.FromDays(7);

    public bool IsQuiet(DateTimeOffset now)
    {
        var time = TimeOnly.FromDateTime(now.UtcDateTime);
        return From == To || time.IsBetween(From, To);
    }
}

/// <summary>Looks after the space of locations, in quiet hours: garbage is collected, what is stored is verified. Never two of these tasks
/// at one location at once.</summary>
static class StorageSpace
{
    const int BatchMax = 20;

    public static async Task ScheduleAsync(Change<BackupDb> change, StorageSpaceLimits limits, CancellationToken cancellation)
    {
        if (!limits.IsQuiet(change.Now)) return;
        var db = change.Db;
        DateTimeOffset collectedBefore = change.Now - limits.CollectEvery, verifiedBefore = change.Now - limits.VerifyEvery;
        // A location that never held a point has no vault yet.
        var idle = db.Locations.Where(location => !location.IsDeleted && location.State == LocationStateView.Ready
            && db.Points.Any(point => point.Location == location.Id && point.VaultPoint != null)
            && !db.Tasks.Any(task => task.Location == location.Id && task.State < WorkTaskState.Done
                && (task.Kind == WorkKind.CollectGarbage || task.Kind == WorkKind.Verify)));
        var toCollect = await idle.Where(location => (location.CollectedAt == null || location.CollectedAt < collectedBefore)
                // Runs that ended without a point have left what they stored.
                && (location.HasGarbage || db.Runs.Any(run => run.Location == location.Id && run.Kind == RunKind.Backup
                    && run.State > RunState.Succeeded
                    && (location.CollectedAt == null || run.EndedAt > location.CollectedAt))))
            .OrderBy(location => location.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        var toVerify = await idle.Where(location => location.VerifyBegunAt == null || location.VerifyBegunAt < verifiedBefore)
            .OrderBy(location => location.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var location in toCollect)
        {
            location.Collects(change.Now);
            Add(change, WorkKind.CollectGarbage, location);
        }
        // What is garbage need not be verified: that comes another time.
        foreach (var location in toVerify.Except(toCollect))
        {
            location.Verifies(change.Now);
            Add(change, WorkKind.Verify, location);
        }
    }

    static void Add(Change<BackupDb> change, WorkKind kind, Location location) => LocationWork.Add(
        change, kind, location, location.Project, new VaultOrder(location.VaultOf(location.Project)), WorkJson.Default.VaultOrder);
}
