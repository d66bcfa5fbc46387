using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Storage space is looked after in quiet hours, without anybody asking.</summary>
public sealed class StorageSpaceTests
{
    const int Size = 1_000_000;

    [Fact]
    public async Task What_deleted_points_leave_is_collected_in_the_next_quiet_hours_and_the_usage_sinks()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var first = await BackUpAsync(world, 1);
        await BackUpAsync(world, 2);
        var before = await UsedAsync(world);
        await world.TellBackupAsync(new DeletePoint(first.Point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.SettleAsync();

        // 12:00: everybody is at work.
        await world.Clockwork.TurnAsync(default);
        Assert.Empty(await TasksAsync(world, WorkKind.CollectGarbage));
        world.Clock.Advance(TimeSpan.FromHours(15));
        await world.Clockwork.TurnAsync(default);
        await world.Clockwork.TurnAsync(default);
        Assert.Single(await TasksAsync(world, WorkKind.CollectGarbage));
        await world.SettleAsync();
        // A collector waits for whoever may have been at work, so the space is free after the second one at the latest.
        world.Clock.Advance(TimeSpan.FromDays(1));
        await world.ChangeLocationAsync(location => location.MayHaveGarbage());
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.InRange(await UsedAsync(world), 1, before - Size / 2);
    }

    [Fact]
    public async Task A_project_has_one_location_at_an_address_however_it_is_written()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var registry = new LocationRegistry(world.Backup, world.Secrets);
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "twin", LocationKindView.FileSystem,
            world.Path("elsewhere/../location/"), null, null, null, null, null, SoftDeleteDays: 0, IsDefault: false);
        var refused = await registry.CreateAsync(world.Ids.New<LocationId>(), wish, default);
        Assert.Equal(("name-taken", "address", "the location main has this address already"),
            (refused.Code, refused.Field, refused.Reason));
        // Each project has a vault of its own there.
        Assert.NotNull((await registry.CreateAsync(
            world.Ids.New<LocationId>(), wish with { Project = world.Ids.New<ProjectId>() }, default)).Location);
    }

    [Fact]
    public async Task A_folder_that_is_gone_is_not_made_anew_where_there_are_points()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await BackUpAsync(world, 1);
        Directory.Move(world.Path("location"), world.Path("not mounted"));
        var server = new ServerRef(ServiceWorld.Region, (await world.Cloud.Hypervisor.FindAsync("web", default))!.Id);
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        for (var attempt = 1; attempt < WorkTask.AttemptsMax; attempt++)
        {
            world.Clock.Advance(TimeSpan.FromMinutes(30));
            await world.SettleAsync();
        }
        Assert.Equal(RunState.Failed, world.Portal.Run(order.Run).State);
        Assert.Contains(world.Path("location"), world.Portal.Run(order.Run).Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(world.Path("location")));
    }

    [Fact]
    public async Task A_week_later_all_is_verified_and_what_is_damaged_is_told()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await BackUpAsync(world, 1);
        world.Clock.Advance(TimeSpan.FromDays(7) + TimeSpan.FromHours(15));
        await world.Clockwork.TurnAsync(default);
        Assert.Single(await TasksAsync(world, WorkKind.Verify));
        Assert.Null(await VerifiedAsync(world));
        await world.SettleAsync();
        Assert.Equal((null, world.Clock.GetUtcNow()), (await FindingAsync(world), await VerifiedAsync(world)));

        foreach (var pack in Directory.EnumerateFiles(world.Path($"location/{world.Project}/packs"), "*", SearchOption.AllDirectories))
        {
            var bytes = await File.ReadAllBytesAsync(pack);
            bytes[bytes.Length / 2] ^= 1;
            await File.WriteAllBytesAsync(pack, bytes);
        }
        world.Clock.Advance(TimeSpan.FromDays(8));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.NotNull(await FindingAsync(world));
    }

    [Theory]
    [InlineData("22:00", "04:00", "23:30", true)]
    [InlineData("22:00", "04:00", "03:59", true)]
    [InlineData("22:00", "04:00", "04:00", false)]
    [InlineData("02:00", "05:00", "01:59", false)]
    [InlineData("02:00", "05:00", "02:00", true)]
    [InlineData("00:00", "00:00", "12:00", true)]
    public void Quiet_hours_may_span_midnight(string from, string to, string now, bool isQuiet)
    {
        static TimeOnly Time(string text) => TimeOnly.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        var limits = new StorageSpaceLimits { From = Time(from), To = Time(to) };
        Assert.Equal(isQuiet, limits.IsQuiet(new(new DateOnly(2026, 3, 1), Time(now), TimeSpan.Zero)));
    }

    static async Task<StartBackup> BackUpAsync(ServiceWorld world, int seed)
    {
        var content = new byte[Size];
        new Random(seed).NextBytes(content);
        var server = await world.AddServerAsync("web", ("vda", content));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return order;
    }

    static Task<List<WorkTask>> TasksAsync(ServiceWorld world, WorkKind kind) =>
        world.Backup.MakeAsync(change => Task.FromResult(change.Db.Tasks.Where(task => task.Kind == kind).ToList()), default);

    static Task<long> UsedAsync(ServiceWorld world) =>
        world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(world.Location))!.UsedBytes, default);

    static Task<DateTimeOffset?> VerifiedAsync(ServiceWorld world) =>
        world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(world.Location))!.View().VerifiedAt, default);

    static Task<string?> FindingAsync(ServiceWorld world) =>
        world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(world.Location))!.Finding, default);
}
