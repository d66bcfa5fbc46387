using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A running server on Ceph, frozen by its agent: every point must be one instant of its two disks.</summary>
[Collection(RealEdge.Collection)]
public sealed class RealEdgeTests
{
    const int Incrementals = 3;

    [Fact]
    public async Task Points_of_a_running_server_are_frozen_instants_and_make_a_new_server()
    {
        await using var world = await EdgeWorld.OfRealServerAsync();
        var others = await RealEdge.OwnSnapshotsAsync(world);
        List<string> points = [];
        var copy = $"copy-of-{Path.GetFileName(world.Vault.Folder)}";
        try
        {
            for (var run = 0; run <= Incrementals; run++)
            {
                var backup = (await world.BackUpAsync()).Expect(0);
                Assert.Equal(run == 0 ? "full" : "incremental", backup.Last.GetProperty("type").GetString());
                points.Add(backup.Last.GetProperty("point").GetString()!);
                Assert.Single((await RealEdge.OwnSnapshotsAsync(world)).Except(others));
            }
            (await world.OnVaultAsync("compare", points[^1])).Expect(0);
            foreach (var point in points) await CheckJournalAsync(world, point);

            (await world.OnVaultAsync("restore", points[^1], "--to", "new-server", copy)).Expect(0);
            var made = (await world.ServersAsync()).Expect(0).Events.Single(item => item.GetProperty("name").GetString() == copy);
            Assert.Equal(("shutdown", 2), (made.GetProperty("state").GetString(), made.GetProperty("disks").GetArrayLength()));
        }
        finally
        {
            await RemoveServerAsync(copy);
            foreach (var name in (await RealEdge.OwnSnapshotsAsync(world)).Except(others))
                (await world.ReleaseAsync(name)).Expect(0);
        }
        Assert.Empty((await RealEdge.OwnSnapshotsAsync(world)).Except(others));
    }

    static async Task CheckJournalAsync(EdgeWorld world, string point)
    {
        string first = await RealEdge.RestoreDiskAsync(world, point, "vda"), second = await RealEdge.RestoreDiskAsync(world, point, "vdb");
        var (order, consistency, _) = await RealEdge.CheckJournalAsync(first, second);
        Assert.Equal(("ORDER-OK", "FROZEN"), (order, consistency));
        File.Delete(first);
        File.Delete(second);
    }

    static async Task RemoveServerAsync(string name)
    {
        var uri = Environment.GetEnvironmentVariable("VBACKUP_TEST_LIBVIRT_URI")!;
        await CliProcess.RunAsync(["-c", uri, "undefine", name], program: "/usr/bin/virsh");
        foreach (var disk in RealEdge.Disks)
            await CliProcess.RunAsync(["-c", Environment.GetEnvironmentVariable("CEPH_CONF")!, "rm", "--no-progress",
                $"rbd/{name}-{disk}"], program: "/usr/bin/rbd");
    }
}
