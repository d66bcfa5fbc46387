using System.Text;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class ImageRouteTests
{
    const string Import = "/api/v1/volumes/import-image";

    static Task<PortalWorld> MakeAsync() => PortalWorld.MakeAsync(new PortalApiOptions { HasImageFolder = true });

    [Fact]
    public async Task An_export_is_asked_for_once_for_each_key_and_can_be_followed_at_once()
    {
        await using var world = await MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        var session = await world.MemberAsync();
        var (path, body) = ($"/api/v1/points/{point}/export-image", new { volume = "vdb", file = "web.qcow2", format = "raw" });
        var started = (await world.PostAsync(path, session, body, ("Idempotency-Key", "k"))).Is(202);
        Assert.Equal(started["run"], (await world.PostAsync(path, session, body, ("Idempotency-Key", "k"))).Is(202)["run"]);
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.ExportImage));
        Assert.Equal(new(order.Run, world.Project, point, "vdb", "web.qcow2", ImageFormatView.Raw), order);
        var run = (await world.GetAsync(started.Headers["Location"], session)).Is(200);
        Assert.Equal((order.Run.ToString(), "exportImage", "waiting", point.ToString()),
            (run["id"], run["kind"], run["state"], run["point"]));
        Assert.Equal(["exportImage"], await world.AuditAsync());
    }

    [Fact]
    public async Task An_import_goes_beside_the_servers_volumes_and_has_neither_point_nor_location()
    {
        await using var world = await MakeAsync();
        var server = await world.ServerAsync();
        var session = await world.MemberAsync();
        var started = (await world.PostAsync(Import, session, new { server, file = "web.raw", name = "copy" })).Is(202);
        var order = Assert.Single(await world.SentAsync(MessageJson.Default.ImportImage));
        Assert.Equal(new(order.Run, world.Project, server, "web", "pool/web-a", "web.raw", null, "copy"), order);
        var run = (await world.GetAsync(started.Headers["Location"], session)).Is(200);
        Assert.Equal(("importImage", null, null), (run["kind"], run["point"], run["location"]));
        Assert.Single((await world.GetAsync("/api/v1/runs?kind=importImage", session)).Is(200).Items("id"));
        Assert.Equal(["importImage"], await world.AuditAsync());
    }

    [Theory]
    [InlineData("{\"volume\":\"vda\"}", "file")]
    [InlineData("{\"volume\":\"vda\",\"file\":\"../web.raw\"}", "file")]
    [InlineData("{\"volume\":\"vda\",\"file\":\".web\"}", "file")]
    [InlineData("{\"file\":\"web.raw\"}", "volume")]
    [InlineData("{\"volume\":\"vdz\",\"file\":\"web.raw\"}", "volume")]
    [InlineData("{\"volume\":\"vda\",\"file\":\"web.raw\",\"format\":\"vmdk\"}", "format")]
    public async Task A_wrong_export_is_refused_by_the_name_of_the_member(string body, string field)
    {
        await using var world = await MakeAsync();
        var point = await world.PointAsync(await world.ServerAsync(), await world.LocationAsync());
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, $"/api/v1/points/{point}/export-image", await world.MemberAsync(), content)).Is(400,
            "wrong-input", field);
    }

    [Theory]
    [InlineData("{\"file\":\"web.raw\",\"name\":\"copy\"}", "server.region")]
    [InlineData("{\"server\":{\"region\":\"hn1\"},\"file\":\"web.raw\",\"name\":\"copy\"}", "server.id")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"name\":\"copy\"}", "file")]
    [InlineData("{\"server\":{\"region\":\"hn1\",\"id\":\"id-of-web\"},\"file\":\"web.raw\",\"name\":\"other-pool/copy\"}", "name")]
    public async Task A_wrong_import_is_refused_by_the_name_of_the_member(string body, string field)
    {
        await using var world = await MakeAsync();
        await world.ServerAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, Import, await world.MemberAsync(), content)).Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task What_cannot_be_now_is_refused()
    {
        await using var world = await MakeAsync();
        var (location, session) = (await world.LocationAsync(), await world.MemberAsync());
        var (server, gone) = (await world.ServerAsync(), await world.ServerAsync("gone", isGone: true));
        var theirs = await world.ServerAsync("theirs", await world.ProjectAsync("other"));
        var binned = await world.PointAsync(server, location, RestorePointState.SoftDeleted);
        (await world.PostAsync($"/api/v1/points/{binned}/export-image", session, new { volume = "vda", file = "x" })).Is(409,
            "point-not-active");
        (await world.PostAsync(Import, session, new { server = gone, file = "x", name = "copy" })).Is(409, "server-gone");
        (await world.PostAsync(Import, session, new { server = theirs, file = "x", name = "copy" })).Is(404, "not-found");
    }

    [Fact]
    public async Task Without_a_folder_for_images_both_are_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var point = await world.PointAsync(server, await world.LocationAsync());
        var session = await world.MemberAsync();
        (await world.PostAsync($"/api/v1/points/{point}/export-image", session, new { volume = "vda", file = "x" })).Is(409,
            "no-image-folder");
        (await world.PostAsync(Import, session, new { server, file = "x", name = "copy" })).Is(409, "no-image-folder");
    }

    [Fact]
    public async Task Who_may_ask_for_an_image_may_cancel_it_and_nothing_else()
    {
        await using var world = await MakeAsync();
        var server = await world.ServerAsync();
        var (export, import, restore) = (await world.RunAsync(server, kind: RunKind.ExportImage),
            await world.RunAsync(server, kind: RunKind.ImportImage),
            await world.RunAsync(server, kind: RunKind.Restore));
        await world.SaveAsync(new CustomRole(world.Project, "download", [Permission.DownloadRestorePoint]));
        var session = await world.MemberAsync("download");
        (await world.PostAsync($"/api/v1/runs/{export}/cancel", session, new { })).Is(202);
        Assert.Equal("RestoreVolume",
            (await world.PostAsync($"/api/v1/runs/{import}/cancel", session, new { })).Is(403, "permission-needed")["permission"]);
        Assert.Equal("RestoreServer",
            (await world.PostAsync($"/api/v1/runs/{restore}/cancel", session, new { })).Is(403, "permission-needed")["permission"]);
    }
}
