using VBackup.Contracts.Messages;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>Scheduled restores over the API.</summary>
public sealed class RestoreScheduleRouteTests
{
    const string Path = "/api/v1/restore-schedules";

    static readonly object s_daily = new { launchTime = "03:00", zone = "Europe/Berlin", daily = new { } };

    [Fact]
    public async Task A_repeated_one_is_made_shown_switched_and_deleted()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, new { name = "Weekly test", server, target = "newServer", newName = "test",
            calendar = s_daily })).Is(201);
        Assert.Equal("2026-03-02T02:00:00+00:00", made["nextAt"]);
        Assert.Equal(["Weekly test"], (await world.GetAsync($"{Path}?server=hn1/id-of-web&enabled=true", session)).Is(200).Items("name"));
        var at = made.Headers["Location"];
        (await world.PostAsync($"{at}/disable", session, new { }, ("If-Match", made.ETag))).Is(200);
        (await world.PostAsync($"{at}/disable", session, new { }, ("If-Match", made.ETag))).Is(412, "outdated");
        world.Clock.Advance(TimeSpan.FromDays(3));
        session = await world.SessionAsync(await world.UserAsync("later", world.Project, BuiltInRoles.FullAccess), world.Project);
        Assert.Equal("2026-03-05T02:00:00+00:00", (await world.PostAsync($"{at}/enable", session, new { })).Is(200)["nextAt"]);
        (await world.DeleteAsync(at, session)).Is(204);
        (await world.GetAsync(at, session)).Is(404, "not-found");
    }

    [Fact]
    public async Task One_that_starts_once_names_a_point_and_an_instant_to_come()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var (point, binned) = (await world.PointAsync(server, location),
            await world.PointAsync(server, location, RestorePointState.SoftDeleted));
        var theirs = await world.PointAsync(server, location, project: await world.ProjectAsync("other"));
        var session = await world.MemberAsync();
        object Once(object id, string at) => new { name = "once", point = id, target = "original", stopsServer = true, at };
        var made = (await world.PostAsync(Path, session, Once(point, "2026-03-01T12:00:01Z"))).Is(201);
        Assert.Equal(made["at"], made["nextAt"]);
        (await world.PostAsync(Path, session, Once(point, "2026-03-01T12:00:00Z"))).Is(400, "wrong-input", "at");
        (await world.PostAsync(Path, session, Once(theirs, "2026-04-01T12:00:00Z"))).Is(400, "wrong-input", "point");
        (await world.PostAsync(Path, session, Once(binned, "2026-04-01T12:00:00Z"))).Is(409, "point-not-active");
    }

    [Fact]
    public async Task What_is_wrong_is_named()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var point = await world.PointAsync(server, await world.LocationAsync());
        var session = await world.MemberAsync();
        var calendar = s_daily;
        (string Field, object Body)[] wrong =
        [
            ("name", new { name = "", server, target = "newServer", newName = "test", calendar }),
            ("target", new { name = "a", server, newName = "test", calendar }),
            ("target", new { name = "a", server, target = "original", calendar }),
            ("newName", new { name = "a", server, target = "newServer", calendar }),
            ("newName", new { name = "a", server, target = "newServer", newName = new string('x', 51), calendar }),
            ("volume", new { name = "a", server, target = "newVolume", newName = "test", calendar }),
            ("at", new { name = "a", server, target = "newServer", newName = "test" }),
            ("at", new { name = "a", server, target = "newServer", newName = "test", calendar, at = "2026-04-01T12:00:00Z" }),
            ("point", new { name = "a", server, point, target = "newServer", newName = "test", calendar }),
            ("point", new { name = "a", target = "newServer", newName = "test", at = "2026-04-01T12:00:00Z" }),
            ("server", new { name = "a", target = "newServer", newName = "test", calendar }),
            ("server", new { name = "a", server = new { region = "hn1", id = "other" }, target = "newServer", newName = "test", calendar }),
            ("calendar.zone", new { name = "a", server, target = "newServer", newName = "test",
                calendar = new { launchTime = "03:00", zone = "Mars", daily = new { } } }),
            ("calendar", new { name = "a", server, target = "newServer", newName = "test",
                calendar = new { launchTime = "03:00", zone = "UTC" } }),
            ("calendar", new { name = "a", server, target = "newServer", newName = "test",
                calendar = new { launchTime = "03:00", zone = "UTC", daily = new { keep = 1 } } }),
            ("calendar.launchTime", new { name = "a", server, target = "newServer", newName = "test",
                calendar = new { zone = "UTC", daily = new { } } }),
        ];
        foreach (var (field, body) in wrong) (await world.PostAsync(Path, session, body)).Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task Who_may_restore_volumes_only_schedules_no_servers()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.SaveAsync(new CustomRole(world.Project, "volumes", [Permission.RestoreVolume]));
        var session = await world.MemberAsync("volumes");
        (await world.PostAsync(Path, session, new { name = "a", server, target = "newServer", newName = "test", calendar = s_daily }))
            .Is(403, "permission-needed");
        (await world.PostAsync(Path, session, new { name = "a", server, target = "newVolume", volume = "vda", newName = "test",
            calendar = s_daily })).Is(201);
        var servers = await world.RestoreScheduleAsync(server);
        (await world.PostAsync($"{Path}/{servers}/disable", session, new { })).Is(403, "permission-needed");
        (await world.DeleteAsync($"{Path}/{servers}", session)).Is(403, "permission-needed");
    }
}
