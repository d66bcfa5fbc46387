using System.Text.Json;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Declarations;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
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

    static ProjectDeclarations Sample => new(1, "shop", [new(s_policy, "nightly", new(new LocalTime(1, 30), "Etc/UTC", Daily: new(3)))],
        [new(s_plan, s_server, "web", s_policy, s_location, new(["vda"], ["vda", "vdb"], true), "by hand", true)]);

    [Fact]
    public void It_is_written_as_ever_and_what_a_later_version_adds_is_passed_over()
    {
        const string Golden = """{"format":1,"projectName":"shop","policies":[{"policy":"00000002-0000-7000-8000-"""
            + """000000000000","name":"nightly","rules":{"launchTime":"01:30","zone":"Etc/UTC","hourly":null,"daily":"""
            + """{"keep":3},"weekly":null,"monthly":null,"fullPattern":null,"window":null,"notification":null}}],"plans":["""
            + """{"plan":"00000003-0000-7000-8000-000000000000","server":{"region":"north","id":"s-"""
            + """1"},"serverName":"web","policy":"00000002-0000-7000-8000-000000000000","location":"00000004-0000-"""
            + """7000-8000-000000000000","volumes":{"chosen":["vda"],"known":["vda","vdb"],"includesLater":"""
            + """true},"note":"by hand","isEnabled":true}]}""";
        var written = JsonSerializer.SerializeToElement(Sample, DeclarationsJson.Default.ProjectDeclarations);
        Assert.Equal(Golden, written.GetRawText());
        Assert.Equal(Golden, JsonSerializer.Serialize(ProjectDeclarations.Read(written), DeclarationsJson.Default.ProjectDeclarations));
        using var later = JsonDocument.Parse(Golden.Replace("\"format\":1,", "\"format\":1,\"later\":{},", StringComparison.Ordinal));
        Assert.Equal("shop", ProjectDeclarations.Read(later.RootElement).ProjectName);
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
    public async Task A_plan_that_was_recovered_neither_runs_nor_lets_points_go_until_it_is_enabled()
    {
        await using var world = await PortalWorld.MakeAsync();
        var made = await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, new(s_project, Sample, 41, [s_location],
            s_location, [s_server]), default), default);
        Assert.Equal(("shop", 1, 1, 0), (made.Name, made.Policies, made.Plans, made.Notes.Count));
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
        var found = new FoundProject(s_project, Sample with { ProjectName = "default", Policies = [] }, 1, [other], other, []);
        var made = await world.Changes.MakeAsync(change => ProjectRecovery.MakeAsync(change, found, default), default);
        Assert.Equal(2, made.Notes.Count);
        var plan = await world.Changes.MakeAsync(async change => (await change.Db.Plans.FindAsync(s_plan))!, default);
        Assert.Equal((other, SystemPolicies.Default, false), (plan.Location, plan.Policy, plan.IsEnabled));
    }
}
