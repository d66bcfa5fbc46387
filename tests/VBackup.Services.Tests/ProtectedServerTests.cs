using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Servers that are protected by policy, by themselves.</summary>
public class ProtectedServerTests : StoryTests
{
    const int Size = 300_000;
    static readonly PolicyRules s_every6Hours = new(new(0, 0), "Europe/Berlin", Hourly: new(6, 4), Daily: new(3), FullPattern: new(5));

    [Fact]
    public async Task A_fortnight_of_hourly_and_daily_backups_keeps_what_the_rules_keep_and_every_point_restores()
    {
        await using var world = await MakeProtectedWorldAsync();
        var content = Noise(1);
        var server = await world.AddServerAsync("web", ("vda", content));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        var plan = await world.ProtectAsync(server, new(policy.Id));
        Dictionary<DateTimeOffset, byte[]> written = [];
        for (var hour = 0; hour < 14 * 24; hour++)
        {
            content[hour * 97 % Size] ^= 0x5A;
            await File.WriteAllBytesAsync(world.Services.VolumePath("web-vda"), content);
            written.Add(world.Services.Clock.GetUtcNow() + TimeSpan.FromHours(1), [.. content]);
            await world.PassAsync(TimeSpan.FromHours(1));
        }

        // 12:00 UTC is 13:00 in Berlin: the first was due at 18:00 there.
        var asked = await world.AskedAsync();
        Assert.Equal(14 * 4, asked.Count);
        Assert.All(asked, run => Assert.Equal(RunOutcome.Succeeded, run.Outcome));
        Assert.Equal(["full", "incremental", "incremental", "incremental", "incremental", "incremental", "full"],
            asked.Take(7).Select(run => run.Kind == PointKind.Full ? "full" : "incremental"));

        // The newest four, and the newest three of midnight: one of the four is a daily too.
        var points = await world.PointsAsync();
        Assert.Equal(6, points.Count);
        Assert.Equal(3, points.Count(point => point.Tags.Contains("daily")));
        Assert.Equal(points.Count, world.Services.VaultPointsAt("vault"));
        foreach (var point in points)
            Assert.Equal(written[point.DueAt], await world.RestoreAsync(point.Id, "vda", $"back-{point.Id}"));
        Assert.Single(await world.Services.SnapshotNamesAsync("web"));
        Assert.Equal(plan.Id, Assert.Single(points.Select(point => point.Plan).Distinct()));
    }

    [Fact]
    public async Task A_changed_policy_lets_points_go_one_minute_later_and_not_before()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        await world.ProtectAsync(server, new(policy.Id));
        for (var hour = 0; hour < 24; hour++) await world.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(4, (await world.PointsAsync()).Count);

        await world.Portal.MakeAsync(async change => ProtectedWorld.Done(await PolicyUse.ChangeAsync(
            change, world.Project, policy.Id, "often", s_every6Hours with { Hourly = new(6, 2), Daily = new(1) }, default)), default);
        await world.PassAsync(TimeSpan.FromSeconds(59));
        Assert.Equal(4, (await world.PointsAsync()).Count);
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(3, (await world.PointsAsync()).Count);

        // What has gone does not come back when more is kept again.
        await world.Portal.MakeAsync(async change => ProtectedWorld.Done(await PolicyUse.ChangeAsync(
            change, world.Project, policy.Id, "often", s_every6Hours, default)), default);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(3, (await world.PointsAsync()).Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_point_that_is_brought_back_from_the_bin_stays_until_it_is_given_back_to_the_rules(bool wasBinnedByPolicy)
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var location = await world.Portal.MakeAsync(change => change.Db.Locations.Select(one => one.Id).SingleAsync(), default);
        Assert.Null((await world.Locations.ChangeAsync(world.Project, location, new(SoftDeleteDays: 30), default)).Reason);
        await world.ProtectAsync(server, new((await world.NewPolicyAsync("often", new(new(0, 0), "Etc/UTC", Hourly: new(6, 1)))).Id));
        await world.PassAsync(TimeSpan.FromHours(6));
        var point = Assert.Single(await world.PointsAsync()).Id;
        if (!wasBinnedByPolicy) await AskAsync(new DeletePoint(point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.PassAsync(TimeSpan.FromHours(6));
        Assert.Equal(point, Assert.Single(await world.PointsAsync(RestorePointState.SoftDeleted)).Id);

        await AskAsync(new UndeletePoint(point, world.Project), MessageJson.Default.UndeletePoint);
        for (var hour = 0; hour < 24; hour++) await world.PassAsync(TimeSpan.FromHours(1));
        var back = Assert.Single(await world.PointsAsync(), one => one.Id == point);
        Assert.True(back.IsProtected);
        Assert.Equal(Noise(1), await world.RestoreAsync(point, "vda", "elsewhere"));

        await AskAsync(new ProtectPoint(point, world.Project, IsProtected: false), MessageJson.Default.ProtectPoint);
        Assert.DoesNotContain(await world.PointsAsync(), one => one.Id == point);

        async Task AskAsync<TMessage>(TMessage message, JsonTypeInfo<TMessage> type) where TMessage : class, IMessage
        {
            await world.Portal.MakeAsync(async change =>
            {
                change.Send(Destination.Backup, message, type);
                await Task.CompletedTask;
            }, default);
            await world.Services.SettleAsync();
            await world.TurnAsync();
        }
    }

    [Fact]
    public async Task Back_up_now_makes_a_plan_by_the_defaults_and_a_full_that_no_rule_lets_go()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var run = ProtectedWorld.Done(await world.BackUpNowAsync(server));
        Assert.Equal("run-going-on", (await world.BackUpNowAsync(server)).Refusal?.Code);
        await world.Services.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Services.Portal.Run(run).State);
        var made = Assert.Single(await world.PointsAsync());
        Assert.Equal((PointKind.Full, RunTrigger.Manual), (made.Kind, made.Trigger));
        Assert.Equal(SystemPolicies.Default, (await world.PlanAsync(made.Plan!.Value)).Policy);

        for (var day = 0; day < 20; day++) await world.PassAsync(TimeSpan.FromDays(1));
        Assert.Contains(made.Id, (await world.PointsAsync()).Select(point => point.Id));
    }

