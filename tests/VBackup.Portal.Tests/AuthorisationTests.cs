using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>Every route that there is, called by everybody that there is. The table is written by hand: a route that it does not have
/// fails.</summary>
public sealed class AuthorisationTests
{
    const string Open = "open", SignedIn = "signed in", Administrator = "administrator";

    /// <summary>The same table stands in docs/api.md.</summary>
    static readonly Dictionary<string, string> s_expected = new()
    {
        ["POST /api/v1/sessions"] = Open,
        ["DELETE /api/v1/sessions/current"] = SignedIn,
        ["PUT /api/v1/users/me/password"] = Open,
        ["GET /api/v1/users/me"] = SignedIn,
        ["GET /api/v1/users"] = Administrator,
        ["POST /api/v1/users"] = Administrator,
        ["GET /api/v1/users/{id}"] = Administrator,
        ["PUT /api/v1/users/{id}"] = Administrator,
        ["POST /api/v1/users/{id}/reset-password"] = Administrator,
        ["GET /api/v1/projects"] = SignedIn,
        ["POST /api/v1/projects"] = Administrator,
        ["GET /api/v1/projects/{id}"] = SignedIn,
        ["PUT /api/v1/projects/{id}"] = Administrator,
        ["GET /api/v1/roles"] = "ManageAccess",
        ["POST /api/v1/roles"] = "ManageAccess",
        ["GET /api/v1/roles/{name}"] = "ManageAccess",
        ["PUT /api/v1/roles/{name}"] = "ManageAccess",
        ["DELETE /api/v1/roles/{name}"] = "ManageAccess",
        ["GET /api/v1/memberships"] = "ManageAccess",
        ["POST /api/v1/memberships"] = "ManageAccess",
        ["GET /api/v1/memberships/{user}"] = "ManageAccess",
        ["PUT /api/v1/memberships/{user}"] = "ManageAccess",
        ["DELETE /api/v1/memberships/{user}"] = "ManageAccess",
        ["GET /api/v1/tokens"] = SignedIn,
        ["POST /api/v1/tokens"] = SignedIn,
        ["DELETE /api/v1/tokens/{id}"] = SignedIn,
        ["GET /api/v1/audit"] = "ListHistory",
        ["GET /api/v1/system/audit"] = Administrator,
        ["GET /api/v1/servers"] = "ListServer",
        ["GET /api/v1/servers/{region}/{serverId}"] = "GetServer",
        ["POST /api/v1/servers/{region}/{serverId}/backups"] = "BackupNow",
        ["GET /api/v1/servers/{region}/{serverId}/volumes"] = "ListVolumeUsage",
        ["GET /api/v1/servers/{region}/{serverId}/volumes/{volume}"] = "GetVolumeUsage",
        ["POST /api/v1/servers/{region}/{serverId}/free"] = "DeleteSnapshot",
        ["GET /api/v1/servers/{region}/{serverId}/estimate"] = "GetVolumeUsage",
        ["PUT /api/v1/servers/{region}/{serverId}/project"] = Administrator,
        ["GET /api/v1/policies"] = "ListPolicy",
        ["POST /api/v1/policies"] = "CreatePolicy",
        ["GET /api/v1/policies/{id}"] = "GetPolicy",
        ["PUT /api/v1/policies/{id}"] = "UpdatePolicy",
        ["DELETE /api/v1/policies/{id}"] = "DeletePolicy",
        ["GET /api/v1/plans"] = "ListBackupPlan",
        ["POST /api/v1/plans"] = "CreateBackupPlan or CreateBackupPlanWithDefaults",
        ["GET /api/v1/plans/{id}"] = "GetBackupPlan",
        ["PATCH /api/v1/plans/{id}"] = "UpdateBackupPlan",
        ["POST /api/v1/plans/{id}/enable"] = "EnableBackupPlan",
        ["POST /api/v1/plans/{id}/disable"] = "DisableBackupPlan",
        ["DELETE /api/v1/plans/{id}"] = "DeleteBackupPlan",
        ["GET /api/v1/points"] = "ListRestorePoint",
        ["GET /api/v1/points/{id}"] = "GetRestorePoint",
        ["GET /api/v1/points/{id}/explain"] = "GetRestorePoint",
        ["DELETE /api/v1/points/{id}"] = "DeleteRestorePoint",
        ["POST /api/v1/points/{id}/undelete"] = "UndeleteRestorePoint",
        ["POST /api/v1/points/{id}/protect"] = "ProtectRestorePoint",
        ["POST /api/v1/points/{id}/unprotect"] = "ProtectRestorePoint",
        ["POST /api/v1/points/{id}/restores"] = "RestoreServer or RestoreVolume",
        ["GET /api/v1/runs"] = "ListHistory",
        ["GET /api/v1/runs/{id}"] = "GetHistory",
        ["GET /api/v1/runs/{id}/events"] = "GetHistory",
        ["POST /api/v1/points/{id}/export-image"] = "DownloadRestorePoint",
        ["POST /api/v1/volumes/import-image"] = "RestoreVolume",
        ["POST /api/v1/runs/{id}/cancel"] = "BackupNow or RestoreServer or DownloadRestorePoint or RestoreVolume",
        ["GET /api/v1/history/skipped"] = "ListHistory",
        ["GET /api/v1/locations"] = "ListLocation",
        ["POST /api/v1/locations"] = "CreateLocation",
        ["GET /api/v1/locations/{id}"] = "GetLocation",
        ["PUT /api/v1/locations/{id}"] = "UpdateLocation",
        ["DELETE /api/v1/locations/{id}"] = "DeleteLocation",
        ["PUT /api/v1/locations/{id}/credentials"] = "UpdateLocation",
        ["PUT /api/v1/locations/{id}/lock"] = "LockLocation",
        ["DELETE /api/v1/locations/{id}/lock"] = "LockLocation",
        ["GET /api/v1/snapshots"] = "ListSnapshot",
        ["POST /api/v1/snapshots"] = "CreateSnapshot",
        ["GET /api/v1/snapshots/{id}"] = "GetSnapshot",
        ["POST /api/v1/snapshots/{id}/rollback"] = "RollbackSnapshot",
        ["DELETE /api/v1/snapshots/{id}"] = "DeleteSnapshot",
        ["GET /api/v1/key"] = "ManageAccess",
        ["POST /api/v1/key/rotate"] = "ManageAccess",
        ["POST /api/v1/key/recovery"] = "ManageAccess",
        ["POST /api/v1/key/erase"] = "ManageAccess",
        ["GET /api/v1/snapshots/orphans"] = "ListSnapshot",
        ["POST /api/v1/snapshots/surveys"] = "DeleteSnapshot",
        ["GET /api/v1/restore-schedules"] = "ListRestorePoint",
        ["POST /api/v1/restore-schedules"] = "RestoreServer or RestoreVolume",
        ["GET /api/v1/restore-schedules/{id}"] = "GetRestorePoint",
        ["POST /api/v1/restore-schedules/{id}/enable"] = "RestoreServer or RestoreVolume",
        ["POST /api/v1/restore-schedules/{id}/disable"] = "RestoreServer or RestoreVolume",
        ["DELETE /api/v1/restore-schedules/{id}"] = "RestoreServer or RestoreVolume",
        ["GET /api/v1/webhooks"] = "ListPolicy",
        ["POST /api/v1/webhooks"] = "CreatePolicy",
        ["GET /api/v1/webhooks/{id}"] = "GetPolicy",
        ["DELETE /api/v1/webhooks/{id}"] = "DeletePolicy",
        ["POST /api/v1/webhooks/{id}/secret"] = "UpdatePolicy",
        ["POST /api/v1/webhooks/{id}/test"] = "UpdatePolicy",
        ["GET /api/v1/notifications"] = "ListHistory",
        ["GET /api/v1/notifications/{id}"] = "GetHistory",
        ["GET /api/v1/dead-messages"] = Administrator,
        ["GET /api/v1/dead-messages/{place}"] = Administrator,
        ["POST /api/v1/dead-messages/{place}/{id}/requeue"] = Administrator,
        ["DELETE /api/v1/dead-messages/{place}/{id}"] = Administrator,
        ["GET /health/live"] = Open,
        ["GET /health/ready"] = Open,
        ["GET /openapi/{documentName}.json"] = Open,
        ["GET /docs/{**path}"] = Open,
    };

