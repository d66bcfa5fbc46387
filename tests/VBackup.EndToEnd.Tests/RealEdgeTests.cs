using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A running server on Ceph, frozen by its agent: every point must be one instant of its two disks.</summary>
public sealed class RealEdgeTests
{
    const int Incrementals = 3;

    [Fact]
    public async Task Points_of_a_running_server_are_frozen_instants_and_make_a_new_server()
    {
        await using var world = await EdgeWorld.OfRealServerAsync();
        var others = await OursAsync(world);
        List<string> points = [];
        var copy = $"copy-of-{Path.GetFileName(world.Vault.Folder)}";
        try
        {
            for (var run = 0; run <= Incrementals; run++)
            {
                var backup = (await world.BackUpAsync()).Expect(0);
                Assert.Equal(run == 0 ? "full" : "incremental", backup.Last.GetProperty("type").GetString());
                points.Add(backup.Last.GetProperty("point").GetString()!);
                Assert.Single((await OursAsync(world)).Except(others));
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
            foreach (var name in (await OursAsync(world)).Except(others)) (await world.SnapshotsAsync("release", name)).Expect(0);
        }
        Assert.Empty((await OursAsync(world)).Except(others));
    }

    static async Task<string[]> OursAsync(EdgeWorld world) =>
        [.. (await world.SnapshotNamesAsync()).Where(name => name.StartsWith("vb-", StringComparison.Ordinal))];

    static async Task CheckJournalAsync(EdgeWorld world, string point)
    {
        foreach (var disk in (string[])["vda", "vdb"])
            (await world.Vault.RunAsync("restore", point, "--volume", disk, "--target", world.Vault[disk])).Expect(0);
        var check = await CliProcess.RunAsync([Repository("lab/journal-check"), world.Vault["vda"], world.Vault["vdb"]], program: "/usr/bin/python3");
        Assert.StartsWith("ORDER-OK FROZEN", check.Expect(0).Output[^1], StringComparison.Ordinal);
        foreach (var disk in (string[])["vda", "vdb"]) File.Delete(world.Vault[disk]);
    }

    static async Task RemoveServerAsync(string name)
    {
        var uri = Environment.GetEnvironmentVariable("VBACKUP_TEST_LIBVIRT_URI")!;
        await CliProcess.RunAsync(["-c", uri, "undefine", name], program: "/usr/bin/virsh");
        foreach (var disk in (string[])["vda", "vdb"])
            await CliProcess.RunAsync(["-c", Environment.GetEnvironmentVariable("CEPH_CONF")!, "rm", "--no-progress", $"rbd/{name}-{disk}"], program: "/usr/bin/rbd");
    }

    static string Repository(string path)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "vBackup.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return Path.Combine(folder, path);
    }
}
