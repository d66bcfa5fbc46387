using VBackup.Contracts.Messages;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class VolumeRouteTests
{
    const string Path = "/api/v1/servers/hn1/id-of-web";

    [Fact]
    public async Task A_volume_tells_what_it_holds_and_which_snapshots_keep_of_it()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.SnapshotAsync(server, "by-hand");
        await world.SnapshotAsync(server, "long-gone", SnapshotState.Removed);
        var session = await world.MemberAsync();
        Assert.Equal(["vda", "vdb"], (await world.GetAsync(Path + "/volumes", session)).Is(200).Items("name"));
        var vda = (await world.GetAsync(Path + "/volumes/vda", session)).Is(200);
        Assert.Equal(("pool/web-a", "1073741824", "1048576", "False"), (vda["volume"], vda["lengthBytes"], vda["usedBytes"],
            vda["isFree"]));
        var held = Assert.Single(vda.Json.GetProperty("snapshots").EnumerateArray());
        Assert.Equal(("by-hand", "manual"), (held.GetProperty("name").GetString(), held.GetProperty("purpose").GetString()));
        Assert.Equal("True", (await world.GetAsync(Path + "/volumes/vdb", session)).Is(200)["isFree"]);
        (await world.GetAsync(Path + "/volumes/vdz", session)).Is(404, "not-found");
    }

    [Fact]
    public async Task Volumes_are_given_free_unless_what_users_took_stands_against_it()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        await world.PlanAsync(server, await world.LocationAsync(), await world.PolicyAsync());
        await world.SnapshotAsync(server, "base", SnapshotState.Base, SnapshotPurpose.Backup);
        var session = await world.MemberAsync();
        var freed = (await world.PostAsync(Path + "/free", session, new { })).Is(202);
        Assert.Equal("base", Assert.Single(freed.Json.GetProperty("removed").EnumerateArray()).GetProperty("name").GetString());
        Assert.Contains("The plan is enabled", freed["notes"], StringComparison.Ordinal);
        await world.SnapshotAsync(server, "by-hand");
        var refused = (await world.PostAsync(Path + "/free", session, new { })).Is(409, "snapshot-in-use", "removesSnapshots");
        Assert.Contains("by-hand", refused["detail"], StringComparison.Ordinal);
        (await world.PostAsync(Path + "/free", session, new { volumes = new[] { "vdz" } })).Is(400, "wrong-input", "volumes");
        (await world.PostAsync(Path + "/free", session, new { volumes = new[] { "vda" }, removesSnapshots = true })).Is(202);
        Assert.Equal([(null, false), ("pool/web-a", true)], (await world.SentAsync(MessageJson.Default.FreeVolumes))
            .OrderBy(one => one.RemovesAll).Select(one => (one.Volumes?.Single(), one.RemovesAll)));
        await world.RunAsync(server);
        (await world.PostAsync(Path + "/free", session, new { })).Is(409, "run-going-on");
    }
}
