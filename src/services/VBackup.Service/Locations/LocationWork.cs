using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Work;

namespace VBackup.Service.Locations;

/// <summary>Work on the vaults of a location that no run waits for.</summary>
static class LocationWork
{
    const int DamagesShown = 20;

    public static void Add<TOrder>(Change<BackupDb> change, WorkKind kind, Location location, ProjectId project, TOrder order,
        JsonTypeInfo<TOrder> type) =>
        change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), kind, project, location.Region, JsonSerializer.Serialize(order, type),
            change.Now)
        { Location = location.Id });

    /// <summary>Has a worker find out whether it can be used, in place of one who does so already.</summary>
    public static async Task CheckAsync(Change<BackupDb> change, Location location, CancellationToken cancellation)
    {
        // That one has been given what does not count any more.
        foreach (var earlier in await change.Db.Tasks.Where(task => task.Location == location.Id && task.Kind == WorkKind.CheckLocation
            && task.State < WorkTaskState.Done).ToListAsync(cancellation).ConfigureAwait(false)) earlier.IsCancelled();
        Add(change, WorkKind.CheckLocation, location, location.Project, new VaultOrder(location.VaultOf(location.Project)),
            WorkJson.Default.VaultOrder);
    }

    public static async Task DoneAsync(WorkTask task, VaultResult result, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await OfAsync(task, change, cancellation).ConfigureAwait(false) is not { } location) return;
        // An empty place says nothing of what is in it.
        if (task.Kind == WorkKind.CheckLocation) location.WasChecked(null, change.Now);
        else
        {
            location.WasOpened();
            location.Uses(result.UsedBytes);
        }
        if (result.CanHold is { } canHold) location.WasSeenToHold(canHold);
        if (result.WhyNoHold is { } why) location.WasLookedAt($"its bucket has object lock, and no lock could have it hold points: {why}");
        if (task.Kind == WorkKind.Verify) location.WasVerified(Text(result.Notes), change.Now);
        else if (result.Notes.Count > 0 && task.Kind == WorkKind.CollectGarbage) location.WasLookedAt(Text(result.Notes));
        Tell(change, location);
    }

    /// <summary>A check has not come to an end, and is tried again: whoever waits for it hears why.</summary>
    public static async Task TriedAsync(WorkTask task, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await OfAsync(task, change, cancellation).ConfigureAwait(false) is not { } location) return;
        location.CheckIsTriedAgain(error);
        Tell(change, location);
    }

    public static async Task FailedAsync(WorkTask task, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await OfAsync(task, change, cancellation).ConfigureAwait(false) is not { } location) return;
        if (task.Kind == WorkKind.CheckLocation) location.WasChecked(error, change.Now);
        else location.WasLookedAt($"{Name(task.Kind)} failed: {error}");
        // What was not done is still to be done.
        if (task.Kind is WorkKind.CollectGarbage or WorkKind.Prune) location.MayHaveGarbage();
        Tell(change, location);
    }

    static async Task<Location?> OfAsync(WorkTask task, Change<BackupDb> change, CancellationToken cancellation) =>
        task.Location is { } id ? await change.Db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) : null;

    static string? Text(IReadOnlyList<string> damages) => damages.Count == 0 ? null
        : string.Join("; ", damages.Take(DamagesShown)) + (damages.Count > DamagesShown ? $"; and {damages.Count - DamagesShown} more"
            : "");

    static string Name(WorkKind kind) => kind switch
    {
        WorkKind.CollectGarbage => "the collection of garbage",
        WorkKind.Verify => "the verification",
        _ => "the removal of points",
    };

    public static void Tell(Change<BackupDb> change, Location location) =>
        change.Send(Destination.Portal, location.View(), MessageJson.Default.LocationChanged);
}
