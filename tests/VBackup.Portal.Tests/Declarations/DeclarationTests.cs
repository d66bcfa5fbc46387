using System.Text.Json;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Declarations;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests.Declarations;

/// <summary>What users declared is told to be saved in vaults, and comes back from there.</summary>
public sealed class DeclarationTests
{
    static readonly ProjectId s_project = new(new("00000001-0000-7000-8000-000000000000"));
    static readonly PolicyId s_policy = new(new("00000002-0000-7000-8000-000000000000"));
    static readonly PlanId s_plan = new(new("00000003-0000-7000-8000-000000000000"));
    static readonly LocationId s_location = new(new("00000004-0000-7000-8000-000000000000"));
    static readonly ServerRef s_server = new("north", "s-1");
    static readonly Dictionary<ServerRef, string> s_none = [], s_theServer = new() { [s_server] = "web" };
    static readonly WebhookId s_webhook = new(new("00000005-0000-7000-8000-000000000000"));
    static readonly RestoreScheduleId s_schedule = new(new("00000006-0000-7000-8000-000000000000"));

    static ProjectDeclarations Sample => new(1, "shop", [new(s_policy, "nightly", new(new LocalTime(1, 30), "Etc/UTC", Daily: new(3)))],
        [new(s_plan, s_server, "web", s_policy, s_location, new(["vda"], ["vda", "vdb"], true), "by hand", true)],
        [new(s_webhook, "hook", "https://receiver.example/hook")],
        [new(s_schedule, "test", s_server, "web", new(null, RestoreTarget.NewServer, "copy", null, false), null,
            new(new LocalTime(3, 0), "Etc/UTC", Daily: new()), true)]);

