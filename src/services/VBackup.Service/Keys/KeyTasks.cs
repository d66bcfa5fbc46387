using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Locations;
using VBackup.Service.Work;

namespace VBackup.Service.Keys;

/// <summary>What is still to be done with the key of a location's vault.</summary>
public enum VaultKeyWork
{
    None = 0,
    /// <summary>It opens with the project's key before.</summary>
    Rotate = 1,
    /// <summary>It still opens, and is not to.</summary>
    Erase = 2,
    /// <summary>Nothing opens it any more. It stays so.</summary>
    Erased = 3,
}

/// <summary>Has workers bring to the vaults what was done with a project's key, again and again until each has heard of it.</summary>
static class KeyTasks
{
    /// <summary>Between two tasks of which the first has failed.</summary>
    static readonly TimeSpan s_pause = TimeSpan.FromMinutes(10);
    const int BatchMax = 50;

    public static async Task ScheduleAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        var triedSince = change.Now - s_pause;
        var behind = db.Locations.Where(location => location.KeyWork == VaultKeyWork.Rotate || location.KeyWork == VaultKeyWork.Erase);
        var free = await behind.Where(location => !db.Tasks.Any(task => task.Location == location.Id
                && (task.Kind == WorkKind.RotateKey || task.Kind == WorkKind.EraseKey)
                && (task.State < WorkTaskState.Done || task.State == WorkTaskState.Failed && task.CreatedAt > triedSince))
            // Whoever has a lease holds the key; what he puts must not come behind what is erased.
            && (location.KeyWork == VaultKeyWork.Rotate
                || !db.Tasks.Any(task => task.Location == location.Id && task.State == WorkTaskState.Leased)))
            .OrderBy(location => location.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var location in free)
            LocationWork.Add(change, KindOf(location.KeyWork), location, location.Project,
                new VaultOrder(location.VaultOf(location.Project)), WorkJson.Default.VaultOrder);
    }

    public static async Task DoneAsync(WorkTask task, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Locations.FindAsync([task.Location], cancellation).ConfigureAwait(false) is not { } location) return;
        // Meanwhile it may have to be erased.
        if (KindOf(location.KeyWork) == task.Kind) location.HasDoneKeyWork();
    }

    /// <summary>Why a vault has not heard yet.</summary>
    public static Task<string?> ErrorOfAsync(BackupDb db, Location location, CancellationToken cancellation)
    {
        var kind = KindOf(location.KeyWork);
        return db.Tasks.Where(task => task.Location == location.Id && task.Kind == kind && task.Error != null)
            .OrderByDescending(task => task.CreatedAt).Select(task => task.Error).FirstOrDefaultAsync(cancellation);
    }

    static WorkKind KindOf(VaultKeyWork work) => work == VaultKeyWork.Rotate ? WorkKind.RotateKey : WorkKind.EraseKey;
}
