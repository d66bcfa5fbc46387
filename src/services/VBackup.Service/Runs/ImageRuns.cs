using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Points;
using VBackup.Service.Work;

namespace VBackup.Service.Runs;

/// <summary>Volumes of points into image files, and image files into new volumes: a task each, of a worker in whose region the file
/// is.</summary>
static class ImageRuns
{
    public static async Task ExportAsync(ExportImage order, Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        if (await db.Runs.FindAsync([order.Run], cancellation).ConfigureAwait(false) is not null) return;
        if (await RestoreRuns.FindPointAsync(change, order.Run, order.Project, order.Point, cancellation)
            .ConfigureAwait(false) is not { } point) return;
        var run = Run.Of(order, point.Server, point.ServerName, point.Location, change.Now);
        if (!Begins(change, run)) return;
        if (RestoreRuns.WhyNot(point) is { } reason)
        {
            Ending.Fail(change, run, null, reason);
            return;
        }
        var location = await db.Locations.FindAsync([point.Location], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Point {point.Id} has no location.");
        WorkQueue.Add(change, WorkKind.ExportImage, run,
            new(location.VaultOf(run.Project), run.Project, point.VaultPoint!, order.Volume, order.File, order.Format),
                WorkJson.Default.ExportImageOrder);
        BackupRuns.Tell(change, run, null);
    }

    public static async Task ImportAsync(ImportImage order, Change<BackupDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Runs.FindAsync([order.Run], cancellation).ConfigureAwait(false) is not null) return;
        var run = Run.Of(order, change.Now);
        if (!Begins(change, run)) return;
        WorkQueue.Add(change, WorkKind.ImportImage, run, new(run.Id, run.Project, order.File, order.Format, order.Beside, order.NewName),
            WorkJson.Default.ImportImageOrder, [VolumePool.Of(order.Beside)]);
        BackupRuns.Tell(change, run, null);
    }

    static bool Begins(Change<BackupDb> change, Run run)
    {
        change.Db.Runs.Add(run);
        if (change.IsLate) Ending.Fail(change, run, null, RestoreRuns.TooLate);
        else run.Transfers(change.Now);
        return !run.IsOver;
    }

    public static void Done(Run run, ImageResult result, Change<BackupDb> change)
    {
        run.Note([.. result.Notes, $"SHA-256 of the raw content: {result.Sha256}"]);
        run.Restores(result.Target);
        run.HasDone(result.LogicalBytes, checkedBytes: result.LogicalBytes);
        Ending.End(change, run, null, RunState.Succeeded, null);
    }
}
