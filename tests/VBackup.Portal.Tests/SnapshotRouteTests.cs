using VBackup.Contracts.Messages;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class SnapshotRouteTests
{
    const string Path = "/api/v1/snapshots";

    [Fact]
    public async Task A_snapshot_is_asked_for_once_and_has_its_name_at_once()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        var body = new { server, name = "before_upgrade-1", volumes = new[] { "vda" }, keptDays = 3 };
        var taken = (await world.PostAsync(Path, session, body, ("Idempotency-Key", "k"))).Is(202);
        Assert.Equal(taken["id"], (await world.PostAsync(Path, session, body, ("Idempotency-Key", "k"))).Is(202)["id"]);
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.TakeServerSnapshot));
        Assert.Equal((null, server, "before_upgrade-1", SnapshotPurpose.Manual, world.Clock.GetUtcNow().AddDays(3)),
            (order.Run, order.Server, order.SnapshotName, order.Purpose, order.KeptUntil));
        Assert.Equal(["vda"], order.Disks);
        Assert.Equal("taking", (await world.GetAsync(taken.Headers["Location"], session)).Is(200)["state"]);
        (await world.PostAsync(Path, session, body)).Is(409, "name-taken", "name");
        (await world.PostAsync(Path, session, new { server, name = "for_ever" })).Is(202);
        Assert.Null((await world.SentAsync(MessageJson.Default.TakeServerSnapshot)).Single(one =>
            one.SnapshotName == "for_ever").KeptUntil);
        Assert.Equal(["createSnapshot", "createSnapshot"], await world.AuditAsync());
    }

    [Theory]
    [InlineData("{\"name\":\"snapshot\"}", "server")]
    [InlineData("{\"server\":{\"id\":\"id-of-web\"},\"name\":\"snapshot\"}", "server.region")]
    [InlineData(
        "{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"volume\":{\"region\":\"hn1\",\"id\":\"pool/web-a\"},\"name\":\"snapshot\"}", "server")]
    [InlineData("{\"volume\":{\"region\":\"hn1\"},\"name\":\"snapshot\"}", "volume.id")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"four\"}", "name")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"two words\"}", "name")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"snapshot\",\"keptDays\":0}", "keptDays")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"snapshot\",\"volumes\":[]}", "volumes")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"snapshot\",\"volumes\":[\"vdz\"]}", "volumes")]
    public async Task A_wrong_snapshot_is_refused_by_the_name_of_the_member(string body, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.ServerAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, Path, await world.MemberAsync(), content)).Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task Snapshots_are_listed_whatever_they_are_for()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.SnapshotAsync(server, "by-hand");
        await world.SnapshotAsync(server, "for-a-backup", SnapshotState.Base, SnapshotPurpose.Backup);
        var session = await world.MemberAsync();
        Assert.Equal(["by-hand", "for-a-backup"], await NamesAsync("?sort=name"));
        Assert.Equal(["for-a-backup"], await NamesAsync("?purpose=backup"));
        Assert.Equal(["by-hand"], await NamesAsync("?state=ready"));
        Assert.Equal(["by-hand"], await NamesAsync("?name=by-hand"));
        Assert.Empty(await NamesAsync("?server=hn1/another"));
        (await world.GetAsync(Path + "?purpose=fun", session)).Is(400, "wrong-input", "purpose");

        async Task<IEnumerable<string>> NamesAsync(string query) => (await world.GetAsync(Path + query, session)).Is(200).Items("name");
    }

    [Fact]
    public async Task A_snapshot_is_gone_back_to_and_deleted_unless_something_is_in_the_way()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var (manual, taking) = (await world.SnapshotAsync(server), await world.SnapshotAsync(server, "taking", SnapshotState.Taking));
        var backup = await world.SnapshotAsync(server, "backup", SnapshotState.Ready, SnapshotPurpose.Backup);
        var session = await world.MemberAsync();
        (await world.PostAsync($"{Path}/{taking}/rollback", session, new { })).Is(409, "snapshot-not-ready");
        (await world.DeleteAsync($"{Path}/{backup}", session)).Is(409, "snapshot-in-use");
        (await world.PostAsync($"{Path}/{backup}/rollback", session, new { })).Is(202);
        (await world.DeleteAsync($"{Path}/{manual}", session)).Is(202);
        Assert.Equal(new RollBackSnapshot(backup, world.Project),
            Assert.Single(await world.SentAsync(MessageJson.Default.RollBackSnapshot)));
        Assert.Equal(new RemoveSnapshot(manual, world.Project), Assert.Single(await world.SentAsync(MessageJson.Default.RemoveSnapshot)));
        var @base = await world.SnapshotAsync(server, "base", SnapshotState.Base, SnapshotPurpose.Backup);
        (await world.PostAsync($"{Path}/{@base}/rollback", session, new { volumes = new[] { "vdz" } })).Is(400, "wrong-input", "volumes");
        (await world.PostAsync($"{Path}/{@base}/rollback", session, new { volumes = new[] { "vda" } })).Is(202);
        Assert.Equal(["vda"], (await world.SentAsync(MessageJson.Default.RollBackSnapshot)).Single(one => one.Snapshot == @base).Disks);
        var safety = await world.SnapshotAsync(server, "safety", SnapshotState.Ready, SnapshotPurpose.Safety);
        await world.RunAsync(server);
        (await world.PostAsync($"{Path}/{manual}/rollback", session, new { })).Is(409, "run-going-on");
        (await world.DeleteAsync($"{Path}/{safety}", session)).Is(409, "run-going-on");
        Assert.Equal(["deleteSnapshot", "rollBackSnapshot", "rollBackSnapshot"], await world.AuditAsync());
    }

    [Fact]
    public async Task One_volume_is_named_as_its_storage_does()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        (await world.PostAsync(Path, session, new { volume = new { region = "hn1", id = "pool/web-b" }, name = "one-disk" })).Is(202);
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.TakeServerSnapshot));
        Assert.Equal(server, order.Server);
        Assert.Equal(["vdb"], order.Disks);
        (await world.PostAsync(Path, session, new { volume = new { region = "hn1", id = "pool/other" }, name = "one-disk2" })).Is(404,
            "not-found");
    }

    [Fact]
    public async Task More_snapshots_than_the_caps_allow_are_refused_with_the_reason()
    {
        await using var world = await PortalWorld.MakeAsync(new() { Snapshots = new() { PerVolume = 1, PerRegion = 3 } });
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        (await world.PostAsync(Path, session, new { server, name = "first", volumes = new[] { "vda" } })).Is(202);
        var refused = (await world.PostAsync(Path, session, new { server, name = "second" })).Is(409, "too-many-snapshots");
        Assert.Contains("The volume vda has 1", refused["detail"], StringComparison.Ordinal);
        (await world.PostAsync(Path, session, new { server, name = "third", volumes = new[] { "vdb" } })).Is(202);
        await world.SnapshotAsync(await world.ServerAsync("mail"), "theirs");
        refused = (await world.PostAsync(Path, session, new { server = new { region = "hn1", id = "id-of-mail" },
            name = "fourth" })).Is(409, "too-many-snapshots");
        Assert.Contains("The region has 3", refused["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_roll_back_is_told_of_at_once_and_nothing_else_is_done_with_the_snapshot_meanwhile()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var path = $"{Path}/{await world.SnapshotAsync(server, "before")}";
        var session = await world.MemberAsync();
        var tag = (await world.GetAsync(path, session)).Is(200).ETag;
        (await world.PostAsync(path + "/rollback", session, new { }, ("If-Match", "\"99999\""))).Is(412, "outdated");
        (await world.DeleteAsync(path, session, ("If-Match", "\"99999\""))).Is(412, "outdated");
        Assert.Equal("True", (await world.PostAsync(path + "/rollback", session, new { }, ("If-Match", tag))).Is(202)["isRollingBack"]);
        Assert.Equal("True", (await world.GetAsync(path, session)).Is(200)["isRollingBack"]);
        (await world.PostAsync(path + "/rollback", session, new { })).Is(409, "snapshot-in-use");
        (await world.DeleteAsync(path, session)).Is(409, "snapshot-in-use");
        (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/free", session, new { removesSnapshots = true }))
            .Is(409, "run-going-on");
        var point = await world.PointAsync(server, await world.LocationAsync());
        (await world.PostAsync($"/api/v1/points/{point}/restores", session, new { target = "original" })).Is(409, "run-going-on");
        Assert.Single(await world.SentAsync(MessageJson.Default.RollBackSnapshot));
        Assert.Empty(await world.SentAsync(MessageJson.Default.RemoveSnapshot));
    }

    [Fact]
    public async Task What_a_survey_found_is_shown_to_whose_server_it_is()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (mine, theirs) = (await world.ServerAsync(), await world.ServerAsync("theirs", await world.ProjectAsync("other")));
        await world.SaveAsync(new Servers.RegionRow("hn1", world.Project));
        await world.HearAsync(Report(1, Orphan(mine, "vb-old")));
        await world.HearAsync(Report(3, Orphan(mine, "vb-left"), Orphan(theirs, "vb-hidden")));
        await world.HearAsync(Report(2, Orphan(mine, "vb-older")));
        var session = await world.MemberAsync();
        Assert.Equal(["vb-left"], (await world.GetAsync(Path + "/orphans", session)).Is(200).Items("instant"));
        (await world.PostAsync(Path + "/surveys", session, new { region = "elsewhere" })).Is(400, "wrong-input", "region");
        (await world.PostAsync(Path + "/surveys", session, new { region = "hn1" })).Is(202);
        Assert.Equal(new("hn1"), Assert.Single(await world.SentAsync(MessageJson.Default.SurveySnapshots)));

        SnapshotsSurveyed Report(long version, params OrphanView[] orphans) => new("hn1", version, world.Clock.GetUtcNow(), orphans, []);

        OrphanView Orphan(ServerRef server, string name) =>
            new(server, "web", name, ["pool/web-a"], world.Clock.GetUtcNow(), world.Clock.GetUtcNow(), true, null, null);
    }
}
