using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Notifications;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Restores that start by themselves, carried out by all services.</summary>
public sealed class ScheduledRestoreTests
{
    const int Size = 512 * 1024;
    static readonly PolicyRules s_daily = new(new LocalTime(13, 0), "Etc/UTC", Daily: new(7),
        Notification: new(OnFailure: true, Recipients: ["ops@receiver.example"]));
    static readonly RestoreCalendar s_at3 = new(new LocalTime(3, 0), "Etc/UTC", Daily: new());
    static readonly RestoreWish s_volume = new(null, RestoreTarget.NewVolume, "test", "vda", false);

    [Fact]
    public async Task The_newest_point_is_restored_each_night_to_a_new_server_with_a_name_of_its_own()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        await RepeatAsync(world, await ProtectedAsync(world), s_volume with { Target = RestoreTarget.NewServer, Volume = null });
        await world.PassAsync(TimeSpan.FromHours(1));
        await File.WriteAllBytesAsync(world.Services.VolumePath("web-vda"), Noise(2));
        await world.PassAsync(TimeSpan.FromHours(14));
        await world.PassAsync(TimeSpan.FromHours(10));
        await world.PassAsync(TimeSpan.FromHours(14));
        var restores = (await world.RunsAsync()).Where(run => run.Kind == RunKind.Restore).ToList();
        Assert.All(restores, run => Assert.Equal((RunState.Succeeded, RunTrigger.Schedule), (run.State, run.Trigger)));
        Assert.Equal(["server test-20260302-0300", "server test-20260303-0300"], restores.Select(run => run.Target));
        Assert.Equal(Noise(1), await File.ReadAllBytesAsync(world.Services.VolumePath("test-20260302-0300-vda")));
        Assert.Equal(Noise(2), await File.ReadAllBytesAsync(world.Services.VolumePath("test-20260303-0300-vda")));
        // What the first one made is there still.
        Assert.NotNull(await world.Services.Cloud.Hypervisor.FindAsync("test-20260302-0300", default));
    }

    [Fact]
    public async Task After_downtime_only_the_latest_starts()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await RepeatAsync(world, await ProtectedAsync(world), s_volume);
        await world.PassAsync(TimeSpan.FromHours(1));
        await world.PassAsync(TimeSpan.FromDays(10));
        Assert.Equal(["test-20260311-0300"], await MadeAsync(world));
        var after = await FindAsync(world, schedule);
        Assert.Equal((new(2026, 3, 11, 3, 0, 0, TimeSpan.Zero), new(2026, 3, 12, 3, 0, 0, TimeSpan.Zero)), (after.LastDueAt, after.NextAt));
    }

    [Fact]
    public async Task Replicas_start_it_once()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        await RepeatAsync(world, await ProtectedAsync(world), s_volume);
        await world.PassAsync(TimeSpan.FromHours(1));
        world.Services.Clock.Advance(TimeSpan.FromHours(15));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new RestoreClockwork(world.Portal).TurnAsync(default)));
        await world.TurnAsync();
        Assert.Equal(["test-20260302-0300"], await MadeAsync(world));
    }

    [Fact]
    public async Task Without_a_point_it_is_skipped_and_told()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("monthly", s_daily with { Daily = null, Monthly = new(DayOfMonth.Last, 1) });
        await world.ProtectAsync(server, new(policy.Id));
        var schedule = await RepeatAsync(world, server, s_volume);
        await world.PassAsync(TimeSpan.FromHours(16));
        Assert.Equal("the server has no point", (await FindAsync(world, schedule)).LastSkipped);
        var told = await world.Portal.MakeAsync(change => change.Db.Notifications.SingleAsync(), default);
        Assert.Equal((NotificationEvent.RestoreSkipped, "The scheduled restore nightly test of web did not start: the server has no point"),
            (told.Event, told.Summary));
    }

    [Fact]
    public async Task One_that_goes_on_lets_the_next_be_skipped_until_it_is_known_to_be_lost()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await RepeatAsync(world, await ProtectedAsync(world), s_volume, s_at3 with { Hourly = new(8) });
        await world.PassAsync(TimeSpan.FromHours(1));
        world.Services.Clock.Advance(TimeSpan.FromHours(14));
        // The vBackup service hears nothing.
        var clockwork = new RestoreClockwork(world.Portal);
        await clockwork.TurnAsync(default);
        await world.Portal.MakeAsync(change => change.Db.Outbox.Where(one => one.Name == "start-restore").ExecuteDeleteAsync(), default);
        world.Services.Clock.Advance(TimeSpan.FromHours(8));
        await clockwork.TurnAsync(default);
        Assert.Equal("the restore before is still going on", (await FindAsync(world, schedule)).LastSkipped);
        world.Services.Clock.Advance(TimeSpan.FromHours(40));
        await clockwork.TurnAsync(default);
        Assert.Null((await FindAsync(world, schedule)).LastSkipped);
        Assert.Single(await world.RunsAsync(), run => run is { Kind: RunKind.Restore, State: RunState.Failed });
    }

    [Fact]
    public async Task One_that_is_switched_off_starts_nothing_and_makes_nothing_up()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await RepeatAsync(world, await ProtectedAsync(world), s_volume);
        await world.PassAsync(TimeSpan.FromHours(1));
        await world.Portal.MakeAsync(async change => (await change.Db.RestoreSchedules.FindAsync(schedule))!.Disable(), default);
        await world.PassAsync(TimeSpan.FromDays(3));
        await world.Portal.MakeAsync(async change => (await change.Db.RestoreSchedules.FindAsync(schedule))!.Enable(change.Now), default);
        await world.TurnAsync();
        Assert.Empty(await MadeAsync(world));
        await world.PassAsync(TimeSpan.FromDays(1));
        Assert.Single(await MadeAsync(world));
    }

    [Fact]
    public async Task Once_in_place_writes_the_server_back_at_its_instant_and_never_again()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await OnceAsync(world, await ProtectedAsync(world));
        await File.WriteAllBytesAsync(world.Services.VolumePath("web-vda"), Noise(2));
        await world.PassAsync(TimeSpan.FromHours(2));
        Assert.Equal(Noise(1), await File.ReadAllBytesAsync(world.Services.VolumePath("web-vda")));
        await world.PassAsync(TimeSpan.FromDays(2));
        Assert.Single(await world.RunsAsync(), run => run.Kind == RunKind.Restore);
        Assert.Null((await FindAsync(world, schedule)).NextAt);
    }

    [Fact]
    public async Task Once_in_place_does_not_overwrite_a_server_that_has_gone_on_meanwhile()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await OnceAsync(world, await ProtectedAsync(world));
        await File.WriteAllBytesAsync(world.Services.VolumePath("web-vda"), Noise(2));
        await world.PassAsync(TimeSpan.FromHours(2) + RestoreSchedule.LatenessInPlaceMax + TimeSpan.FromSeconds(1));
        Assert.Equal(Noise(2), await File.ReadAllBytesAsync(world.Services.VolumePath("web-vda")));
        Assert.Contains("could not start in time", (await FindAsync(world, schedule)).LastSkipped, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Once_of_a_point_that_is_deleted_meanwhile_says_so()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var schedule = await OnceAsync(world, await ProtectedAsync(world));
        var point = Assert.Single(await world.PointsAsync());
        await world.Services.TellBackupAsync(new DeletePoint(point.Id, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.Services.SettleAsync();
        await world.PassAsync(TimeSpan.FromHours(2));
        Assert.Contains("not there any more", (await FindAsync(world, schedule)).LastSkipped, StringComparison.Ordinal);
    }

    /// <summary>Its first backup is due an hour after the start.</summary>
    static async Task<ServerRef> ProtectedAsync(ProtectedWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        await world.ProtectAsync(server, new((await world.NewPolicyAsync("daily", s_daily)).Id));
        return server;
    }

    static async Task<RestoreScheduleId> RepeatAsync(ProtectedWorld world, ServerRef server, RestoreWish wish,
        RestoreCalendar? calendar = null) =>
        await world.Portal.MakeAsync(change => Task.FromResult(change.Db.RestoreSchedules.Add(RestoreSchedule.Repeated(
            change.NewId<RestoreScheduleId>(), world.Project, "nightly test", server, "web", wish, calendar ?? s_at3, change.Now))
                .Entity.Id), default);

    /// <summary>In place, two hours from when there is a point.</summary>
    static async Task<RestoreScheduleId> OnceAsync(ProtectedWorld world, ServerRef server)
    {
        await world.PassAsync(TimeSpan.FromHours(1));
        var point = Assert.Single(await world.PointsAsync());
        return await world.Portal.MakeAsync(change => Task.FromResult(change.Db.RestoreSchedules.Add(RestoreSchedule.Once(
            change.NewId<RestoreScheduleId>(), world.Project, "once", server, "web",
                new(point.Id, RestoreTarget.Original, null, null, true),
            change.Now.AddHours(2))).Entity.Id), default);
    }

    static async Task<RestoreSchedule> FindAsync(ProtectedWorld world, RestoreScheduleId id) =>
        await world.Portal.MakeAsync(async change => (await change.Db.RestoreSchedules.FindAsync(id))!, default);

    static async Task<List<string?>> MadeAsync(ProtectedWorld world) =>
        [.. (await world.RunsAsync()).Where(run => run.Kind == RunKind.Restore).Select(run => run.Target)];

    static byte[] Noise(int seed)
    {
        var content = new byte[Size];
        new Random(seed).NextBytes(content);
        return content;
    }
}
