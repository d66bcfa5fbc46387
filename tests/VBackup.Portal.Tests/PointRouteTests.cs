using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Identity;
using VBackup.Portal.Servers;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class PointRouteTests
{
    const string Path = "/api/v1/points";

    [Fact]
    public async Task Points_are_listed_filtered_and_read()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (web, mail) = (await world.ServerAsync("web"), await world.ServerAsync("mail"));
        var (near, far) = (await world.LocationAsync("near"), await world.LocationAsync("far"));
        var now = world.Clock.GetUtcNow();
        var first = await world.PointAsync(web, near, at: now.AddDays(-2));
        var second = await world.PointAsync(web, far, at: now.AddDays(-1), trigger: RunTrigger.Manual);
        var third = await world.PointAsync(mail, near, RestorePointState.SoftDeleted, at: now);
        var session = await world.MemberAsync();
        await IsAsync("", third, second, first);
        await IsAsync("?sort=dueAt", first, second, third);
        await IsAsync($"?server={web.Region}/{web.Id}", second, first);
        await IsAsync($"?location={near}", third, first);
        await IsAsync("?state=softDeleted", third);
        await IsAsync("?trigger=manual", second);
        (await world.GetAsync(Path + "?state=lost", session)).Is(400, "wrong-input", "state");
        (await world.GetAsync(Path + "?location=near", session)).Is(400, "wrong-input", "location");
        var one = (await world.GetAsync($"{Path}/{second}", session)).Is(200);
        Assert.Equal(("active", "manual", (1L << 31).ToString(), (1L << 20).ToString()),
            (one["state"], one["trigger"], one["lengthBytes"], one["storedBytes"]));

        async Task IsAsync(string query, params RestorePointId[] expected) => Assert.Equal(expected.Select(id => id.ToString()),
            (await world.GetAsync(Path + query, session)).Is(200).Items("id"));
    }

    [Fact]
    public async Task A_point_tells_how_its_instant_was_taken_and_what_its_server_was()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var point = await world.PointAsync(server, location, instantKind: "frozen", skewSeconds: 0.0125,
            configuration: new("libvirt-domain-xml", 2, 4L << 30, [new("vda", "rbd/web-a"), new("vdb", "rbd/web-b")]));
        var earlier = await world.PointAsync(server, location);
        var session = await world.MemberAsync();
        var told = (await world.GetAsync($"{Path}/{point}", session)).Is(200).Json;
        Assert.Equal(("frozen", 0.0125), (told.GetProperty("instantKind").GetString(), told.GetProperty("skewSeconds").GetDouble()));
        Assert.Equal("""{"kind":"libvirt-domain-xml","processors":2,"memoryBytes":4294967296"""
            + ""","disks":[{"name":"vda","volume":"rbd/web-a"},{"name":"vdb","volume":"rbd/web-b"}]}""",
            told.GetProperty("configuration").GetRawText());
        // Of points that were made before this was told, nobody knows.
        var unknown = (await world.GetAsync($"{Path}/{earlier}", session)).Is(200).Json;
        foreach (var name in (string[])["instantKind", "skewSeconds", "configuration"])
            Assert.Equal(JsonValueKind.Null, unknown.GetProperty(name).ValueKind);
    }

    [Fact]
    public async Task A_protected_point_is_deleted_by_nobody_until_it_is_unprotected()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var (active, binned) = (await world.PointAsync(server, location),
            await world.PointAsync(server, location, RestorePointState.SoftDeleted));
        var session = await world.MemberAsync();
        Assert.Equal("True", (await world.PostAsync($"{Path}/{active}/protect", session, new { })).Is(202)["isProtected"]);
        // Asking again is no mistake, and nothing new.
        (await world.PostAsync($"{Path}/{active}/protect", session, new { })).Is(202);
        Assert.Equal(new ProtectPoint(active, world.Project, true), Assert.Single(await world.SentAsync(MessageJson.Default.ProtectPoint)));
        (await world.DeleteAsync($"{Path}/{active}", session)).Is(409, "point-protected");
        (await world.PostAsync($"{Path}/{binned}/protect", session, new { })).Is(409, "point-not-active");
        var keeps = (await world.GetAsync($"{Path}/{active}/explain", session)).Is(200).Json.GetProperty("keeps");
        Assert.Equal("protected", keeps[0].GetProperty("by").GetString());
        (await world.PostAsync($"{Path}/{active}/unprotect", session, new { })).Is(202);
        (await world.DeleteAsync($"{Path}/{active}", session)).Is(202);
        Assert.Equal(["deletePoint", "protectPoint", "unprotectPoint"], await world.AuditAsync());
    }

    [Fact]
    public async Task A_point_whose_deletion_was_asked_for_is_not_said_to_be_protected()
    {
        await using var world = await PortalWorld.MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        var session = await world.MemberAsync();
        (await world.DeleteAsync($"{Path}/{point}", session)).Is(202);
        (await world.PostAsync($"{Path}/{point}/protect", session, new { })).Is(409, "point-not-active");
        (await world.DeleteAsync($"{Path}/{point}", session)).Is(409, "point-not-active");
        (await world.PostAsync($"{Path}/{point}/restores", session, new { target = "newServer", name = "again" }))
            .Is(409, "point-not-active");
        Assert.Equal("False", (await world.GetAsync($"{Path}/{point}", session)).Is(200)["isProtected"]);
        Assert.Empty(await world.SentAsync(MessageJson.Default.ProtectPoint));
    }

    [Fact]
    public async Task A_point_is_deleted_and_brought_back_by_the_vBackup_service()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var (active, binned) = (await world.PointAsync(server, location),
            await world.PointAsync(server, location, RestorePointState.SoftDeleted));
        var session = await world.MemberAsync();
        (await world.DeleteAsync($"{Path}/{active}", session)).Is(202);
        Assert.Equal(new DeletePoint(active, world.Project, false), Assert.Single(await world.SentAsync(MessageJson.Default.DeletePoint)));
        // Else rules that do not keep it would have it back in the bin at once.
        Assert.Equal("True", (await world.PostAsync($"{Path}/{binned}/undelete", session, new { })).Is(202)["isProtected"]);
        Assert.Equal(new UndeletePoint(binned, world.Project), Assert.Single(await world.SentAsync(MessageJson.Default.UndeletePoint)));
        (await world.DeleteAsync($"{Path}/{binned}", session)).Is(409, "point-not-active");
        (await world.PostAsync($"{Path}/{active}/undelete", session, new { })).Is(409, "point-not-in-bin");
        Assert.Equal(["deletePoint", "undeletePoint"], await world.AuditAsync());
    }

    [Fact]
    public async Task A_point_says_what_keeps_it_or_when_and_why_it_goes()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location, policy) = (await world.ServerAsync(), await world.LocationAsync(), await world.PolicyAsync(keep: 1));
        var now = world.Clock.GetUtcNow();
        var old = await world.PointAsync(server, location, at: now.AddDays(-2));
        var recent = await world.PointAsync(server, location, at: now.AddDays(-1));
        var manual = await world.PointAsync(server, location, trigger: RunTrigger.Manual, at: now.AddDays(-3));
        var binned = await world.PointAsync(server, location, RestorePointState.SoftDeleted, at: now.AddDays(-4));
        var session = await world.MemberAsync();
        Assert.Equal("noPolicy", await KeptByAsync(old));
        await world.PlanAsync(server, location, policy);
        Assert.Equal("daily", await KeptByAsync(recent));
        Assert.Equal("manual", await KeptByAsync(manual));
        Assert.Empty((await world.GetAsync($"{Path}/{binned}/explain", session)).Is(200).Json.GetProperty("keeps").EnumerateArray());
        var goes = (await world.GetAsync($"{Path}/{old}/explain", session)).Is(200).Json.GetProperty("goes");
        Assert.Equal(("noRuleKeepsIt", "policyChange", now.AddMinutes(1), "daily: 1 newer copies"), (goes.GetProperty("reason").GetString(),
            goes.GetProperty("heldBy").GetString(), goes.GetProperty("at").GetDateTimeOffset(),
                goes.GetProperty("because")[0].GetString()));

        async Task<string?> KeptByAsync(RestorePointId point) =>
            (await world.GetAsync($"{Path}/{point}/explain", session)).Is(200).Json.GetProperty("keeps")[0].GetProperty("by").GetString();
    }

    [Fact]
    public async Task A_point_that_its_locations_lock_holds_is_not_deleted_and_is_explained_so()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var manual = await world.PointAsync(server, location, trigger: RunTrigger.Manual);
        var until = world.Clock.GetUtcNow() + TimeSpan.FromDays(30);
        await world.LockAsync(location, new(MinDays: 30, MaxDays: 90, until));
        var session = await world.MemberAsync();
        var refused = (await world.DeleteAsync($"{Path}/{manual}", session)).Is(409, "point-locked");
        Assert.Contains($"{until:u}", refused["detail"], StringComparison.Ordinal);
        var explained = (await world.GetAsync($"{Path}/{manual}/explain", session)).Is(200);
        Assert.Equal(until, explained.Json.GetProperty("lockedUntil").GetDateTimeOffset());
        Assert.Equal("olderThanLocationAllows", explained.Json.GetProperty("goes").GetProperty("reason").GetString());
        world.Clock.Advance(TimeSpan.FromDays(30));
        var later = await world.SignInAsync("member");
        Assert.Null((await world.GetAsync($"{Path}/{manual}/explain", later["token"])).Is(200)["lockedUntil"]);
        (await world.DeleteAsync($"{Path}/{manual}", later["token"])).Is(202);
    }

    [Fact]
    public async Task What_no_rule_keeps_waits_for_the_lock()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        await world.PlanAsync(server, location, await world.PolicyAsync(keep: 1));
        var older = await world.PointAsync(server, location);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        await world.PointAsync(server, location);
        await world.LockAsync(location, new(MinDays: 30, null, world.Clock.GetUtcNow()));
        var goes = (await world.GetAsync($"{Path}/{older}/explain", await world.MemberAsync())).Is(200).Json.GetProperty("goes");
        Assert.Equal("locationLock", goes.GetProperty("heldBy").GetString());
        await new Plans.PlanClockwork(world.Changes).TurnAsync(default);
        Assert.Empty(await world.SentAsync(MessageJson.Default.DeletePoint));
        world.Clock.Advance(TimeSpan.FromDays(30));
        await new Plans.PlanClockwork(world.Changes).TurnAsync(default);
        Assert.Equal(older, Assert.Single(await world.SentAsync(MessageJson.Default.DeletePoint)).Point);
    }

    [Fact]
    public async Task A_restore_is_asked_for_once_for_each_key_and_can_be_followed_at_once()
    {
        await using var world = await PortalWorld.MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        var session = await world.MemberAsync();
        var body = new { target = "newVolume", name = "web-data-again", volume = "vdb" };
        var started = (await world.PostAsync($"{Path}/{point}/restores", session, body, ("Idempotency-Key", "k"))).Is(202);
        Assert.Equal(started["run"],
            (await world.PostAsync($"{Path}/{point}/restores", session, body, ("Idempotency-Key", "k"))).Is(202)["run"]);
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.StartRestore));
        Assert.Equal(new StartRestore(order.Run, world.Project, point, RestoreTarget.NewVolume, "web-data-again", "vdb", false,
            RunTrigger.Manual), order);
        var run = (await world.GetAsync(started.Headers["Location"], session)).Is(200);
        Assert.Equal((order.Run.ToString(), "restore", "waiting"), (run["id"], run["kind"], run["state"]));
        (await world.PostAsync($"{Path}/{point}/restores", session, new { target = "original", stopsServer = true })).Is(202);
        (await world.PostAsync($"{Path}/{point}/restores", session, new { target = "newServer", name = "web-2" })).Is(202);
        Assert.Equal(3, (await world.SentAsync(MessageJson.Default.StartRestore)).Count);
    }

    [Theory]
    [InlineData("{}", "target")]
    [InlineData("{\"target\":\"elsewhere\"}", "target")]
    [InlineData("{\"target\":\"newServer\"}", "name")]
    [InlineData("{\"target\":\"newServer\",\"name\":\"two words\"}", "name")]
    [InlineData("{\"target\":\"newServer\",\"name\":\"x\",\"stopsServer\":true}", "stopsServer")]
    [InlineData("{\"target\":\"newVolume\",\"name\":\"x\"}", "volume")]
    [InlineData("{\"target\":\"newVolume\",\"name\":\"x\",\"volume\":\"vdz\"}", "volume")]
    [InlineData("{\"target\":\"original\",\"name\":\"x\"}", "name")]
    public async Task A_restore_that_makes_no_sense_is_refused_by_the_name_of_the_member(string body, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, $"{Path}/{point}/restores", await world.MemberAsync(), content))
            .Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task A_restore_that_cannot_be_now_is_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (web, gone, location) = (await world.ServerAsync(), await world.ServerAsync("gone", isGone: true), await world.LocationAsync());
        var session = await world.MemberAsync();
        var original = new { target = "original", stopsServer = true };
        await RefusedAsync(await world.PointAsync(web, location, RestorePointState.SoftDeleted), "point-not-active");
        await RefusedAsync(await world.PointAsync(web, location, RestorePointState.Creating), "point-not-active");
        await RefusedAsync(await world.PointAsync(gone, location), "server-gone");
        var point = await world.PointAsync(web, location);
        await world.RunAsync(web);
        await RefusedAsync(point, "run-going-on");
        Assert.Empty(await world.SentAsync(MessageJson.Default.StartRestore));

        async Task RefusedAsync(RestorePointId which, string code) =>
            (await world.PostAsync($"{Path}/{which}/restores", session, original)).Is(409, code);
    }

    [Theory]
    [InlineData(1 << 29, "vdb", null, "Server web has no disk vda any more; the volume pool/web-b, disk vdb of web, has 536870912 "
        + "bytes now and had 1073741824. Restore to new volumes, or a new server.")]
    [InlineData(1 << 30, "vdb", null, "Server web has no disk vda any more. The other volumes can be restored in place one by one, and all "
        + "of them to new volumes or a new server.")]
    [InlineData(1 << 30, "vdb", "vda", "Server web has no disk vda any more. Restore to new volumes, or a new server.")]
    [InlineData(1 << 30, "vdb", "vdb", null)]
    [InlineData(null, "vdb", "vdb", null)]
    public async Task A_restore_in_place_of_volumes_that_are_gone_or_have_another_size_is_refused_by_name(
        int? lengthBytes, string disk, string? only, string? refusal)
    {
        await using var world = await PortalWorld.MakeAsync();
        var row = new ServerRow(Things.Region, "id-of-web", world.Project);
        // The other one of the point's two is not there.
        row.WasSeen(new(row.ServerId, "web", "running", [new(disk, "pool/web-b", lengthBytes, null)]), world.Clock.GetUtcNow());
        await world.SaveAsync(row);
        var (point, session) = (await world.PointAsync(row.Ref, await world.LocationAsync()), await world.MemberAsync());
        var answer = await world.PostAsync($"{Path}/{point}/restores", session,
            new { target = "original", stopsServer = true, volume = only });
        if (refusal is null) answer.Is(202);
        else Assert.Equal(refusal, answer.Is(409, "volume-changed")["detail"]);
        (await world.PostAsync($"{Path}/{point}/restores", session, new { target = "newServer", name = "web-2" })).Is(202);
    }

    [Fact]
    public async Task The_target_says_which_permission_a_restore_needs()
    {
        await using var world = await PortalWorld.MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        await world.SaveAsync(new CustomRole(world.Project, "volumes", [Permission.RestoreVolume]));
        await world.SaveAsync(new CustomRole(world.Project, "servers", [Permission.RestoreServer]));
        var (volumes, servers) = (await world.MemberAsync("volumes", "one"), await world.MemberAsync("servers", "two"));
        object toVolume = new { target = "newVolume", name = "x", volume = "vda" }, toServer = new { target = "newServer", name = "x" };
        Assert.Equal("RestoreServer", (await world.PostAsync($"{Path}/{point}/restores", volumes, toServer)).Is(403,
            "permission-needed")["permission"]);
        Assert.Equal("RestoreVolume", (await world.PostAsync($"{Path}/{point}/restores", servers, toVolume)).Is(403,
            "permission-needed")["permission"]);
        (await world.PostAsync($"{Path}/{point}/restores", volumes, toVolume)).Is(202);
        (await world.PostAsync($"{Path}/{point}/restores", servers, toServer)).Is(202);
    }
}
