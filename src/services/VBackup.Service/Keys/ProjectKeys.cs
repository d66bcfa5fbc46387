using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Primitives;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Runs;
using VBackup.Service.Work;

namespace VBackup.Service.Keys;

/// <inheritdoc/>
public sealed class ProjectKeys(ChangeMaker<BackupDb> changes, ProjectSecrets secrets) : IProjectKeys
{
    public Task<ProjectKeyView> GetAsync(ProjectId project, CancellationToken cancellation) =>
        changes.MakeAsync(change => ViewAsync(change.Db, project, cancellation), cancellation);

    public Task<ProjectKeyAnswer> RotateAsync(ProjectId project, int number, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
    {
        var db = change.Db;
        var key = await db.Keys.FindAsync([project], cancellation).ConfigureAwait(false);
        if (key is null) return NoKey;
        if (key.IsErased) return Erased;
        if (key.Number == number + 1) return new(await ViewAsync(db, project, cancellation).ConfigureAwait(false));
        if (key.Number != number) return new(null, "outdated", "the key has been replaced since you read of it");
        var locations = await db.Locations.Where(one => one.Project == project && !one.IsDeleted).ToListAsync(cancellation)
            .ConfigureAwait(false);
        if (locations.Find(one => one.KeyWork == VaultKeyWork.Rotate) is { } behind)
            return new(null, "key-rotating", $"the vault at {behind.Name} has not heard of the last new key yet: wait until it has");
        if (await FirstBackupAsync(db, project, cancellation).ConfigureAwait(false) is { } first)
            return new(null, "run-going-on", $"the first backup to the location {first} is going on: wait until it is over");
        key.Rotates(secrets.NewKey(project), change.Now);
        foreach (var location in locations) location.NeedsKeyWork(VaultKeyWork.Rotate);
        return new ProjectKeyAnswer(await ViewAsync(db, project, cancellation).ConfigureAwait(false));
    }, cancellation);

    public Task<ProjectKeyAnswer> EraseAsync(ProjectId project, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var db = change.Db;
        var key = await db.Keys.FindAsync([project], cancellation).ConfigureAwait(false);
        if (key is null) return NoKey;
        if (key.IsErased) return new(await ViewAsync(db, project, cancellation).ConfigureAwait(false));
        if (await ObstacleAsync(db, project, change.Now, cancellation).ConfigureAwait(false) is { } obstacle) return obstacle;
        key.Erase(change.Now);
        // Also those that nobody uses any more: there may be a vault, unless nobody ever used them.
        foreach (var location in await db.Locations.Where(one => one.Project == project && (!one.IsDeleted
                || db.Runs.Any(run => run.Location == one.Id) || db.Points.Any(point => point.Location == one.Id)))
            .ToListAsync(cancellation).ConfigureAwait(false))
        {
            location.NeedsKeyWork(VaultKeyWork.Erase);
            LocationWork.Tell(change, location);
        }
        foreach (var task in await db.Tasks.Where(one => one.Project == project && one.Run == null && one.State == WorkTaskState.Ready)
            .ToListAsync(cancellation)
            .ConfigureAwait(false)) task.IsCancelled();
        foreach (var point in await db.Points.Where(one => one.Project == project
            && (one.State == RestorePointState.Active || one.State == RestorePointState.SoftDeleted)).ToListAsync(cancellation)
                .ConfigureAwait(false))
        {
            BackupRuns.GiveUpBase(change, point);
            point.LosesItsKey();
            PointDeletion.Tell(change, point);
        }
        return new ProjectKeyAnswer(await ViewAsync(db, project, cancellation).ConfigureAwait(false));
    }, cancellation);

    public Task<HandedOutKey> HandOutAsync(ProjectId project, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var key = await change.Db.Keys.FindAsync([project], cancellation).ConfigureAwait(false);
        if (key is null) return new(NoKey, null);
        if (key.IsErased) return new(Erased, null);
        key.IsHandedOut(change.Now);
        var bytes = secrets.UnwrapKey(project, key.Wrapped);
        try
        {
            return new HandedOutKey(new(await ViewAsync(change.Db, project, cancellation).ConfigureAwait(false)), KeyText.Print(bytes));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }, cancellation);

    static ProjectKeyAnswer NoKey => new(null, "no-key", "the project has no key yet: its first location makes one");

    static ProjectKeyAnswer Erased => new(null, "key-erased", "the project's key was erased");

    // Whoever works for the project now holds the key, and could put it where it was just erased.
    static async Task<ProjectKeyAnswer?> ObstacleAsync(BackupDb db, ProjectId project, DateTimeOffset now, CancellationToken cancellation)
    {
        if (await db.Runs.AnyAsync(run => run.Project == project && run.State < RunState.Succeeded, cancellation).ConfigureAwait(false))
            return new(null, "run-going-on", "runs of the project are going on: wait for them, or cancel them");
        // Erasing it would delete every point.
        return await LocationLocks.FindHoldAsync(db, project, now, cancellation).ConfigureAwait(false) is var (location, until)
            ? new(null, "point-locked",
                $"the location {location} is locked, and holds points until {until:u} at least: nobody erases their key before") : null;
    }

    // A worker that was given the old key may be about to make a vault that no task would tell of the new one.
    static async Task<string?> FirstBackupAsync(BackupDb db, ProjectId project, CancellationToken cancellation) =>
        await db.Locations.Where(location => location.Project == project && !location.IsDeleted
                && db.Runs.Any(run => run.Location == location.Id && run.Kind == RunKind.Backup && run.State < RunState.Succeeded)
                && !db.Points.Any(point => point.Location == location.Id && point.VaultPoint != null))
            .Select(location => location.Name).FirstOrDefaultAsync(cancellation).ConfigureAwait(false);

    static async Task<ProjectKeyView> ViewAsync(BackupDb db, ProjectId project, CancellationToken cancellation)
    {
        if (await db.Keys.FindAsync([project], cancellation).ConfigureAwait(false) is not { } key)
            return new(0, ProjectKeyState.None, null, null, null, []);
        // What this change has done is not in the database yet.
        var known = await db.Locations.Where(one => one.Project == project).OrderBy(one => one.Name).ToListAsync(cancellation)
            .ConfigureAwait(false);
        List<PendingVault> pending = [];
        foreach (var location in known.Where(one => one.IsBehindWithKey))
            pending.Add(new(location.Id, location.Name, await KeyTasks.ErrorOfAsync(db, location, cancellation).ConfigureAwait(false)));
        var state = key.IsErased ? ProjectKeyState.Erased
            : known.Exists(one => one.KeyWork == VaultKeyWork.Rotate) ? ProjectKeyState.Rotating : ProjectKeyState.Ready;
        return new(key.Number, state, key.MadeAt, key.HandedOutAt, key.ErasedAt, pending);
    }
}
