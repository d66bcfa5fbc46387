using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A server has a base in each location that it is backed up to, and only whose it is gives one up.</summary>
public sealed class BaseSnapshotTests
{
    [Fact]
    public async Task Each_location_keeps_its_own_base()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var second = await world.AddLocationAsync("second", world.Project);
        var server = await world.AddServerAsync("web", ("vda", Content()));
        foreach (var location in (LocationId[])[world.Location, second])
        {
            await BackUpAsync(world, server, PointKind.Incremental, PointKind.Full, location, world.Project);
        }
        Assert.Equal(2, (await world.SnapshotNamesAsync("web")).Count);
        foreach (var location in (LocationId[])[world.Location, second])
        {
            await BackUpAsync(world, server, PointKind.Incremental, PointKind.Incremental, location, world.Project);
            Assert.Equal(2, (await world.SnapshotNamesAsync("web")).Count);
        }
    }

    [Fact]
    public async Task The_base_of_a_location_that_was_left_a_week_ago_goes_with_the_next_backup_and_another_projects_stays()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var stranger = world.Ids.New<ProjectId>();
        var second = await world.AddLocationAsync("second", world.Project);
        var theirs = await world.AddLocationAsync("theirs", stranger);
        var server = await world.AddServerAsync("web", ("vda", Content()));
        await BackUpAsync(world, server, PointKind.Full, PointKind.Full, world.Location, world.Project);
        await BackUpAsync(world, server, PointKind.Full, PointKind.Full, theirs, stranger);
        world.Clock.Advance(TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1));
        await BackUpAsync(world, server, PointKind.Incremental, PointKind.Full, second, world.Project);
        Assert.Equal(3, (await world.SnapshotNamesAsync("web")).Count);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await BackUpAsync(world, server, PointKind.Incremental, PointKind.Incremental, second, world.Project);
        Assert.Equal(2, (await world.SnapshotNamesAsync("web")).Count);

        // Who goes back after all has a full, and a base again.
        await BackUpAsync(world, server, PointKind.Incremental, PointKind.Full, world.Location, world.Project);
        Assert.Equal(3, (await world.SnapshotNamesAsync("web")).Count);
        await BackUpAsync(world, server, PointKind.Incremental, PointKind.Incremental, theirs, stranger);
    }

    [Fact]
    public async Task A_restore_in_place_gives_up_the_bases_of_every_location_and_project()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var stranger = world.Ids.New<ProjectId>();
        var second = await world.AddLocationAsync("second", world.Project);
        var theirs = await world.AddLocationAsync("theirs", stranger);
        var server = await world.AddServerAsync("web", ("vda", Content()));
        var point = await BackUpAsync(world, server, PointKind.Full, PointKind.Full, world.Location, world.Project);
        await BackUpAsync(world, server, PointKind.Full, PointKind.Full, second, world.Project);
        await BackUpAsync(world, server, PointKind.Full, PointKind.Full, theirs, stranger);
        Assert.Equal(3, (await world.SnapshotNamesAsync("web")).Count);

        var restore = await world.OrderRestoreAsync(point);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(restore.Run).State);
        Assert.StartsWith("safety-", Assert.Single(await world.SnapshotNamesAsync("web")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_another_project_asks_of_a_snapshot_is_refused_and_it_learns_why()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content()));
        await BackUpAsync(world, server, PointKind.Full, PointKind.Full, world.Location, world.Project);
        var snapshot = world.Portal.Snapshots.Single().Snapshot;
        var stranger = world.Ids.New<ProjectId>();
        await world.Backup.MakeAsync(change =>
        {
            change.Send(Destination.Snapshots(ServiceWorld.Region), new RemoveSnapshot(snapshot, stranger),
                MessageJson.Default.RemoveSnapshot);
            change.Send(Destination.Snapshots(ServiceWorld.Region), new RollBackSnapshot(snapshot, stranger),
                MessageJson.Default.RollBackSnapshot);
            return Task.CompletedTask;
        }, default);
        await world.SettleAsync();

        var dead = await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Outbox.Where(one => one.IsDead).ToList()), default);
        Assert.Equal([RemoveSnapshot.Name, RollBackSnapshot.Name], dead.Select(one => one.Name).Order());
        Assert.All(dead, one => Assert.Contains($"is not of the project {stranger}", one.LastError, StringComparison.Ordinal));
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    static byte[] Content()
    {
        var content = new byte[300_000];
        new Random(9).NextBytes(content);
        return content;
    }

    static async Task<RestorePointId> BackUpAsync(
        ServiceWorld world, ServerRef server, PointKind wanted, PointKind expected, LocationId location, ProjectId project)
    {
        var order = await world.OrderBackupAsync(server, wanted, location: location, project: project);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(expected, world.Portal.Point(order.Point).Kind);
        return order.Point;
    }
}
