using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Work;

namespace VBackup.Service.Locations;

/// <summary>Work on the vaults of a location that no run waits for.</summary>
static class LocationWork
{
    public static void Add<TOrder>(Change<BackupDb> change, WorkKind kind, Location location, ProjectId project, TOrder order, JsonTypeInfo<TOrder> type) =>
        change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), kind, project, location.Region, JsonSerializer.Serialize(order, type), change.Now)
        { Location = location.Id });

    public static async Task DoneAsync(WorkTask task, VaultResult result, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (task.Location is not { } id || await change.Db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is not { } location) return;
        if (task.Kind == WorkKind.CheckLocation) location.WasChecked(null);
        location.Uses(result.UsedBytes);
        Tell(change, location);
    }

    public static async Task FailedAsync(WorkTask task, string error, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (task.Kind != WorkKind.CheckLocation || task.Location is not { } id) return;
        if (await change.Db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is not { } location) return;
        location.WasChecked(error);
        Tell(change, location);
    }

    public static void Tell(Change<BackupDb> change, Location location) =>
        change.Send(Destination.Portal, location.View(), MessageJson.Default.LocationChanged);
}
