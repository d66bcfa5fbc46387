using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;

namespace VBackup.Snapshots;

/// <summary>What the vSnapshot service is told to do. An order only notes what is to be done: it is done beside.</summary>
public static class SnapshotOrders
{
    /// <param name="region">Whose vSnapshot service this is.</param>
    public static MessageHandlers<SnapshotsDb> Handlers(string region) => new MessageHandlers<SnapshotsDb>()
        .On(MessageJson.Default.TakeServerSnapshot, TakeAsync)
        .On(MessageJson.Default.KeepSnapshotAsBase, KeepAsBaseAsync)
        .On(MessageJson.Default.RemoveSnapshot, (order, change, cancellation) => RemoveAsync(region, order, change, cancellation))
        .On(MessageJson.Default.RollBackSnapshot, RollBackAsync)
        .On(MessageJson.Default.FreeVolumes, FreeAsync)
        .On(MessageJson.Default.SurveySnapshots, SurveyAsync);

    static async Task TakeAsync(TakeServerSnapshot order, Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Snapshots.FindAsync([order.Snapshot], cancellation).ConfigureAwait(false) is { } known)
        {
            RequireOwn(known, order.Project);
            // It was given up before it was asked for, as messages come in any order; or it was asked for twice.
            return;
        }
        var snapshot = Snapshot.Of(order, await Installation.OfAsync(change, cancellation).ConfigureAwait(false), change.Now);
        change.Db.Snapshots.Add(snapshot);
        if (change.IsLate) Fail(change, snapshot, "the order came too late: the messages were delayed");
        else Tell(change, snapshot);
    }

    static async Task KeepAsBaseAsync(KeepSnapshotAsBase order, Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Snapshots.FindAsync([order.Snapshot], cancellation).ConfigureAwait(false) is not { } snapshot) return;
        snapshot.IsToBeBase(change.Now);
        Tell(change, snapshot);
    }

    static async Task RemoveAsync(string region, RemoveSnapshot order, Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        var snapshot = await change.Db.Snapshots.FindAsync([order.Snapshot], cancellation).ConfigureAwait(false);
        if (snapshot is null)
        {
            change.Db.Snapshots.Add(Snapshot.NeverTaken(order.Snapshot, order.Project, region, change.Now));
            return;
        }
        RequireOwn(snapshot, order.Project);
        snapshot.IsToBeRemoved(change.Now);
        Tell(change, snapshot);
    }

    static async Task RollBackAsync(RollBackSnapshot order, Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        var snapshot = await change.Db.Snapshots.FindAsync([order.Snapshot], cancellation).ConfigureAwait(false);
        if (snapshot is null) throw new RefusedMessageException($"there is no snapshot {order.Snapshot}");
        RequireOwn(snapshot, order.Project);
        if (change.IsLate) snapshot.IsNotRolledBack("the order to roll back came too late: the messages were delayed");
        else if (order.Disks?.FirstOrDefault(name => snapshot.Disks.All(disk => disk.Name != name)) is { } missing)
            snapshot.IsNotRolledBack($"the snapshot has no volume {missing}: nothing was rolled back");
        else if (!snapshot.IsToBeRolledBack(order.Disks, change.Now))
            snapshot.IsNotRolledBack("it is not taken yet, is going, or a backup has only just been made of it: nothing was rolled back");
        Tell(change, snapshot);
    }

    static async Task FreeAsync(FreeVolumes order, Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        var ofServer = await change.Db.Snapshots.Where(one => one.ServerId == order.Server.Id && one.Project == order.Project
            && (one.State == SnapshotState.Base || (order.RemovesAll && one.State == SnapshotState.Ready
                && one.Purpose != SnapshotPurpose.Backup)))
            .ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var snapshot in ofServer.Where(one => order.Volumes is null || one.Disks.Any(disk => order.Volumes.Contains(disk.Volume))))
        {
            snapshot.IsToBeGivenUp(change.Now);
            Tell(change, snapshot);
        }
    }

    static async Task SurveyAsync(SurveySnapshots order, Change<SnapshotsDb> change, CancellationToken cancellation) =>
        (await Installation.OfAsync(change, cancellation).ConfigureAwait(false)).IsToBeSurveyed();

    static void RequireOwn(Snapshot snapshot, ProjectId project)
    {
        if (snapshot.Project != project)
            throw new RefusedMessageException($"the snapshot {snapshot.Id} is not of the project {project}: nothing was done");
    }

    internal static void Fail(Change<SnapshotsDb> change, Snapshot snapshot, string error)
    {
        snapshot.CouldNotBeTaken(error, change.Now);
        if (snapshot.Run is { } run)
            change.Send(Destination.Backup, new SnapshotTaken(snapshot.Id, run, error, null, null, null, null, null, null, null, null,
                null),
                MessageJson.Default.SnapshotTaken);
        Tell(change, snapshot);
    }

    internal static void Tell(Change<SnapshotsDb> change, Snapshot snapshot) =>
        change.Send(Destination.Portal, snapshot.View(), MessageJson.Default.SnapshotChanged);
}
