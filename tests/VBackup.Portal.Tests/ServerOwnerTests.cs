using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Identity;
using VBackup.Portal.Servers;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>How servers come to projects: an administrator gives them, or a restore makes them.</summary>
public sealed class ServerOwnerTests
{
    const string Path = "/api/v1/servers/hn1/id-of-web";

    [Fact]
    public async Task A_server_is_given_to_a_project_and_its_points_stay_where_they_are()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (other, admin) = (await world.ProjectAsync("other"), await world.AdminAsync());
        var theirs = await world.SessionAsync(await world.UserAsync("theirs", other, BuiltInRoles.FullAccess), other);
        var mine = await world.MemberAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var (point, snapshot) = (await world.PointAsync(server, location), await world.SnapshotAsync(server));
        await world.LocationAsync("theirs", other);
        await world.SystemPoliciesAsync();

        var given = (await world.PutAsync(Path + "/project", admin, new { project = other })).Is(200);
        Assert.Equal(("hn1", "id-of-web", "web", other.ToString()), (given["region"], given["id"], given["name"], given["project"]));
        (await world.GetAsync(Path, mine)).Is(404, "not-found");
        (await world.GetAsync(Path, theirs)).Is(200);
        (await world.PostAsync(Path + "/backups", mine, new { })).Is(404, "not-found");
        (await world.PostAsync(Path + "/backups", theirs, new { })).Is(202);
        (await world.GetAsync($"/api/v1/points/{point}", theirs)).Is(404, "not-found");
        (await world.GetAsync($"/api/v1/points/{point}", mine)).Is(200);
        // What its project had of it writes nothing over it any more.
        (await world.PostAsync($"/api/v1/points/{point}/restores", mine, new { target = "original" })).Is(409, "server-gone");
        (await world.PostAsync($"/api/v1/snapshots/{snapshot}/rollback", mine, new { })).Is(409, "server-gone");
        (await world.PostAsync($"/api/v1/points/{point}/restores", mine, new { target = "newServer", name = "copy" })).Is(202);
        foreach (var who in (string[])[mine, theirs])
            Assert.Contains("giveServer", (await world.GetAsync("/api/v1/audit", who)).Items("action"));
    }

    [Fact]
    public async Task Giving_it_to_whom_has_it_changes_nothing_and_needs_no_rest()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.RunAsync(server);
        (await world.PutAsync(Path + "/project", await world.AdminAsync(), new { project = world.Project })).Is(200);
        Assert.DoesNotContain("giveServer", (await world.GetAsync("/api/v1/audit", await world.MemberAsync())).Items("action"));
    }

    [Fact]
    public async Task What_is_protected_or_worked_on_is_not_given_away()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (admin, body) = (await world.AdminAsync(), new { project = await world.ProjectAsync("other") });
        var server = await world.ServerAsync();
        (await world.PutAsync(Path + "/project", admin, new { project = world.Ids.New<ProjectId>() })).Is(400, "wrong-input", "project");
        (await world.PutAsync(Path + "/project", admin, new { })).Is(400, "wrong-input", "project");
        (await world.PutAsync("/api/v1/servers/hn1/nobody/project", admin, body)).Is(404, "not-found");
        (await world.PutAsync(Path + "/project", await world.MemberAsync(), body)).Is(403, "permission-needed");
        await world.RunAsync(server);
        (await world.PutAsync(Path + "/project", admin, body)).Is(409, "run-going-on");
        await world.PlanAsync(server, await world.LocationAsync(), await world.PolicyAsync());
        (await world.PutAsync(Path + "/project", admin, body)).Is(409, "plan-exists");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_restore_made_is_its_projects_whoever_is_heard_first(bool isSeenFirst)
    {
        await using var world = await TellingWorld.MakeAsync();
        var portal = world.Portal;
        var other = await portal.ProjectAsync("other");
        await portal.SaveAsync(new RegionRow(Things.Region, portal.Project));
        if (isSeenFirst) await SeeAsync(world, 1, "copy", "stranger");
        await HearAsync(world, other, "copy");
        await SeeAsync(world, 2, "copy", "stranger");
        await using var db = portal.Db();
        Assert.Equal([("copy", other, false), ("stranger", portal.Project, false), ("web", portal.Project, true)],
            db.Servers.OrderBy(one => one.Name).Select(one => new { one.Name, one.Project, one.IsGone }).AsEnumerable()
                .Select(one => (one.Name, one.Project, one.IsGone)));
        Assert.True((await db.Servers.FindAsync(Things.Region, "id-of-copy"))!.WasEverSeen);
    }

    [Fact]
    public async Task What_somebody_has_given_or_used_stays_his_whatever_is_heard_late()
    {
        await using var world = await TellingWorld.MakeAsync();
        var portal = world.Portal;
        var (hostile, other) = (await portal.ProjectAsync("hostile"), await portal.ProjectAsync("other"));
        await portal.SaveAsync(new RegionRow(Things.Region, portal.Project));
        await portal.ServerAsync("given", other);
        await HearAsync(world, hostile, "given");
        // It has a plan.
        await HearAsync(world, hostile, "web");
        // Of a region that nobody has declared.
        await world.HearAsync(new ServerMade(portal.Ids.New<RunId>(), hostile, new("nowhere", "x"), "x"), MessageJson.Default.ServerMade);
        await using var db = portal.Db();
        Assert.Equal([other, portal.Project], db.Servers.OrderBy(one => one.Name).Select(one => one.Project).AsEnumerable());
    }

    static Task HearAsync(TellingWorld world, ProjectId project, string name) => world.HearAsync(
        new ServerMade(world.Portal.Ids.New<RunId>(), project, new(Things.Region, "id-of-" + name), name), MessageJson.Default.ServerMade);

    static Task SeeAsync(TellingWorld world, long version, params string[] names) => world.HearAsync(
        new InventoryReported(Things.Region, version, world.Portal.Clock.GetUtcNow(),
            [.. names.Select(name => new ServerView("id-of-" + name, name, "shutdown", []))]), MessageJson.Default.InventoryReported);
}