    [Fact]
    public async Task A_server_that_vanished_pauses_its_plan_keeps_its_points_and_goes_on_when_it_is_back()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        var plan = await world.ProtectAsync(server, new(policy.Id));
        for (var hour = 0; hour < 6; hour++) await world.PassAsync(TimeSpan.FromHours(1));
        var file = world.Services.Path("cloud/servers/web.json");
        File.Move(file, file + ".away");
        await world.ReportAsync();
        Assert.Contains("not there any more", (await world.PlanAsync(plan.Id)).PausedBecause, StringComparison.Ordinal);
        Assert.Equal("plan-paused", (await world.BackUpNowAsync(server)).Refusal?.Code);
        await world.PassAsync(TimeSpan.FromDays(30));
        var point = Assert.Single(await world.PointsAsync());
        Assert.Equal(Noise(1), await world.RestoreAsync(point.Id, "vda", "elsewhere"));

        File.Move(file + ".away", file);
        await world.ReportAsync();
        Assert.Null((await world.PlanAsync(plan.Id)).PausedBecause);
        await world.PassAsync(TimeSpan.FromHours(6));
        Assert.Equal(2, (await world.PointsAsync()).Count);
        // What was due while it was away is not made up for, and not recorded as missed.
        Assert.Equal(2, (await world.AskedAsync()).Count);
    }

    [Fact]
    public async Task A_volume_that_is_attached_later_is_included_where_the_plan_says_so()
    {
        await using var world = await MakeProtectedWorldAsync();
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        var all = await world.AddServerAsync("all", ("vda", Noise(1)), ("vdb", Noise(2)));
        var chosen = await world.AddServerAsync("chosen", ("vda", Noise(1)), ("vdb", Noise(2)));
        var open = await world.AddServerAsync("open", ("vda", Noise(1)), ("vdb", Noise(2)));
        await world.ProtectAsync(all, new(policy.Id));
        await world.ProtectAsync(chosen, new(policy.Id, Volumes: ["vda"], IncludesLater: false));
        await world.ProtectAsync(open, new(policy.Id, Volumes: ["vda"], IncludesLater: true));
        foreach (var name in (string[])["all", "chosen", "open"])
            await world.AddServerAsync(name, ("vda", Noise(1)), ("vdb", Noise(2)), ("vdc", Noise(3)));
        await world.PassAsync(TimeSpan.FromHours(5));
        var points = (await world.PointsAsync()).ToDictionary(point => point.ServerName, point =>
            string.Join(' ', point.Volumes.Select(volume => volume.Name)));
        Assert.Equal(("vda vdb vdc", "vda", "vda vdc"), (points["all"], points["chosen"], points["open"]));
    }

    [Fact]
    public async Task A_changed_location_gets_the_new_points_and_the_old_ones_stay_restorable()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        var plan = await world.ProtectAsync(server, new(policy.Id));
        await world.PassAsync(TimeSpan.FromHours(5));
        var second = world.Services.Ids.New<LocationId>();
        Assert.Null((await world.Locations.CreateAsync(second, world.NewLocation("second"), default)).Reason);
        await world.Services.SettleAsync();
        await world.ChangeAsync(plan, new(Location: second));
        await world.PassAsync(TimeSpan.FromHours(6));
        var points = await world.PointsAsync();
        Assert.Equal(2, points.Count);
        // Nothing is there to build on.
        Assert.Equal((second, PointKind.Full), (points[1].Location, points[1].Kind));
        foreach (var point in points) Assert.Equal(Noise(1), await world.RestoreAsync(point.Id, "vda", $"back-{point.Id}"));
        Assert.Equal("location-in-use", (await world.Locations.DeleteAsync(world.Project, second, default)).Code);
    }

    [Fact]
    public async Task A_run_that_comes_due_while_the_server_is_restored_in_place_is_skipped_and_nobody_is_alarmed()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var rules = s_every6Hours with { Notification = new(OnFailure: true, Recipients: ["ops@receiver.example"]) };
        await world.ProtectAsync(server, new((await world.NewPolicyAsync("often", rules)).Id));
        await world.PassAsync(TimeSpan.FromHours(5));
        var point = Assert.Single(await world.PointsAsync());
        await File.WriteAllBytesAsync(world.Services.VolumePath("web-vda"), Noise(2));
        await world.PassAsync(TimeSpan.FromMinutes(354));
        await RestoreInPlaceAsync(world, point);
        world.Services.Clock.Advance(TimeSpan.FromMinutes(6));
        // It is due, and goes as far as the vBackup service, before the restore is done.
        await new PlanClockwork(world.Portal).TurnAsync(default);
        Assert.Equal("run-going-on", (await world.BackUpNowAsync(server)).Refusal?.Code);
        await world.TurnAsync();
        Assert.Equal(Noise(1), await File.ReadAllBytesAsync(world.Services.VolumePath("web-vda")));
        await world.PassAsync(TimeSpan.FromHours(6));

        var asked = await world.AskedAsync();
        Assert.Equal([RunOutcome.Succeeded, RunOutcome.Skipped, RunOutcome.Succeeded], asked.Select(run => run.Outcome));
        Assert.Equal("the restore in place that was asked for at 2026-03-01T22:54:00Z was still going on", asked[1].Reason);
        Assert.Contains("daily", (await world.PointsAsync())[^1].Tags);
        Assert.Empty(await world.Portal.MakeAsync(change => change.Db.Notifications.ToListAsync(), default));
    }

    [Fact]
    public async Task A_restore_in_place_that_nobody_ever_answers_is_in_the_way_for_a_day_and_no_longer()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        await world.ProtectAsync(server, new((await world.NewPolicyAsync("often", s_every6Hours)).Id));
        await world.PassAsync(TimeSpan.FromHours(5));
        await RestoreInPlaceAsync(world, Assert.Single(await world.PointsAsync()));
        await world.Portal.MakeAsync(change => change.Db.Outbox.Where(one => one.Name == "start-restore").ExecuteDeleteAsync(), default);
        for (var hour = 0; hour < 30; hour++) await world.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal([RunOutcome.Succeeded, RunOutcome.Skipped, RunOutcome.Skipped, RunOutcome.Skipped, RunOutcome.Skipped,
            RunOutcome.Succeeded], (await world.AskedAsync()).Select(run => run.Outcome));
        Assert.Equal((RunState.Failed, "the vBackup service never answered"), Assert.Single(await world.RunsAsync(),
            run => run.Kind == RunKind.Restore) is var restore ? (restore.State, restore.Error) : default);
    }

    static Task<RunId> RestoreInPlaceAsync(ProtectedWorld world, PointRow point) => world.Portal.MakeAsync(change => Task.FromResult(
        RestoreStart.Ask(change, point, new(point.Id, RestoreTarget.Original, null, null, false), RunTrigger.Manual)), default);

    [Fact]
    public async Task After_downtime_the_latest_run_starts_once_and_the_others_are_recorded_as_skipped()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        await world.ProtectAsync(server, new(policy.Id));
        await world.PassAsync(TimeSpan.FromHours(24));
        var asked = await world.AskedAsync();
        Assert.Equal([RunOutcome.Skipped, RunOutcome.Skipped, RunOutcome.Skipped, RunOutcome.Succeeded], asked.Select(run => run.Outcome));
        Assert.Contains("came due", asked[0].Reason, StringComparison.Ordinal);
        // Midnight's was skipped; its tag goes with the one that ran, so that the day has its copy.
        Assert.Contains("daily", Assert.Single(await world.PointsAsync()).Tags);
    }

    [Fact]
    public async Task A_plan_that_is_switched_off_keeps_its_points_and_starts_nothing()
    {
        await using var world = await MakeProtectedWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1)));
        var policy = await world.NewPolicyAsync("often", s_every6Hours);
        var plan = await world.ProtectAsync(server, new(policy.Id));
        await world.PassAsync(TimeSpan.FromHours(5));
        await world.Portal.MakeAsync(async change =>
            ProtectedWorld.Done(await PlanUse.SwitchAsync(change, world.Project, plan.Id, false, default)), default);
        await world.PassAsync(TimeSpan.FromDays(3));
        Assert.Single(await world.PointsAsync());
        Assert.Equal("policy-in-use",
            (await world.Portal.MakeAsync(change => PolicyUse.DeleteAsync(change, world.Project, policy.Id, default), default))
            .Refusal?.Code);
        await world.Portal.MakeAsync(async change =>
            ProtectedWorld.Done(await PlanUse.SwitchAsync(change, world.Project, plan.Id, true, default)), default);
        await world.PassAsync(TimeSpan.FromHours(6));
        Assert.Equal(2, (await world.AskedAsync()).Count);
    }

    static byte[] Noise(int seed)
    {
        var content = new byte[Size];
        new Random(seed).NextBytes(content);
        return content;
    }
}
