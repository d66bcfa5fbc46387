using System.Net.Http.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class PlanRouteTests
{
    const string Path = "/api/v1/plans";

    [Fact]
    public async Task A_plan_is_made_by_the_defaults_changed_switched_and_deleted()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, new { server })).Is(201);
        var path = made.Headers["Location"];
        Assert.Equal((SystemPolicies.Default.ToString(), location.ToString(), null, "web"),
            (made["policy"], made["location"], made["volumes"], made["serverName"]));
        Assert.Equal(made.Text, (await world.GetAsync(path, session)).Is(200).Text);

        (await PatchAsync(world, path, session, new { note = "x" })).Is(428, "version-needed");
        var chosen = (await PatchAsync(world, path, session, new { volumes = new[] { "vda" }, note = "only the boot disk" }, made.ETag))
            .Is(200);
        Assert.Equal(("[\"vda\"]", "only the boot disk", "True"), (chosen["volumes"], chosen["note"], chosen["includesLater"]));
        var kept = (await PatchAsync(world, path, session, new { includesLater = false }, chosen.ETag)).Is(200);
        Assert.Equal(("[\"vda\"]", "only the boot disk", "False"), (kept["volumes"], kept["note"], kept["includesLater"]));
        var all = (await PatchAsync(world, path, session, new { allVolumes = true }, kept.ETag)).Is(200);
        Assert.Equal(("[\"vda\",\"vdb\"]", "False"), (all["volumes"], all["includesLater"]));
        (await PatchAsync(world, path, session, new { note = "y" }, kept.ETag)).Is(412, "outdated");

        var off = (await world.PostAsync(path + "/disable", session, new { })).Is(200);
        Assert.Equal("False", off["isEnabled"]);
        (await world.PostAsync(path + "/enable", session, new { }, ("If-Match", all.ETag))).Is(412, "outdated");
        Assert.Equal("True", (await world.PostAsync(path + "/enable", session, new { }, ("If-Match", off.ETag))).Is(200)["isEnabled"]);
        (await world.DeleteAsync(path, session)).Is(204);
        (await world.GetAsync(path, session)).Is(404, "not-found");
        Assert.Equal(["createPlan", "deletePlan", "disablePlan", "enablePlan", "updatePlan", "updatePlan", "updatePlan"],
            await world.AuditAsync());
    }

    [Fact]
    public async Task All_volumes_are_those_that_there_are_and_later_ones_only_where_they_are_included()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, new { server })).Is(201);
        await IsAsync(new { includesLater = false }, "[\"vda\",\"vdb\"]");
        await AttachAsync("vdc");
        await IsAsync(new { note = "as before" }, "[\"vda\",\"vdb\"]");
        await IsAsync(new { allVolumes = true }, "[\"vda\",\"vdb\",\"vdc\"]");
        await AttachAsync("vdd");
        await IsAsync(new { note = "as before" }, "[\"vda\",\"vdb\",\"vdc\"]");
        (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/backups", session, new { })).Is(202);
        Assert.Equal(["vda", "vdb", "vdc"], Assert.Single(await world.SentAsync(MessageJson.Default.StartBackup)).Disks!);
        await IsAsync(new { allVolumes = true, includesLater = true }, null);

        async Task IsAsync(object change, string? volumes) => Assert.Equal(volumes,
            (await PatchAsync(world, made.Headers["Location"], session, change, "*")).Is(200)["volumes"]);

        Task AttachAsync(string name) => world.Changes.MakeAsync(async change =>
        {
            var row = (await change.Db.Servers.FindAsync(server.Region, server.Id))!;
            row.WasSeen(new(row.ServerId, row.Name, row.State, [.. row.Disks, new(name, "pool/" + name, 1 << 30, null)]), change.Now);
        }, default);
    }

    [Theory]
    [InlineData("vda", "vda")]
    [InlineData("vda", null)]
    [InlineData("vda", "")]
    public async Task Volumes_are_named_once_each(params string?[] volumes)
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        (await world.PostAsync(Path, session, new { server, volumes })).Is(400, "wrong-input", "volumes");
        var made = (await world.PostAsync(Path, session, new { server })).Is(201);
        (await PatchAsync(world, made.Headers["Location"], session, new { volumes }, made.ETag)).Is(400, "wrong-input", "volumes");
        (await world.PostAsync("/api/v1/snapshots", session, new { server, name = "before", volumes })).Is(400, "wrong-input", "volumes");
        (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/free", session, new { volumes }))
            .Is(400, "wrong-input", "volumes");
        var snapshot = await world.SnapshotAsync(server);
        (await world.PostAsync($"/api/v1/snapshots/{snapshot}/rollback", session, new { volumes })).Is(400, "wrong-input", "volumes");
    }

    [Fact]
    public async Task A_note_is_on_one_line_whoever_writes_it()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        var server = await world.ServerAsync();
        // As pages ask, which send no JSON.
        var made = await world.Changes.MakeAsync(change =>
            PlanUse.CreateAsync(change, world.Project, server, new(Note: "the shop\nand more"), default), default);
        Assert.Equal("note", made.Refusal?.Field);
        (await world.PostAsync(Path, await world.MemberAsync(), new { server, note = "the\tshop" })).Is(400, "wrong-input", "note");
    }

    [Fact]
    public async Task The_list_is_filtered_by_server_policy_location_and_whether_it_runs()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (location, policy) = (await world.LocationAsync(), await world.PolicyAsync());
        var web = await world.ServerAsync("web");
        await world.PlanAsync(web, location, policy, "web");
        var mail = await world.PlanAsync(await world.ServerAsync("mail"), await world.LocationAsync("second"), policy, "mail");
        var session = await world.MemberAsync();
        (await world.PostAsync($"{Path}/{mail}/disable", session, new { })).Is(200);
        Assert.Equal(["mail", "web"], await NamesAsync(""));
        Assert.Equal(["web", "mail"], await NamesAsync("?sort=-serverName"));
        Assert.Equal(["web"], await NamesAsync($"?server={web.Region}/{web.Id}"));
        Assert.Equal(["web"], await NamesAsync("?enabled=true"));
        Assert.Equal(["mail"], await NamesAsync("?enabled=false"));
        Assert.Equal(["web"], await NamesAsync($"?location={location}"));
        Assert.Equal(["mail", "web"], await NamesAsync($"?policy={policy}"));
        (await world.GetAsync(Path + "?enabled=maybe", session)).Is(400, "wrong-input", "enabled");
        (await world.GetAsync(Path + "?server=web", session)).Is(400, "wrong-input", "server");
        (await world.GetAsync(Path + "?policy=nightly", session)).Is(400, "wrong-input", "policy");

        async Task<IEnumerable<string>> NamesAsync(string query) => (await world.GetAsync(Path + query, session)).Is(200)
            .Items("serverName");
    }

    [Fact]
    public async Task A_plan_that_cannot_be_is_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        var session = await world.MemberAsync();
        var (server, gone) = (await world.ServerAsync(), await world.ServerAsync("gone", isGone: true));
        (await world.PostAsync(Path, session, new { })).Is(400, "wrong-input", "server");
        (await world.PostAsync(Path, session, new { server = new { region = "hn1" } })).Is(400, "wrong-input", "server.id");
        (await world.PostAsync(Path, session, new { server = new { region = "hn1", id = "nobody" } })).Is(404, "not-found");
        (await world.PostAsync(Path, session, new { server = gone })).Is(409, "server-gone");
        (await world.PostAsync(Path, session, new { server })).Is(409, "no-default-location");
        await world.LocationAsync();
        var theirs = await world.PolicyAsync("theirs", await world.ProjectAsync("other"));
        (await world.PostAsync(Path, session, new { server, policy = theirs })).Is(400, "wrong-input", "policy");
        (await world.PostAsync(Path, session, new { server, location = world.Ids.New<LocationId>() })).Is(400, "wrong-input", "location");
        (await world.PostAsync(Path, session, new { server, volumes = new[] { "vdz" } })).Is(400, "wrong-input", "volumes");
        (await world.PostAsync(Path, session, new { server, note = new string('x', 1001) })).Is(400, "wrong-input", "note");
        var made = (await world.PostAsync(Path, session, new { server })).Is(201);
        (await world.PostAsync(Path, session, new { server })).Is(409, "plan-exists");
        (await PatchAsync(world, made.Headers["Location"], session, new { allVolumes = true, volumes = new[] { "vda" } }, made.ETag))
            .Is(400, "wrong-input", "allVolumes");
        var notAll = (await PatchAsync(world, made.Headers["Location"], session, new { allVolumes = false }, made.ETag))
            .Is(400, "wrong-input", "allVolumes");
        Assert.Contains("say which, as volumes", notAll["detail"], StringComparison.Ordinal);
        var twice = (await PatchAsync(world, made.Headers["Location"], session, new { volumes = new[] { "vda", "vda" } }, made.ETag))
            .Is(400, "wrong-input", "volumes");
        Assert.Equal("The volume vda is named twice.", twice["detail"]);
        (await PatchAsync(world, made.Headers["Location"], session, new { policy = theirs }, made.ETag)).Is(400, "wrong-input", "policy");
    }

    [Fact]
    public async Task Who_may_only_take_the_defaults_chooses_nothing()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        await world.SaveAsync(new CustomRole(world.Project, "modest", [Permission.CreateBackupPlanWithDefaults]));
        var session = await world.MemberAsync("modest");
        var server = await world.ServerAsync();
        var refused = (await world.PostAsync(Path, session, new { server, policy = SystemPolicies.Hourly })).Is(403, "permission-needed");
        Assert.Equal("CreateBackupPlan", refused["permission"]);
        (await world.PostAsync(Path, session, new { server, note = "by the defaults" })).Is(201);
    }

    [Fact]
    public async Task Servers_are_listed_with_their_disks_and_plans()
    {
        await using var world = await PortalWorld.MakeAsync();
        var web = await world.ServerAsync("web");
        await world.ServerAsync("gone", isGone: true);
        var plan = await world.PlanAsync(web, await world.LocationAsync(), await world.PolicyAsync());
        var session = await world.MemberAsync();
        var list = (await world.GetAsync("/api/v1/servers", session)).Is(200);
        Assert.Equal(["gone", "web"], list.Items("name"));
        Assert.Equal(["", plan.ToString()], list.Items("plan"));
        Assert.Equal(["web"], (await world.GetAsync("/api/v1/servers?gone=false", session)).Items("name"));
        Assert.Equal(["gone"], (await world.GetAsync("/api/v1/servers?gone=true&sort=-seenAt", session)).Items("name"));
        (await world.GetAsync("/api/v1/servers?state=lost", session)).Is(400, "wrong-input", "state");
        var first = (await world.GetAsync("/api/v1/servers?limit=1", session)).Is(200);
        Assert.Equal(["web"], (await world.GetAsync($"/api/v1/servers?limit=1&cursor={first["next"]}", session)).Is(200).Items("name"));
        var one = (await world.GetAsync($"/api/v1/servers/{web.Region}/{web.Id}", session)).Is(200);
        Assert.Equal(("web", "False", plan.ToString()), (one["name"], one["isGone"], one["plan"]));
        Assert.Equal(["vda", "vdb"], one.Json.GetProperty("disks").EnumerateArray().Select(disk => disk.GetProperty("name").GetString()));
        (await world.GetAsync("/api/v1/servers/hn1/nobody", session)).Is(404, "not-found");
    }

    [Fact]
    public async Task A_backup_now_makes_a_plan_and_a_run_to_follow_once_for_each_key()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        var path = $"/api/v1/servers/{server.Region}/{server.Id}/backups";
        (await world.PostAsync(path, session, new { })).Is(409, "no-default-location");
        await world.LocationAsync();
        var started = (await world.PostAsync(path, session, new { }, ("Idempotency-Key", "k"))).Is(202);
        var again = (await world.PostAsync(path, session, new { }, ("Idempotency-Key", "k"))).Is(202);
        Assert.Equal((started["run"], "true"), (again["run"], again.Headers["Idempotency-Replayed"]));
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.StartBackup));
        Assert.Equal((started["run"], RunTrigger.Manual, PointKind.Full, server),
            (order.Run.ToString(), order.Trigger, order.Kind, order.Server));
        Assert.Equal("/api/v1/runs/" + started["run"], started.Headers["Location"]);
        (await world.PostAsync(path, session, new { })).Is(409, "run-going-on");
        (await world.PostAsync("/api/v1/servers/hn1/nobody/backups", session, new { })).Is(404, "not-found");
        Assert.Equal(["backUpNow"], await world.AuditAsync());
    }

    [Fact]
    public async Task A_backup_now_without_a_plan_needs_the_permission_to_make_one()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        await world.SaveAsync(new CustomRole(world.Project, "button", [Permission.BackupNow]));
        var session = await world.MemberAsync("button");
        var server = await world.ServerAsync();
        var refused = (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/backups", session, new { }))
            .Is(403, "permission-needed");
        Assert.Equal("CreateBackupPlanWithDefaults", refused["permission"]);
    }

    static Task<Answer> PatchAsync(PortalWorld world, string path, string session, object body, string? version = null) =>
        world.SendAsync(HttpMethod.Patch, path, session, JsonContent.Create(body), version is null ? [] : [("If-Match", version)]);
}
