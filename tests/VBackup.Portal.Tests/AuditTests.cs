using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace VBackup.Portal.Tests;

public sealed class AuditTests
{
    [Fact]
    public async Task Every_change_leaves_a_line()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.AdminAsync();
        var session = (await world.SignInAsync("admin")).Is(201)["token"];
        var user = (await world.PostAsync("/api/v1/users", session, new { name = "ada" })).Is(201);
        (await world.PutAsync($"/api/v1/users/{user["id"]}", session, new { disabled = false, administrator = true }, ("If-Match", "*")))
            .Is(200);
        (await world.PostAsync($"/api/v1/users/{user["id"]}/reset-password", session, new { })).Is(200);
        (await world.PostAsync("/api/v1/memberships", session, new { user = "ada", role = BuiltInRoles.Operator })).Is(201);
        (await world.PutAsync($"/api/v1/memberships/{user["id"]}", session, new { role = BuiltInRoles.ReadOnlyAccess },
            ("If-Match", "*"))).Is(200);
        (await world.DeleteAsync($"/api/v1/memberships/{user["id"]}", session)).Is(204);
        (await world.PostAsync("/api/v1/roles", session, new { name = "r", permissions = Array.Empty<string>() })).Is(201);
        (await world.PutAsync("/api/v1/roles/r", session, new { permissions = Array.Empty<string>() }, ("If-Match", "*"))).Is(200);
        (await world.DeleteAsync("/api/v1/roles/r", session)).Is(204);
        var token = (await world.PostAsync("/api/v1/tokens", session, new { name = "t" })).Is(201);
        (await world.DeleteAsync($"/api/v1/tokens/{token["id"]}", session)).Is(204);
        var project = (await world.PostAsync("/api/v1/projects", session, new { name = "p" })).Is(201);
        (await world.PutAsync($"/api/v1/projects/{project["id"]}", session, new { name = "q" }, ("If-Match", "*"))).Is(200);
        string[] expected =
        [
            "signIn", "createUser", "updateUser", "resetPassword", "createMembership", "updateMembership", "deleteMembership",
            "createRole", "updateRole", "deleteRole", "createToken", "revokeToken", "createProject", "renameProject",
        ];
        var lines = (await world.GetAsync("/api/v1/audit?sort=at&who=admin", session)).Is(200);
        Assert.Equal(expected.Order(), lines.Items("action").Order());
        Assert.All(lines.Items("outcome"), outcome => Assert.Equal("done", outcome));
        Assert.All(lines.Items("project"), of => Assert.Equal(world.Project.ToString(), of));
        Assert.DoesNotContain(token["token"]!, lines.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_sign_in_leaves_a_line_that_administrators_see()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        (await world.SignInAsync("nobody", "wrong")).Is(401, "wrong-credentials");
        var lines = (await world.GetAsync("/api/v1/system/audit?who=nobody", admin)).Is(200);
        Assert.Equal(["refused"], lines.Items("outcome"));
        Assert.Equal(["unknown"], lines.Items("address"));
        Assert.Empty((await world.GetAsync("/api/v1/audit?who=nobody", admin)).Items("outcome"));
    }

    [Fact]
    public async Task The_audit_is_filtered_by_time()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        for (var i = 0; i < 3; i++)
        {
            (await world.PostAsync("/api/v1/tokens", session, new { name = $"t{i}" })).Is(201);
            world.Clock.Advance(TimeSpan.FromMinutes(1));
        }
        var lines = (await world.GetAsync("/api/v1/audit?since=2026-03-01T12:01:00Z&until=2026-03-01T12:02:00Z", session)).Is(200);
        Assert.EndsWith(" t1", Assert.Single(lines.Items("target")), StringComparison.Ordinal);
        (await world.GetAsync("/api/v1/audit?since=yesterday", session)).Is(400, "wrong-input", "since");
    }

    [Fact]
    public async Task A_change_without_a_line_is_not_made()
    {
        await using var world = await PortalWorld.MakeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => MakeAsync(change => TypedResults.NoContent()));
        Assert.Equal(0, await CountAsync("silent"));

        async Task MakeAsync(Func<ApiChange, IResult> then) => await Changes(world).MakeAsync(new DefaultHttpContext(), change =>
        {
            change.Db.Add(new Project(world.Ids.New<Contracts.Ids.ProjectId>(), "silent", change.Now));
            return Task.FromResult(then(change));
        });

        async Task<int> CountAsync(string name)
        {
            await using var db = world.Db();
            return await db.Set<Project>().CountAsync(one => one.Name == name);
        }
    }

    [Fact]
    public async Task What_was_done_before_a_refusal_is_not_saved()
    {
        await using var world = await PortalWorld.MakeAsync();
        await Changes(world).MakeAsync(new DefaultHttpContext(), change =>
        {
            change.Db.Add(new Project(world.Ids.New<Contracts.Ids.ProjectId>(), "half", change.Now));
            change.Audit(null, null, "test", "createProject", "project half", AuditOutcome.Done);
            change.Audit(null, null, "test", "createProject", "project half", AuditOutcome.Refused);
            return Task.FromResult<IResult>(Problem.NoSuch("thing"));
        });
        await using var db = world.Db();
        Assert.False(await db.Set<Project>().AnyAsync(one => one.Name == "half"));
        Assert.Equal([AuditOutcome.Refused],
            await db.Set<AuditEntry>().Where(one => one.Who == "test").Select(one => one.Outcome).ToListAsync());
    }

    static ApiChanges Changes(PortalWorld world) => new(world.Changes, Options.Create(new JsonOptions()));
}
