using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Images;

/// <summary>Volumes on real Ceph go to image files on real CephFS and come back.</summary>
public sealed class RealImageTests
{
    const int Length = 40 << 20;

    [Fact]
    public async Task A_volume_goes_to_CephFS_as_raw_and_as_qcow2_and_comes_back_bit_for_bit()
    {
        ImageFiles.NeedQemu();
        using var folder = CephFsFolder.Make();
        await using var world = await EdgeWorld.OfRealServerAsync();
        var content = ImageFiles.Sparse(5, Length);
        await ImageFiles.WriteSparseAsync(folder["first.raw"], content);
        var volume = $"rbd/{Path.GetFileName(world.Vault.Folder)}";
        try
        {
            var imported = (await world.OnCloudAsync("import-image", folder["first.raw"], "--new-volume", $"{volume}-a")).Expect(0).Last;
            Assert.InRange(imported.GetProperty("writtenBytes").GetInt64(), 210_000, 600_000);
            Assert.Equal(content, await ReadAsync(world, $"{volume}-a"));
            // What our own snapshot of one volume, here with the name 'export', is called on Ceph.
            (await RbdAsync("snap", "create", "--no-progress", $"{volume}-a@vb.export.g")).Expect(0);

            foreach (var (name, letter) in (IEnumerable<(string, string)>)[("second.raw", "b"), ("second.qcow2", "c")])
            {
                var exported = (await world.OnCloudAsync("export-image", "--snapshot", "export", "--volume", $"{volume}-a", "--to",
                    folder[name]))
                    .Expect(0).Last;
                Assert.Equal(ImageFiles.DigestOf(content), exported.GetProperty("sha256").GetString());
                imported = (await world.OnCloudAsync("import-image", folder[name], "--new-volume", $"{volume}-{letter}")).Expect(0).Last;
                Assert.True(imported.GetProperty("verified").GetBoolean());
                Assert.Equal(content, await ReadAsync(world, $"{volume}-{letter}"));
            }
            Assert.Equal(content, await File.ReadAllBytesAsync(folder["second.raw"]));
            await ImageFiles.CheckDigestFileAsync(folder["second.raw.sha256"]);
            await ImageFiles.CheckQcow2Async(folder["second.qcow2"], content);
            Assert.Equal(["first.raw", "second.qcow2", "second.qcow2.raw-sha256", "second.raw", "second.raw.sha256"], folder.Files());
        }
        finally
        {
            await RbdAsync("snap", "purge", "--no-progress", $"{volume}-a");
            foreach (var letter in (string[])["a", "b", "c"]) await RbdAsync("rm", "--no-progress", $"{volume}-{letter}");
        }
    }

    [Fact]
    public async Task A_running_server_s_snapshot_and_the_point_that_was_made_of_it_export_alike()
    {
        using var folder = CephFsFolder.Make();
        await using var world = await EdgeWorld.OfRealServerAsync();
        var before = await world.SnapshotNamesAsync();
        var point = (await world.BackUpAsync("--volumes", "vdb")).Expect(0).Last.GetProperty("point").GetString()!;
        var snapshot = Assert.Single((await world.SnapshotNamesAsync()).Except(before));
        try
        {
            var fromSnapshot = (await world.OnCloudAsync("export-image", "--snapshot", snapshot, "--server",
                Environment.GetEnvironmentVariable("VBACKUP_TEST_SERVER")!, "--volume", "vdb", "--to", folder["s.raw"])).Expect(0).Last;
            var fromPoint = (await world.ExportAsync(point, folder["p.raw"])).Expect(0).Last;
            Assert.Equal(fromSnapshot.GetProperty("sha256").GetString(), fromPoint.GetProperty("sha256").GetString());
            foreach (var name in (string[])["s.raw.sha256", "p.raw.sha256"]) await ImageFiles.CheckDigestFileAsync(folder[name]);
        }
        finally
        {
            (await world.ReleaseAsync(snapshot)).Expect(0);
        }
    }

    [Fact]
    public async Task An_image_on_CephFS_that_is_not_what_its_digest_says_leaves_no_volume_on_Ceph()
    {
        using var folder = CephFsFolder.Make();
        await using var world = await EdgeWorld.OfRealServerAsync();
        var volume = $"rbd/{Path.GetFileName(world.Vault.Folder)}";
        await ImageFiles.WriteSparseAsync(folder["a.raw"], ImageFiles.Sparse(6, Length));
        ImageFiles.ExpectOneLine(await world.OnCloudAsync("import-image", folder["a.raw"], "--new-volume", volume, "--sha256",
            new string('0', 64)),
            "not what its digest says");
        Assert.NotEqual(0, (await RbdAsync("info", volume)).Status);
    }

    static async Task<byte[]> ReadAsync(EdgeWorld world, string volume)
    {
        var file = world.Vault["exported"];
        (await RbdAsync("export", "--no-progress", volume, file)).Expect(0);
        var content = await File.ReadAllBytesAsync(file);
        File.Delete(file);
        return content;
    }

    static Task<Ended> RbdAsync(params string[] arguments) => CliProcess.RunAsync(
        ["-c", Environment.GetEnvironmentVariable("CEPH_CONF")!, .. arguments], program: "/usr/bin/rbd");
}