    /// <summary>Everybody, and what he may do. Built-in roles are expanded by hand in <see cref="RoleTests"/>.</summary>
    static readonly (string Name, string? Role, bool IsAdministrator)[] s_callers =
    [
        ("full", BuiltInRoles.FullAccess, false),
        ("reader", BuiltInRoles.ReadOnlyAccess, false),
        ("operator", BuiltInRoles.Operator, false),
        ("powerless", "nothing", false),
        ("stranger", null, true),
    ];

    [Fact]
    public async Task Every_route_lets_in_whom_the_table_says()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SaveAsync(new CustomRole(world.Project, "nothing", []));
        var users = new Dictionary<string, UserId>();
        foreach (var (name, role, isAdministrator) in s_callers)
            users[name] = await world.UserAsync(name, world.Project, role, isAdministrator);
        var routes = RoutesOf(world).ToList();
        Assert.Equal(s_expected.Keys.Order(StringComparer.Ordinal), routes.Order(StringComparer.Ordinal));
        var wrong = new List<string>();
        foreach (var route in routes)
        {
            var anonymous = await CallAsync(world, route, null);
            if (anonymous.Code == "credentials-needed" == (s_expected[route] == Open))
                wrong.Add($"{route} says {anonymous.Status} to nobody");
            foreach (var (name, role, isAdministrator) in s_callers)
            {
                // A token each, since a route may revoke it.
                var answer = await CallAsync(world, route, await world.SessionAsync(users[name], world.Project));
                var may = Allows(s_expected[route], role, isAdministrator);
                if (answer.Status is 401 or 500 || (answer.Status != 403) != may) wrong.Add($"{route} says {answer.Status} to {name}");
                if (!may && answer["permission"] != s_expected[route]) wrong.Add($"{route} names {answer["permission"]} to {name}");
            }
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_permission_opens_something() => Assert.Empty(
        Enum.GetNames<Permission>().Except(s_expected.Values.SelectMany(rule => rule.Split(" or "))));

    static bool Allows(string rule, string? role, bool isAdministrator) => rule switch
    {
        Open or SignedIn => true,
        Administrator => isAdministrator,
        _ => (isAdministrator && rule == "ManageAccess")
            || (role is not null && BuiltInRoles.All.TryGetValue(role, out var permissions)
                && rule.Split(" or ").Any(one => permissions.Contains(Enum.Parse<Permission>(one)))),
    };

    /// <summary>What another project owns, by its real name, is not there: whoever has full access to his own project gets 404.</summary>
    [Fact]
    public async Task What_another_project_owns_is_not_there()
    {
        await using var world = await PortalWorld.MakeAsync();
        var other = await world.ProjectAsync("other");
        var mine = await world.SessionAsync(await world.UserAsync("mine", world.Project, BuiltInRoles.FullAccess), world.Project);
        var theirs = await world.UserAsync("theirs", other, "watcher");
        await world.SaveAsync(new CustomRole(other, "watcher", [Permission.ListServer]));
        var (token, _) = await world.TokenAsync(theirs, other);
        var (server, location, policy) = (await world.ServerAsync("theirs"), await world.LocationAsync("theirs", other),
            await world.PolicyAsync("theirs", other));
        // As servers come to projects: what was mine until then is not there any more either.
        (await world.PutAsync($"/api/v1/servers/{server.Region}/{server.Id}/project", await world.AdminAsync(), new { project = other }))
            .Is(200);
        var plan = await world.PlanAsync(server, location, policy, "theirs", other);
        var (point, run, snapshot) = (await world.PointAsync(server, location, project: other),
            await world.RunAsync(server, project: other),
            await world.SnapshotAsync(server, project: other));
        var (webhook, notification) = await world.WebhookAsync("theirs", project: other);
        var schedule = await world.RestoreScheduleAsync(server, "theirs", other);
        var atServer = $"/api/v1/servers/{server.Region}/{server.Id}";
        var rules = new { launchTime = "01:00", zone = "UTC", daily = new { keep = 1 } };
        var samples = new Dictionary<string, (string Path, object? Body)>
        {
            ["GET /api/v1/servers/{region}/{serverId}"] = (atServer, null),
            ["POST /api/v1/servers/{region}/{serverId}/backups"] = (atServer + "/backups", null),
            ["GET /api/v1/servers/{region}/{serverId}/volumes"] = (atServer + "/volumes", null),
            ["GET /api/v1/servers/{region}/{serverId}/volumes/{volume}"] = (atServer + "/volumes/vda", null),
            ["POST /api/v1/servers/{region}/{serverId}/free"] = (atServer + "/free", new { }),
            ["GET /api/v1/servers/{region}/{serverId}/estimate"] = (atServer + "/estimate", null),
            ["GET /api/v1/points/{id}"] = ($"/api/v1/points/{point}", null),
            ["GET /api/v1/points/{id}/explain"] = ($"/api/v1/points/{point}/explain", null),
            ["DELETE /api/v1/points/{id}"] = ($"/api/v1/points/{point}", null),
            ["POST /api/v1/points/{id}/undelete"] = ($"/api/v1/points/{point}/undelete", null),
            ["POST /api/v1/points/{id}/protect"] = ($"/api/v1/points/{point}/protect", null),
            ["POST /api/v1/points/{id}/unprotect"] = ($"/api/v1/points/{point}/unprotect", null),
            ["POST /api/v1/points/{id}/restores"] = ($"/api/v1/points/{point}/restores", new { target = "newServer", name = "x" }),
            ["POST /api/v1/points/{id}/export-image"] = ($"/api/v1/points/{point}/export-image", new { file = "x.raw", volume = "vda" }),
            ["GET /api/v1/runs/{id}"] = ($"/api/v1/runs/{run}", null),
            ["GET /api/v1/runs/{id}/events"] = ($"/api/v1/runs/{run}/events", null),
            ["POST /api/v1/runs/{id}/cancel"] = ($"/api/v1/runs/{run}/cancel", null),
            ["GET /api/v1/locations/{id}"] = ($"/api/v1/locations/{location}", null),
            ["PUT /api/v1/locations/{id}"] = ($"/api/v1/locations/{location}", new { softDeleteDays = 1, isDefault = true }),
            ["PUT /api/v1/locations/{id}/credentials"] =
                ($"/api/v1/locations/{location}/credentials", new { accessKey = "mine", secretKey = "mine" }),
            ["PUT /api/v1/locations/{id}/lock"] = ($"/api/v1/locations/{location}/lock", new { minDays = 1, changeDays = 1 }),
            ["DELETE /api/v1/locations/{id}/lock"] = ($"/api/v1/locations/{location}/lock", null),
            ["DELETE /api/v1/locations/{id}"] = ($"/api/v1/locations/{location}", null),
            ["GET /api/v1/snapshots/{id}"] = ($"/api/v1/snapshots/{snapshot}", null),
            ["POST /api/v1/snapshots/{id}/rollback"] = ($"/api/v1/snapshots/{snapshot}/rollback", null),
            ["DELETE /api/v1/snapshots/{id}"] = ($"/api/v1/snapshots/{snapshot}", null),
            ["GET /api/v1/restore-schedules/{id}"] = ($"/api/v1/restore-schedules/{schedule}", null),
            ["POST /api/v1/restore-schedules/{id}/enable"] = ($"/api/v1/restore-schedules/{schedule}/enable", null),
            ["POST /api/v1/restore-schedules/{id}/disable"] = ($"/api/v1/restore-schedules/{schedule}/disable", null),
            ["DELETE /api/v1/restore-schedules/{id}"] = ($"/api/v1/restore-schedules/{schedule}", null),
            ["GET /api/v1/webhooks/{id}"] = ($"/api/v1/webhooks/{webhook}", null),
            ["DELETE /api/v1/webhooks/{id}"] = ($"/api/v1/webhooks/{webhook}", null),
            ["POST /api/v1/webhooks/{id}/secret"] = ($"/api/v1/webhooks/{webhook}/secret", null),
            ["POST /api/v1/webhooks/{id}/test"] = ($"/api/v1/webhooks/{webhook}/test", null),
            ["GET /api/v1/notifications/{id}"] = ($"/api/v1/notifications/{notification}", null),
            ["GET /api/v1/policies/{id}"] = ($"/api/v1/policies/{policy}", null),
            ["PUT /api/v1/policies/{id}"] = ($"/api/v1/policies/{policy}", new { name = "x", rules }),
            ["DELETE /api/v1/policies/{id}"] = ($"/api/v1/policies/{policy}", null),
            ["GET /api/v1/plans/{id}"] = ($"/api/v1/plans/{plan}", null),
            ["PATCH /api/v1/plans/{id}"] = ($"/api/v1/plans/{plan}", new { note = "mine now" }),
            ["POST /api/v1/plans/{id}/enable"] = ($"/api/v1/plans/{plan}/enable", null),
            ["POST /api/v1/plans/{id}/disable"] = ($"/api/v1/plans/{plan}/disable", null),
            ["DELETE /api/v1/plans/{id}"] = ($"/api/v1/plans/{plan}", null),
            ["GET /api/v1/projects/{id}"] = ($"/api/v1/projects/{other}", null),
            ["GET /api/v1/roles/{name}"] = ("/api/v1/roles/watcher", null),
            ["PUT /api/v1/roles/{name}"] = ("/api/v1/roles/watcher", new { permissions = Array.Empty<string>() }),
            ["DELETE /api/v1/roles/{name}"] = ("/api/v1/roles/watcher", null),
            ["GET /api/v1/memberships/{user}"] = ($"/api/v1/memberships/{theirs}", null),
            ["PUT /api/v1/memberships/{user}"] = ($"/api/v1/memberships/{theirs}", new { role = BuiltInRoles.FullAccess }),
            ["DELETE /api/v1/memberships/{user}"] = ($"/api/v1/memberships/{theirs}", null),
            ["DELETE /api/v1/tokens/{id}"] = ($"/api/v1/tokens/{token}", null),
        };
        var concerned = s_expected.Where(one =>
            one.Key.Contains('{', StringComparison.Ordinal) && one.Value is not (Open or Administrator)).Select(one => one.Key);
        Assert.Equal(concerned.Order(), samples.Keys.Order());
        foreach (var (route, (path, body)) in samples)
        {
            var content = body is null ? null : JsonContent.Create(body);
            (await world.SendAsync(new HttpMethod(route.Split(' ')[0]), path, mine, content, ("If-Match", "*"))).Is(404, "not-found");
        }
    }

    [Fact]
    public async Task Lists_have_nothing_of_another_project()
    {
        await using var world = await PortalWorld.MakeAsync();
        var other = await world.ProjectAsync("other");
        var mine = await world.SessionAsync(await world.UserAsync("mine", world.Project, BuiltInRoles.FullAccess), world.Project);
        var theirs = await world.SessionAsync(await world.UserAsync("theirs", other, BuiltInRoles.FullAccess), other);
        (await world.PostAsync("/api/v1/roles", theirs, new { name = "secret-of-theirs", permissions = Array.Empty<string>() })).Is(201);
        (await world.PostAsync("/api/v1/tokens", theirs, new { name = "secret-of-theirs" })).Is(201);
        var (server, location, policy) = (await world.ServerAsync("theirs", other), await world.LocationAsync("theirs", other),
            await world.PolicyAsync("theirs", other));
        var plan = await world.PlanAsync(server, location, policy, "theirs", other);
        await world.PointAsync(server, location, project: other, serverName: "theirs");
        await world.RunAsync(server, project: other, serverName: "theirs");
        await world.SnapshotAsync(server, "theirs", project: other);
        await world.WebhookAsync("theirs", project: other);
        await world.RestoreScheduleAsync(server, "theirs", other);
        var now = world.Clock.GetUtcNow();
        var skipped = new SkippedRun(Instant.FromDateTimeOffset(now), RuleTags.Daily, SkipReason.RunGoingOn,
            Instant.FromDateTimeOffset(now));
        await world.SaveAsync(AskedRun.Skipped(world.Ids.New<RunId>(), plan, skipped, now));
        var lists = s_expected.Where(one =>
            one.Key.StartsWith("GET /api/", StringComparison.Ordinal) && !one.Key.Contains('{', StringComparison.Ordinal)
            && one.Value is not (Open or Administrator)).Select(one => one.Key[4..]).ToList();
        Assert.Contains("/api/v1/audit", lists);
        foreach (var path in lists)
        {
            var answer = (await world.GetAsync(path, mine)).Is(200);
            Assert.DoesNotContain("theirs", answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(other.ToString(), answer.Text, StringComparison.Ordinal);
        }
        Assert.Contains("secret-of-theirs", (await world.GetAsync("/api/v1/audit", theirs)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_that_does_not_say_who_may_use_it_stops_the_start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddRouting();
        await using var app = builder.Build();
        app.MapGet("/api/v1/good", () => "").IsOpen();
        AccessOfRoutes.Check(Endpoints());
        app.MapGet("/api/v1/forgotten", () => "");
        Assert.Contains("/api/v1/forgotten", Assert.Throws<InvalidOperationException>(() => AccessOfRoutes.Check(Endpoints())).Message,
            StringComparison.Ordinal);

        IEnumerable<Endpoint> Endpoints() => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints);
    }

    [Fact]
    public async Task The_page_says_who_may_use_each_route_and_has_every_code_and_permission()
    {
        await using var world = await PortalWorld.MakeAsync();
        var page = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "api.md"));
        var missing = s_expected.Select(one => $"| `{one.Key}` | {one.Value} |")
            .Where(line => !page.Contains(line, StringComparison.Ordinal)).ToList();
        missing.AddRange(ProblemCode.All.Select(code => $"| `{code}` | {code.Status} |")
            .Where(line => !page.Contains(line, StringComparison.Ordinal)));
        missing.AddRange(Enum.GetNames<Permission>().Where(name => !page.Contains(name, StringComparison.Ordinal)));
        Assert.Empty(missing);
    }

    static string Root()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "vBackup.slnx"))) return folder;
        throw new InvalidOperationException("The tests run outside of a checkout.");
    }

    static IEnumerable<string> RoutesOf(PortalWorld world) =>
        from route in world.Routes
        from method in (IEnumerable<string>)(route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods is { Count: > 0 } methods
            ? methods : ["GET"])
        where method != "HEAD"
        let pattern = "/" + route.RoutePattern.RawText!.Trim('/').Replace(":guid", "", StringComparison.Ordinal)
        select $"{method} {pattern}";

    /// <summary>With nothing of use in the body, and names that nothing has: enough to see whether somebody is let in.</summary>
    static Task<Answer> CallAsync(PortalWorld world, string route, string? token)
    {
        var (method, pattern) = (route.Split(' ')[0], route.Split(' ')[1]);
        var path = pattern.Replace("{id}", "0190a000-0000-7000-8000-000000000001", StringComparison.Ordinal)
            .Replace("{user}", "0190a000-0000-7000-8000-000000000001", StringComparison.Ordinal)
                .Replace("{name}", "nobody-has-it", StringComparison.Ordinal)
            .Replace("{region}", "hn1", StringComparison.Ordinal).Replace("{serverId}", "nobody-has-it", StringComparison.Ordinal)
            .Replace("{volume}", "vda", StringComparison.Ordinal).Replace("{place}", "outbox-portal", StringComparison.Ordinal)
            .Replace("{documentName}", "v1", StringComparison.Ordinal).Replace("{**path}", "index.html", StringComparison.Ordinal);
        return world.SendAsync(new HttpMethod(method), path, token, method is "POST" or "PUT" or "PATCH" ? JsonContent.Create(new { })
            : null);
    }
}
