using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Who gets a worker next.</summary>
public class WorkQueueTests : StoryTests
{
    [Fact]
    public async Task A_hypervisor_has_no_more_at_once_than_its_limit()
    {
        await using var world = await MakeWorldAsync(new() { PerHost = 2 });
        await OrderAsync(world, 3);
        await ExpectAtWorkAsync(world, 2);
    }

    [Fact]
    public async Task A_pool_has_no_more_at_once_than_its_limit_and_another_is_not_held_up()
    {
        await using var world = await MakeWorldAsync(new() { PerPool = 1 });
        await OrderAsync(world, 2);
        // The oldest comes first.
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, "elsewhere", ["fast"]);
        var first = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.True(await world.Source.FailAsync(first.Task, first.Epoch, new("broken", MayPass: false), default));
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
    }

    [Fact]
    public async Task A_task_of_two_pools_waits_for_both()
    {
        await using var world = await MakeWorldAsync(new() { PerPool = 1 });
        await AddAsync(world, "first", ["fast"]);
        await AddAsync(world, "second", ["slow", "fast"]);
        await ExpectAtWorkAsync(world, 1);
    }

    [Fact]
    public async Task A_location_takes_no_more_at_once_than_its_limit_and_another_is_not_held_up()
    {
        await using var world = await MakeWorldAsync(new() { PerLocation = 1 });
        await OrderAsync(world, 2);
        var second = await world.AddLocationAsync("second", world.Project);
        await OrderAsync(world, 1, second, prefix: "other");
        await ExpectAtWorkAsync(world, 2);
    }

    [Fact]
    public async Task A_restore_comes_before_backups_that_were_asked_for_earlier()
    {
        await using var world = await MakeWorldAsync();
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
        await using var world = await MakeWorldAsync();
        await OrderAsync(world, 3);
        world.Clock.Advance(TimeSpan.FromSeconds(5));
        var modest = world.Ids.New<ProjectId>();
        var theirs = await world.AddLocationAsync("theirs", modest);
        await OrderAsync(world, 1, theirs, modest, "late");
        List<LocationId?> order = [];
        for (var i = 0; i < 3; i++) order.Add(await LocationOfAsync(world, (await world.Source.AcquireAsync(world.WorkerId, default))!));
        Assert.Equal([world.Location, theirs, world.Location], order);
    }

    [Fact]
    public async Task However_many_wait_for_a_pool_hide_neither_another_pools_nor_work_that_needs_none()
    {
        await using var world = await MakeWorldAsync(new() { PerPool = 1 });
        await AddAsync(world, "here", ["fast"], count: 250);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, "here", ["slow"]);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, null, [], kind: WorkKind.CheckLocation);
        Assert.Equal([WorkKind.Import, WorkKind.Import, WorkKind.CheckLocation], await KindsAsync(world));
    }

    [Fact]
    public async Task However_many_fill_a_location_hide_no_other()
    {
        await using var world = await MakeWorldAsync(new() { PerLocation = 1 });
        var second = await world.AddLocationAsync("second", world.Project);
        await AddAsync(world, null, [], count: 250, kind: WorkKind.Export, location: world.Location);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, null, [], kind: WorkKind.Export, location: second);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        foreach (var kind in (WorkKind[])[WorkKind.SettleExport, WorkKind.RotateKey])
            await AddAsync(world, null, [], kind: kind, location: world.Location);
        Assert.Equal([WorkKind.Export, WorkKind.Export, WorkKind.RotateKey, WorkKind.SettleExport], (await KindsAsync(world)).Order());
    }

    [Fact]
    public async Task However_many_one_project_asked_for_another_is_next()
    {
        await using var world = await MakeWorldAsync(new() { PerHost = 1000 });
        await AddAsync(world, "here", [], count: 250);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var modest = world.Ids.New<ProjectId>();
        await AddAsync(world, "here", [], project: modest);
        await world.Source.AcquireAsync(world.WorkerId, default);
        var second = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        var whose = await world.Backup.MakeAsync(async change => (await change.Db.Tasks.FindAsync(second.Task))!.Project, default);
        Assert.Equal(modest, whose);
    }

    [Fact]
    public async Task Of_those_that_are_alike_the_oldest_is_next()
    {
        await using var world = await MakeWorldAsync(new() { PerHost = 1000 });
        List<WorkTaskId> added = [];
        for (var i = 0; i < 3; i++)
        {
            // Of one instant, the lower id.
            added.AddRange((await AddAsync(world, i == 1 ? "elsewhere" : "here", [], count: 2)).OrderBy(task => task.Value));
            world.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        List<WorkTaskId> taken = [];
        while (await world.Source.AcquireAsync(world.WorkerId, default) is { } lease) taken.Add(lease.Task);
        Assert.Equal(added, taken);
    }

    static async Task<List<WorkKind>> KindsAsync(ServiceWorld world)
    {
        List<WorkKind> kinds = [];
        while (await world.Source.AcquireAsync(world.WorkerId, default) is { } lease) kinds.Add(lease.Kind);
        return kinds;
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

    static Task<List<WorkTaskId>> AddAsync(ServiceWorld world, string? host, IReadOnlyList<string> pools, int count = 1,
        WorkKind kind = WorkKind.Import, ProjectId? project = null, LocationId? location = null) => world.Backup.MakeAsync(change =>
    {
        List<WorkTaskId> added = [.. Enumerable.Range(0, count).Select(_ => change.NewId<WorkTaskId>())];
        var order = kind == WorkKind.Export ? JsonSerializer.Serialize(SomeExport(world), WorkJson.Default.ExportOrder) : "{}";
        foreach (var id in added)
            change.Db.Tasks.Add(new(id, kind, project ?? world.Project, ServiceWorld.Region, order, change.Now)
            { Pools = pools, Host = host, Location = location });
        return Task.FromResult(added);
    }, default);

    static ExportOrder SomeExport(ServiceWorld world)
    {
        var (server, now) = (new ServerRef(ServiceWorld.Region, "id-of-web"), world.Clock.GetUtcNow());
        return new(new("nowhere", null, null), world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(), "", [], server, "web",
            PointKind.Full, "instant", now, "crash", null, [], "kind", "configuration",
            new(world.Project, null, RunTrigger.Manual, [], now, server));
    }

    static async Task ExpectAtWorkAsync(ServiceWorld world, int count)
    {
        for (var i = 0; i < count; i++) Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
    }

    static Task<LocationId?> LocationOfAsync(ServiceWorld world, WorkLease lease) =>
        world.Backup.MakeAsync(async change => (await change.Db.Tasks.FindAsync(lease.Task))!.Location, default);
}
