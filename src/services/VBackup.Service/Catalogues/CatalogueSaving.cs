using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Work;

namespace VBackup.Service.Catalogues;

/// <summary>
/// What the services know of a project is saved into each of its vaults: a while after it has changed, and once a day. The content is read
/// when a worker takes the task, so that what came meanwhile is in it.
/// </summary>
static class CatalogueSaving
{
    /// <summary>Between two savings into one vault.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan Every = TimeSpan.FromDays(1);

    /// <summary>Points that were deleted for good are told of for so long: until then the vault may still have them.</summary>
    static readonly TimeSpan s_deletedTold = TimeSpan.FromDays(30);

    /// <summary>Of a vault's object, points take this much at most; what is declared has the rest.</summary>
    public const int PointBytesMax = 8 * 1024 * 1024;
    public const int DeclarationsCharsMax = 6 * 1024 * 1024;
    const int BatchMax = 50;

    public static async Task DeclaredAsync(DeclarationsChanged now, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (now.Declarations.GetRawText().Length > DeclarationsCharsMax)
            throw new RefusedMessageException(
                $"what is declared of project {now.Project} has more than {DeclarationsCharsMax} characters: it is not saved in vaults");
        var state = await StateOfAsync(change.Db, now.Project, cancellation).ConfigureAwait(false);
        if (state.Declares(now)) await ChangeAsync(change, now.Project, cancellation).ConfigureAwait(false);
    }

    /// <summary>All vaults of a project are to know.</summary>
    public static async Task ChangeAsync(Change<BackupDb> change, ProjectId project, CancellationToken cancellation)
    {
        foreach (var location in await change.Db.Locations.Where(one => one.Project == project && !one.IsDeleted).ToListAsync(cancellation)
            .ConfigureAwait(false)) location.CatalogueChanges();
    }

    public static async Task ScheduleAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        DateTimeOffset pausedSince = change.Now - Pause, savedSince = change.Now - Every;
        var due = await db.Locations.Where(location => !location.IsDeleted && location.State == LocationStateView.Ready
                && (location.CatalogueTriedAt == null || location.CatalogueTriedAt < savedSince
                    || location.IsCatalogueStale && location.CatalogueTriedAt <= pausedSince)
                // A location that never held a point has no vault yet.
                && db.Points.Any(point => point.Location == location.Id && point.VaultPoint != null)
                && !db.Tasks.Any(task => task.Location == location.Id && task.Kind == WorkKind.SaveCatalogue
                    && task.State < WorkTaskState.Done))
            .OrderBy(location => location.CatalogueTriedAt).ThenBy(location => location.Id).Take(BatchMax).ToListAsync(cancellation)
                .ConfigureAwait(false);
        foreach (var location in due)
        {
            // There would be hundreds a day of them, and nobody asks for one again.
            await db.Tasks.Where(task => task.Location == location.Id && task.Kind == WorkKind.SaveCatalogue)
                .ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
            LocationWork.Add(change, WorkKind.SaveCatalogue, location, location.Project, new VaultOrder(location.VaultOf(location.Project)),
                WorkJson.Default.VaultOrder);
        }
    }

    /// <summary>What a worker is to save now.</summary>
    public static async Task<SaveCatalogueOrder> TakeAsync(Change<BackupDb> change, WorkTask task, CancellationToken cancellation)
    {
        var db = change.Db;
        var location = await db.Locations.FindAsync([task.Location], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Task {task.Id} has no location.");
        var state = await StateOfAsync(db, task.Project, cancellation).ConfigureAwait(false);
        var locations = await db.Locations.AsNoTracking().Where(one => one.Project == task.Project && !one.IsDeleted).OrderBy(one => one.Id)
            .ToListAsync(cancellation).ConfigureAwait(false);
        var (points, leftOut) = await PointsAsync(db, location, change.Now, cancellation).ConfigureAwait(false);
        location.CatalogueIsTaken(change.Now);
        JsonElement? declarations = state.Declarations is { } declared
            ? JsonSerializer.Deserialize(declared, WorkJson.Default.JsonElement) : null;
        var catalogue = new ProjectCatalogue(ProjectCatalogue.FormatNow, task.Project, location.Id, [.. locations.Select(EntryOf)], points,
            leftOut, state.DeclarationsVersion, declarations);
        return new(location.VaultOf(task.Project), state.NextGeneration(), change.Now, catalogue);
    }

    /// <param name="error">Null when it is in the vault.</param>
    public static async Task EndedAsync(WorkTask task, string? error, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Locations.FindAsync([task.Location], cancellation).ConfigureAwait(false) is not { } location) return;
        var before = location.Version;
        location.CatalogueWasSaved(error is null ? null : $"the catalogue could not be saved into its vault: {error}");
        if (location.Version != before) LocationWork.Tell(change, location);
    }

    // Points that are neither in the bin, nor in doubt, nor protected say enough of themselves: where there is no room, they are left out.
    static async Task<(List<CataloguePoint> Points, int LeftOut)> PointsAsync(
        BackupDb db, Location location, DateTimeOffset now, CancellationToken cancellation)
    {
        var toldSince = now - s_deletedTold;
        var told = db.Points.AsNoTracking().Where(one => one.Location == location.Id && one.VaultPoint != null
            && (one.State == RestorePointState.Active || one.State == RestorePointState.SoftDeleted
                || one.State == RestorePointState.Deleted && one.PurgeAt > toldSince));
        List<CataloguePoint> points = [];
        var (bytes, isFull) = (0L, false);
        await foreach (var point in told.OrderBy(one => one.State == RestorePointState.Active && !one.IsDistrusted && !one.IsProtected)
            .ThenByDescending(one => one.CompletedAt).AsAsyncEnumerable().WithCancellation(cancellation).ConfigureAwait(false))
        {
            var entry = EntryOf(point);
            bytes += JsonSerializer.SerializeToUtf8Bytes(entry, WorkJson.Default.CataloguePoint).Length + 1;
            isFull = bytes > PointBytesMax;
            if (isFull) break;
            points.Add(entry);
        }
        return (points, isFull ? await told.CountAsync(cancellation).ConfigureAwait(false) - points.Count : 0);
    }

    static CatalogueLocation EntryOf(Location one) => new(
        one.Id, one.Region, one.Name, one.Kind, one.Address, one.Endpoint, one.S3Region, one.IsDefault, one.QuotaBytes, one.SoftDeleteDays,
        one.Lock);

    static CataloguePoint EntryOf(RestorePoint one) => new(one.VaultPoint!, one.Id, one.Run, one.Plan, one.State, one.Trigger, one.Tags,
        one.DueAt, one.CompletedAt, one.IsDistrusted, one.DeletedAt, one.PurgeAt, one.IsProtected);

    static async Task<CatalogueState> StateOfAsync(BackupDb db, ProjectId project, CancellationToken cancellation)
    {
        if (await db.Catalogues.FindAsync([project], cancellation).ConfigureAwait(false) is { } known) return known;
        var made = new CatalogueState(project);
        db.Catalogues.Add(made);
        return made;
    }
}
