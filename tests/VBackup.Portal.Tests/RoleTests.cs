using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class RoleTests
{
    [Fact]
    public void Names_of_permissions_stay_as_they_are() => Assert.Equal(
        "ListServer GetServer ListVolumeUsage GetVolumeUsage ListBackupPlan GetBackupPlan ListRestorePoint "
        + "GetRestorePoint ListPolicy GetPolicy ListLocation GetLocation ListSnapshot GetSnapshot ListHistory GetHistory "
        + "CreateBackupPlan CreateBackupPlanWithDefaults UpdateBackupPlan EnableBackupPlan DisableBackupPlan "
        + "DeleteBackupPlan BackupNow RestoreServer RestoreVolume DownloadRestorePoint DeleteRestorePoint "
        + "UndeleteRestorePoint ProtectRestorePoint CreatePolicy UpdatePolicy DeletePolicy CreateLocation UpdateLocation "
        + "DeleteLocation LockLocation CreateSnapshot DeleteSnapshot RollbackSnapshot ManageAccess",
        string.Join(' ', Enum.GetNames<Permission>()));

    [Fact]
    public void The_built_in_roles_allow_what_they_say()
    {
        var all = Enum.GetValues<Permission>();
        Assert.Equal(all, BuiltInRoles.All["vBackupFullAccess"].Order());
        Assert.Equal(all[..16], BuiltInRoles.All["vBackupReadOnlyAccess"].Order());
        Assert.Equal(["DeleteBackupPlan", "DeleteRestorePoint", "DeletePolicy", "DeleteLocation", "LockLocation", "DeleteSnapshot",
            "ManageAccess"],
            all.Except(BuiltInRoles.All["vBackupOperator"]).Select(one => one.ToString()));
    }

    [Fact]
    public async Task A_projects_own_role_allows_what_it_is_told_at_once()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync(name: "full");
        var made = (await world.PostAsync("/api/v1/roles", full,
            new { name = "watcher", permissions = new[] { "ListHistory", "ListServer", "ListHistory" } })).Is(201);
        Assert.Equal("[\"ListServer\",\"ListHistory\"]", made["permissions"]);
        var user = await world.UserAsync("ada");
        (await world.PostAsync("/api/v1/memberships", full, new { user = "ada", role = "watcher" })).Is(201);
        var session = (await world.SignInAsync("ada")).Is(201)["token"];
        (await world.GetAsync("/api/v1/audit", session)).Is(200);
        (await world.PutAsync("/api/v1/roles/watcher", full, new { permissions = new[] { "ListServer" } }, ("If-Match", made.ETag)))
            .Is(200);
        var refused = (await world.GetAsync("/api/v1/audit", session)).Is(403, "permission-needed");
        Assert.Equal("ListHistory", refused["permission"]);
        Assert.Equal(user.ToString(), (await world.GetAsync("/api/v1/users/me", session))["id"]);
    }

    [Fact]
    public async Task A_role_that_somebody_has_stays()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync(name: "full");
        (await world.PostAsync("/api/v1/roles", full, new { name = "watcher", permissions = Array.Empty<string>() })).Is(201);
        var user = await world.UserAsync("ada", world.Project, "watcher");
        Assert.Contains("ada", (await world.DeleteAsync("/api/v1/roles/watcher", full)).Is(409, "in-use").Text, StringComparison.Ordinal);
        (await world.DeleteAsync($"/api/v1/memberships/{user}", full)).Is(204);
        (await world.DeleteAsync("/api/v1/roles/watcher", full)).Is(204);
        (await world.GetAsync("/api/v1/roles/watcher", full)).Is(404, "not-found");
    }

    [Fact]
    public async Task Built_in_roles_are_neither_taken_nor_changed()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync();
        (await world.PostAsync("/api/v1/roles", full, new { name = "vbackupoperator", permissions = Array.Empty<string>() }))
            .Is(409, "name-taken", "name");
        (await world.PutAsync("/api/v1/roles/vBackupOperator", full, new { permissions = Array.Empty<string>() }, ("If-Match", "*")))
            .Is(409, "in-use");
        (await world.DeleteAsync("/api/v1/roles/vBackupOperator", full)).Is(409, "in-use");
    }

    [Fact]
    public async Task A_permission_that_there_is_not_is_named()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync();
        (await world.PostAsync("/api/v1/roles", full, new { name = "x", permissions = new[] { "ListServer", "Everything" } }))
            .Is(400, "wrong-input", "permissions[1]");
    }

    [Fact]
    public async Task Who_is_shut_out_of_a_project_is_out_at_once()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync(name: "full");
        var user = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var session = await world.SessionAsync(user, world.Project);
        (await world.GetAsync("/api/v1/users/me", session)).Is(200);
        (await world.DeleteAsync($"/api/v1/memberships/{user}", full)).Is(204);
        (await world.GetAsync("/api/v1/users/me", session)).Is(401, "wrong-credentials");
    }

    [Fact]
    public async Task An_administrator_manages_access_where_he_is_no_member()
    {
        await using var world = await PortalWorld.MakeAsync();
        var other = await world.ProjectAsync("other");
        await world.AdminAsync();
        var session = (await world.SignInAsync("admin", project: "other")).Is(201);
        var me = (await world.GetAsync("/api/v1/users/me", session["token"])).Is(200);
        Assert.Equal((other.ToString(), null, "[\"ManageAccess\"]"), (me["project"], me["role"], me["permissions"]));
        (await world.PostAsync("/api/v1/memberships", session["token"], new { user = "admin", role = BuiltInRoles.ReadOnlyAccess }))
            .Is(201);
        (await world.GetAsync("/api/v1/audit", session["token"])).Is(200);
    }

    [Fact]
    public async Task Who_makes_a_project_is_in_it()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        (await world.PostAsync("/api/v1/projects", admin, new { name = "Wrong Name" })).Is(400, "wrong-input", "name");
        (await world.PostAsync("/api/v1/projects", admin, new { name = "second" })).Is(201);
        (await world.PostAsync("/api/v1/projects", admin, new { name = "second" })).Is(409, "name-taken", "name");
        var session = (await world.SignInAsync("admin", project: "second")).Is(201);
        Assert.Equal(BuiltInRoles.FullAccess, (await world.GetAsync("/api/v1/users/me", session["token"]))["role"]);
    }
}
