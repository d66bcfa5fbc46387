using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Plans;
using VBackup.Portal.Restores;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>One row that nobody can make sense of does not keep the others from what they have to do, and is told of.</summary>
public sealed class PoisonedRowTests
{
    static readonly RestoreCalendar s_at3 = new(new LocalTime(3, 0), "Etc/UTC", Daily: new());

    [Fact]
    public async Task A_plan_that_cannot_be_looked_at_keeps_no_other_from_running()
    {
        await using var world = await PortalWorld.MakeAsync();
        var location = await world.LocationAsync();
        // It has no such policy, and is looked at first.
        var poisoned = await world.PlanAsync(await world.ServerAsync("poisoned"), location, world.Ids.New<PolicyId>(), "poisoned");
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var server = await world.ServerAsync();
        await world.PlanAsync(server, location, await world.PolicyAsync());
        var clockwork = new PlanClockwork(world.Changes);
        await FailAsync(clockwork.TurnAsync, $"of plan {poisoned}", $"Plan {poisoned} has no policy", times: 2);
        world.Clock.Advance(TimeSpan.FromDays(1));
        await FailAsync(clockwork.TurnAsync, $"of plan {poisoned}", $"Plan {poisoned} has no policy", times: 2);
        Assert.Equal(server, Assert.Single(await world.SentAsync(MessageJson.Default.StartBackup)).Server);
    }

    [Fact]
    public async Task A_scheduled_restore_that_cannot_be_started_keeps_no_other_from_starting_and_comes_again()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.PointAsync(server, await world.LocationAsync());
        var (poisoned, healthy) = (await ScheduleAsync(world, server, "poisoned"), await ScheduleAsync(world, server, "healthy"));
        // A zone that NodaTime does not know any more.
        await ChangeAsync(world, poisoned, nameof(RestoreSchedule.Calendar), s_at3 with { Zone = "Moon/Sea" });
        world.Clock.Advance(TimeSpan.FromHours(16));
        await FailAsync(new RestoreClockwork(world.Changes).TurnAsync, $"restore {poisoned}", "Moon/Sea", times: 1);
        Assert.StartsWith("healthy-", Assert.Single(await world.SentAsync(MessageJson.Default.StartRestore)).NewName,
            StringComparison.Ordinal);
        await FailAsync(new RestoreClockwork(world.Changes).TurnAsync, $"restore {poisoned}", "Moon/Sea", times: 1);

        await ChangeAsync(world, poisoned, nameof(RestoreSchedule.Calendar), s_at3);
        await new RestoreClockwork(world.Changes).TurnAsync(default);
        Assert.Equal(["healthy-20260302-0300", "poisoned-20260302-0300"],
            (await world.SentAsync(MessageJson.Default.StartRestore)).Select(one => one.NewName).Order(StringComparer.Ordinal));
        Assert.NotNull((await FindAsync(world, healthy)).LastRun);
    }

    [Fact]
    public async Task A_scheduled_restore_whose_instant_its_calendar_does_not_name_any_more_waits_for_the_next()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.PointAsync(server, await world.LocationAsync());
        var schedule = await ScheduleAsync(world, server, "moved");
        var at3 = (await FindAsync(world, schedule)).NextAt!.Value;
        // As it was before the zone had other rules.
        await ChangeAsync(world, schedule, nameof(RestoreSchedule.NextAt), at3.AddHours(-1));
        world.Clock.Advance(at3.AddMinutes(-30) - world.Clock.GetUtcNow());
        await new RestoreClockwork(world.Changes).TurnAsync(default);
        var after = await FindAsync(world, schedule);
        Assert.Equal((at3, null, null, null), (after.NextAt, after.LastDueAt, after.LastRun, after.LastSkipped));
        Assert.Empty(await world.SentAsync(MessageJson.Default.StartRestore));
        world.Clock.Advance(TimeSpan.FromMinutes(30));
        await new RestoreClockwork(world.Changes).TurnAsync(default);
        Assert.Single(await world.SentAsync(MessageJson.Default.StartRestore));
    }

    static async Task FailAsync(Func<CancellationToken, Task> turn, string step, string reason, int times)
    {
        var told = await Assert.ThrowsAsync<AggregateException>(() => turn(default));
        Assert.Equal(times, told.InnerExceptions.Count);
        Assert.All(told.InnerExceptions, one => Assert.IsType<StepFailedException>(one));
        Assert.All(told.InnerExceptions, one => Assert.Contains(step, one.Message, StringComparison.Ordinal));
        Assert.All(told.InnerExceptions, one => Assert.Contains(reason, one.Message, StringComparison.Ordinal));
    }

    static async Task<RestoreScheduleId> ScheduleAsync(PortalWorld world, ServerRef server, string name)
    {
        var schedule = RestoreSchedule.Repeated(world.Ids.New<RestoreScheduleId>(), world.Project, name, server, "web",
            new(null, RestoreTarget.NewServer, name, null, false), s_at3, world.Clock.GetUtcNow());
        await world.SaveAsync(schedule);
        return schedule.Id;
    }

    static async Task ChangeAsync(PortalWorld world, RestoreScheduleId id, string member, object value)
    {
        await using var db = world.Db();
        db.Entry((await db.RestoreSchedules.FindAsync(id))!).Property(member).CurrentValue = value;
        await db.SaveChangesAsync();
    }

    static async Task<RestoreSchedule> FindAsync(PortalWorld world, RestoreScheduleId id)
    {
        await using var db = world.Db();
        return (await db.RestoreSchedules.FindAsync(id))!;
    }
}
