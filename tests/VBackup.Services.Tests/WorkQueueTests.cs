using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Who gets a worker next.</summary>
public sealed class WorkQueueTests
{
    [Fact]
    public async Task A_hypervisor_has_no_more_at_once_than_its_limit()
    {
        await using var world = await ServiceWorld.MakeAsync(new() { PerHost = 2 });
        await OrderAsync(world, 3);
        await ExpectAtWorkAsync(world, 2);
    }

    [Fact]
    public async Task A_pool_has_no_more_at_once_than_its_limit_and_another_is_not_held_up()
    {
        await using var world = await ServiceWorld.MakeAsync(new() { PerPool = 1 });
        await OrderAsync(world, 2);
        // The oldest comes first.
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, "elsewhere", ["fast"]);
        var first = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.True(await world.Source.FailAsync(first.Task, first.Epoch, "broken", mayPass: false, default));
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
    }

    [Fact]
    public async Task A_task_of_two_pools_waits_for_both()
    {
        await using var world = await ServiceWorld.MakeAsync(new() { PerPool = 1 });
        await AddAsync(world, "first", ["fast"]);
        await AddAsync(world, "second", ["slow", "fast"]);
        await ExpectAtWorkAsync(world, 1);
    }

    [Fact]
    public async Task A_location_takes_no_more_at_once_than_its_limit_and_another_is_not_held_up()
    {
        await using var world = await ServiceWorld.MakeAsync(new() { PerLocation = 1 });
        await OrderAsync(world, 2);
        var second = await world.AddLocationAsync("second", world.Project);
        await OrderAsync(world, 1, second, prefix: "other");
        await ExpectAtWorkAsync(world, 2);
    }

    [Fact]
    public async Task A_restore_comes_before_backups_that_were_asked_for_earlier()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = (await OrderAsync(world, 1, prefix: "old")).Single();
        await world.SettleAsync();
        await OrderAsync(world, 2);
        world.Clock.Advance(TimeSpan.FromSeconds(5));
        await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        Assert.Equal(WorkKind.Import, (await world.Source.AcquireAsync(world.WorkerId, default))?.Kind);
    }

    [Fact]
    public async Task Whoever_has_fewest_at_work_is_next()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await OrderAsync(world, 3);
        world.Clock.Advance(TimeSpan.FromSeconds(5));
        var modest = world.Ids.New<ProjectId>();
        var theirs = await world.AddLocationAsync("theirs", modest);
        await OrderAsync(world, 1, theirs, modest, "late");
        List<LocationId?> order = [];
        for (var i = 0; i < 3; i++) order.Add(await LocationOfAsync(world, (await world.Source.AcquireAsync(world.WorkerId, default))!));
        Assert.Equal([world.Location, theirs, world.Location], order);
    }

    static async Task<List<RestorePointId>> OrderAsync(
        ServiceWorld world, int count, LocationId? location = null, ProjectId? project = null, string prefix = "web")
    {
        List<RestorePointId> points = [];
        for (var i = 0; i < count; i++)
        {
            var server = await world.AddServerAsync($"{prefix}{i}", ("vda", SnapshotServiceTests.Content(i)));
            points.Add((await world.OrderBackupAsync(server, PointKind.Full, location: location, project: project)).Point);
        }
        await world.BackupPump.SendDueAsync(default);
        await world.SnapshotWork.DoDueAsync(default);
        await world.SnapshotsPump.SendDueAsync(default);
        return points;
    }

    static Task AddAsync(ServiceWorld world, string name, IReadOnlyList<string> pools) => world.Backup.MakeAsync(change =>
    {
        change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), WorkKind.Import, world.Project, ServiceWorld.Region, "{}",
            change.Now) { Pools = pools, Host = name });
        return Task.CompletedTask;
    }, default);

    static async Task ExpectAtWorkAsync(ServiceWorld world, int count)
    {
        for (var i = 0; i < count; i++) Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
    }

    static Task<LocationId?> LocationOfAsync(ServiceWorld world, WorkLease lease) =>
        world.Backup.MakeAsync(async change => (await change.Db.Tasks.FindAsync(lease.Task))!.Location, default);
}