    [Fact]
    public void It_is_written_as_ever_and_what_a_later_version_adds_is_passed_over()
    {
        const string Golden = """{"format":1,"projectName":"shop","policies":[{"policy":"00000002-0000-7000-8000-"""
            + """000000000000","name":"nightly","rules":{"launchTime":"01:30","zone":"Etc/UTC","hourly":null,"daily":"""
            + """{"keep":3},"weekly":null,"monthly":null,"fullPattern":null,"window":null,"notification":null}}],"plans":["""
            + """{"plan":"00000003-0000-7000-8000-000000000000","server":{"region":"north","id":"s-"""
            + """1"},"serverName":"web","policy":"00000002-0000-7000-8000-000000000000","location":"00000004-0000-"""
            + """7000-8000-000000000000","volumes":{"chosen":["vda"],"known":["vda","vdb"],"includesLater":"""
            + """true},"note":"by hand","isEnabled":true}],"webhooks":[{"webhook":"00000005-0000-7000-8000-"""
            + """000000000000","name":"hook","url":"https://receiver.example/hook"}],"restoreSchedules":[{"schedule":"00000006-0000-"""
            + """7000-8000-000000000000","name":"test","server":{"region":"north","id":"s-1"},"serverName":"web","wish":"""
            + """{"point":null,"target":"newServer","newName":"copy","volume":null,"stopsServer":false},"at":null,"calendar":"""
            + """{"launchTime":"03:00","zone":"Etc/UTC","hourly":null,"daily":{"keep":null},"weekly":null,"monthly":"""
            + """null},"isEnabled":true}]}""";
        var written = JsonSerializer.SerializeToElement(Sample, DeclarationsJson.Default.ProjectDeclarations);
        Assert.Equal(Golden, written.GetRawText());
        Assert.Equal(Golden, JsonSerializer.Serialize(ProjectDeclarations.Read(written), DeclarationsJson.Default.ProjectDeclarations));
        using var later = JsonDocument.Parse(Golden.Replace("\"format\":1,", "\"format\":1,\"later\":{},", StringComparison.Ordinal));
        Assert.Equal("shop", ProjectDeclarations.Read(later.RootElement).ProjectName);
        // As it was saved before there were webhooks and scheduled restores in it.
        using var earlier = JsonDocument.Parse(Golden[..Golden.IndexOf(",\"webhooks\"", StringComparison.Ordinal)] + "}");
        Assert.Equal((1, null, null), ProjectDeclarations.Read(earlier.RootElement) is var read
            ? (read.Plans.Count, read.Webhooks, read.RestoreSchedules) : default);
        using var other = JsonDocument.Parse(Golden.Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal));
        Assert.Throws<JsonException>(() => ProjectDeclarations.Read(other.RootElement));
    }

    [Fact]
    public async Task A_change_is_told_after_a_while_once_and_with_all_that_there_is()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        var clockwork = new PlanClockwork(world.Changes);
        await clockwork.TurnAsync(default);
        var first = Assert.Single(await world.SentAsync(MessageJson.Default.DeclarationsChanged));
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var policy = await world.PolicyAsync();
        await world.PlanAsync(server, location, policy);
        await clockwork.TurnAsync(default);
        Assert.Single(await world.SentAsync(MessageJson.Default.DeclarationsChanged));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await clockwork.TurnAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        await clockwork.TurnAsync(default);
        var told = (await world.SentAsync(MessageJson.Default.DeclarationsChanged)).Single(one => one.Version != first.Version);
        Assert.True(told.Version > first.Version);
        var declared = ProjectDeclarations.Read(told.Declarations);
        Assert.Equal((policy, server), (Assert.Single(declared.Policies).Policy, Assert.Single(declared.Plans).Server));
    }

    [Fact]
    public async Task Webhooks_and_scheduled_restores_are_told_as_well_but_no_secret_and_nothing_that_is_over()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, clockwork) = (await world.ServerAsync(), new PlanClockwork(world.Changes));
        var (webhook, _) = await world.WebhookAsync();
        var schedule = await world.RestoreScheduleAsync(server);
        var once = RestoreSchedule.Once(world.Ids.New<RestoreScheduleId>(), world.Project, "once", server, "web",
            new(world.Ids.New<RestorePointId>(), RestoreTarget.Original, null, null, true), world.Clock.GetUtcNow().AddHours(1));
        await world.SaveAsync(once);
        var declared = await ToldAsync();
        Assert.Equal([(webhook, "hook", "https://receiver.example/hook")],
            declared.Webhooks!.Select(one => (one.Webhook, one.Name, one.Url)));
        Assert.Equal(new[] { schedule.Value, once.Id.Value }.Order(), declared.RestoreSchedules!.Select(one => one.Schedule.Value).Order());
        await using (var db = world.Db())
            Assert.DoesNotContain("secret", db.Outbox.First(one => one.Name == DeclarationsChanged.Name).Body,
                StringComparison.OrdinalIgnoreCase);

        // It comes due, and is over.
        world.Clock.Advance(TimeSpan.FromHours(2));
        await new RestoreClockwork(world.Changes).TurnAsync(default);
        declared = await ToldAsync();
        Assert.Equal([schedule], declared.RestoreSchedules!.Select(one => one.Schedule));

        async Task<ProjectDeclarations> ToldAsync()
        {
            world.Clock.Advance(TimeSpan.FromMinutes(1));
            await clockwork.TurnAsync(default);
            return ProjectDeclarations.Read((await world.SentAsync(MessageJson.Default.DeclarationsChanged))
                .Where(one => one.Project == world.Project).MaxBy(one => one.Version)!.Declarations);
        }
    }

    [Fact]
    public async Task A_scheduled_restore_that_was_recovered_starts_nothing_until_it_is_enabled()
    {
        await using var world = await PortalWorld.MakeAsync();
        var past = new DeclaredRestoreSchedule(world.Ids.New<RestoreScheduleId>(), "past", s_server, "web",
            new(world.Ids.New<RestorePointId>(), RestoreTarget.Original, null, null, true), world.Clock.GetUtcNow().AddHours(-1), null,
                true);
        await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, new(s_project, Sample with
        {
            RestoreSchedules = [.. Sample.RestoreSchedules!, past],
        }, 1, [s_location], s_location, s_theServer), default), default);
        await world.PointAsync(s_server, s_location, project: s_project);
        var clockwork = new RestoreClockwork(world.Changes);
        await DaysAsync(2);
        Assert.Empty(await world.SentAsync(MessageJson.Default.StartRestore));

        await world.Changes.MakeAsync(change =>
        {
            foreach (var schedule in change.Db.RestoreSchedules) schedule.Enable(change.Now);
            return Task.CompletedTask;
        }, default);
        await DaysAsync(1);
        // The one of the past is not made up for, least of all over a server that has gone on.
        var started = Assert.Single(await world.SentAsync(MessageJson.Default.StartRestore));
        Assert.Equal(RestoreTarget.NewServer, started.Target);

        async Task DaysAsync(int days)
        {
            for (var hour = 0; hour < 24 * days; hour++)
            {
                world.Clock.Advance(TimeSpan.FromHours(1));
                await clockwork.TurnAsync(default);
            }
        }
    }

    [Fact]
    public async Task A_policy_that_tells_a_webhook_that_did_not_come_back_is_named()
    {
        await using var world = await PortalWorld.MakeAsync();
        var telling = Sample.Policies[0] with { Rules = Sample.Policies[0].Rules with { Notification = new(OnFailure: true,
            Webhooks: [s_webhook]) } };
        var made = await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, new(s_project,
            Sample with { Policies = [telling], Webhooks = null }, 1, [s_location], s_location, s_none), default), default);
        Assert.Contains("the policy nightly tells a webhook", Assert.Single(made.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_that_was_recovered_neither_runs_nor_lets_points_go_until_it_is_enabled()
    {
        await using var world = await PortalWorld.MakeAsync();
        var made = await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, new(s_project, Sample, 41, [s_location],
            s_location, s_theServer), default), default);
        Assert.Equal(("shop", 1, 1, 1, 1), (made.Name, made.Policies, made.Plans, made.Webhooks, made.RestoreSchedules));
        Assert.Contains("the webhook hook came back without its secret", Assert.Single(made.Notes), StringComparison.Ordinal);
        // Four daily copies, of which the policy keeps three.
        for (var day = 1; day <= 4; day++) await world.PointAsync(s_server, s_location, at: world.Clock.GetUtcNow().AddDays(-day),
            project: s_project);
        var clockwork = new PlanClockwork(world.Changes);
        for (var hour = 0; hour < 48; hour++)
        {
            world.Clock.Advance(TimeSpan.FromHours(1));
            await clockwork.TurnAsync(default);
        }
        Assert.Empty(await world.SentAsync(MessageJson.Default.StartBackup));
        Assert.Empty(await world.SentAsync(MessageJson.Default.DeletePoint));
        await using (var db = world.Db())
        {
            var oldest = db.Points.OrderBy(point => point.TakenAt).First();
            Assert.Null((await PointExplanation.OfAsync(db, oldest, world.Clock.GetUtcNow(), default)).Goes);
        }

        await world.Changes.MakeAsync(async change => Assert.Null((await PlanUse.SwitchAsync(change, s_project, s_plan, true,
            default)).Refusal), default);
        for (var hour = 0; hour < 25; hour++)
        {
            world.Clock.Advance(TimeSpan.FromHours(1));
            await clockwork.TurnAsync(default);
        }
        Assert.Equal((PointKind.Full, RunTrigger.Policy),
            Assert.Single(await world.SentAsync(MessageJson.Default.StartBackup)) is var start ? (start.Kind, start.Trigger) : default);
        Assert.NotEmpty(await world.SentAsync(MessageJson.Default.DeletePoint));
        Assert.True((await world.SentAsync(MessageJson.Default.DeclarationsChanged)).Where(one => one.Project == s_project).Min(
            one => one.Version) > 41);
    }

    [Fact]
    public async Task What_a_plan_lacks_is_replaced_by_the_default_and_told()
    {
        await using var world = await PortalWorld.MakeAsync();
        var other = world.Ids.New<LocationId>();
        var found = new FoundProject(s_project, Sample with { ProjectName = "default", Policies = [] }, 1, [other], other, s_none);
        var made = await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, found, default), default);
        Assert.Equal(3, made.Notes.Count);
        var plan = await world.Changes.MakeAsync(async change => (await change.Db.Plans.FindAsync(s_plan))!, default);
        Assert.Equal((other, SystemPolicies.Default, false), (plan.Location, plan.Policy, plan.IsEnabled));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_of_which_two_projects_have_points_is_the_one_s_that_has_its_plan(bool isPlanFirst)
    {
        await using var world = await PortalWorld.MakeAsync();
        ProjectId other = new(new("00000009-0000-7000-8000-000000000000"));
        FoundProject planned = new(s_project, Sample, 1, [s_location], s_location, s_theServer),
            before = new(other, null, 0, [s_location], s_location, s_theServer);
        foreach (var found in isPlanFirst ? (FoundProject[])[planned, before] : [before, planned])
            await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, found, default), default);
        await using var db = world.Db();
        Assert.Equal(s_project, (await db.Servers.FindAsync(s_server.Region, s_server.Id))!.Project);
    }

    [Fact]
    public async Task A_server_that_nobody_has_seen_since_has_its_name_and_no_time()
    {
        await using var world = await PortalWorld.MakeAsync();
        var location = world.Ids.New<LocationId>();
        var found = new FoundProject(s_project, null, 0, [location], location,
            new Dictionary<ServerRef, string> { [new("north", "7d5c9f6e-0000-4000-8000-000000000001")] = "shop" });
        await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, found, default), default);
        var ada = await world.UserAsync("ada", s_project, BuiltInRoles.ReadOnlyAccess);
        var servers = await world.GetAsync("/api/v1/servers", await world.SessionAsync(ada, s_project));
        Assert.Equal(("shop", ""), (Assert.Single(servers.Items("name")), Assert.Single(servers.Items("seenAt"))));
    }
}
