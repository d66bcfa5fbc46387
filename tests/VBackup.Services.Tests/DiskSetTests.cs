using System.Security.Cryptography;
using VBackup.Clouds.Ceph;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A server is backed up with other disks than last time: each point restores byte for byte.</summary>
public sealed class DiskSetTests
{
    const int Length = 3 * 1024 * 1024;
    static readonly string? s_ceph = Environment.GetEnvironmentVariable("VBACKUP_TEST_CEPH_CONF");

    [Fact]
    public async Task With_a_disk_that_was_attached_or_was_left_out_before_the_others_stay_incremental()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await RunAsync(world, "", others: PointKind.Incremental);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_backed_up_is_told_by_the_run_of_the_backup_and_by_that_of_the_restore()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[Length]));
        await File.WriteAllTextAsync(world.Path("cloud/servers/web.json"), """
            {"state":"shutdown","disks":[{"name":"vda","volume":"web-vda"}],
             "leftOut":[{"name":"vdb","reason":"a vhost-user device: not supported"}]}
            """);
        var all = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(all.Run).State, world.Portal.Run(all.Run).Error));
        Assert.Contains("the disk vdb of web is left out of the backup: a vhost-user device: not supported",
            world.Portal.Run(all.Run).Notes);
        var chosen = await world.OrderBackupAsync(server, disks: ["vda"]);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(chosen.Run).State);
        Assert.DoesNotContain(world.Portal.Run(chosen.Run).Notes, note => note.Contains("vdb", StringComparison.Ordinal));

        var restore = await world.OrderRestoreAsync(all.Point, RestoreTarget.NewServer, "web-2");
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(restore.Run).State, world.Portal.Run(restore.Run).Error));
        Assert.Contains("the server web-2 gets no disk vdb: it was left out of the backup (a vhost-user device: not supported)",
            world.Portal.Run(restore.Run).Notes);
    }

    /// <summary>Ceph holds other volumes together only when those of before have given way: then all are read in full. An instant of one
    /// volume is in nobody's way.</summary>
    [Fact]
    public async Task On_Ceph_a_disk_that_was_attached_or_was_left_out_before_makes_it_full()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(s_ceph), "needs the lab's Ceph: run ./test.sh");
        var prefix = $"rbd/disks-{RandomNumberGenerator.GetHexString(8, lowercase: true)}-";
        await using var world = await ServiceWorld.MakeAsync(storage: _ =>
            new CephStorage(new() { ConfigurationFile = s_ceph!, User = "backup" }));
        foreach (var name in (string[])["web-vda", "web-vdb", "web-vdc"])
            await world.Cloud.Storage.CreateAsync(new(prefix + name), Length, default);
        await RunAsync(world, prefix, others: PointKind.Full);
    }

    [Fact]
    public async Task On_Ceph_volumes_that_traded_names_are_read_in_full()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(s_ceph), "needs the lab's Ceph: run ./test.sh");
        var prefix = $"rbd/trade-{RandomNumberGenerator.GetHexString(8, lowercase: true)}-";
        await using var world = await ServiceWorld.MakeAsync(storage: _ =>
            new CephStorage(new() { ConfigurationFile = s_ceph!, User = "backup" }));
        Dictionary<string, byte[]> contents = [];
        foreach (var disk in (string[])["vda", "vdb"])
        {
            // As two that were made of one template: they differ in few bytes, which samples do not find.
            contents[disk] = new byte[Length];
            new Random(5).NextBytes(contents[disk]);
            contents[disk][Length / 2] = (byte)disk[^1];
            await world.Cloud.Storage.CreateAsync(new($"{prefix}web-{disk}"), Length, default);
            await WriteAsync(world.Cloud.Storage, new($"{prefix}web-{disk}"), contents[disk]);
        }
        var server = await world.DeclareServerAsync("web", "shutdown", ("vda", $"{prefix}web-vda"), ("vdb", $"{prefix}web-vdb"));
        var before = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(before.Run).State, world.Portal.Run(before.Run).Error));

        foreach (var (from, to) in ((string, string)[])[("vda", "away"), ("vdb", "vda"), ("away", "vdb")])
            await RenameAsync($"{prefix}web-{from}", $"{prefix}web-{to}");
        var after = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(after.Run).State, world.Portal.Run(after.Run).Error));
        Assert.Contains("another volume", string.Join('\n', world.Portal.Run(after.Run).Notes), StringComparison.Ordinal);
        Assert.Equal(contents["vdb"], await RestoreAsync(world, prefix, after.Point, "vda"));
        Assert.Equal(contents["vda"], await RestoreAsync(world, prefix, after.Point, "vdb"));

        // What is there now is not what was backed up then, whatever it is called.
        var back = await world.OrderRestoreAsync(before.Point, RestoreTarget.Original, null, volume: "vda");
        await world.SettleAsync();
        Assert.Contains("another than the one", world.Portal.Run(back.Run).Error, StringComparison.Ordinal);
    }

    static async Task RenameAsync(string from, string to)
    {
        using var rbd = System.Diagnostics.Process.Start("rbd", ["--conf", s_ceph!, "rename", from, to]);
        await rbd.WaitForExitAsync();
        Assert.Equal(0, rbd.ExitCode);
    }

    // First some of the disks, then one more, then without that, then with it again; between all of them the guest writes.
    static async Task RunAsync(ServiceWorld world, string prefix, PointKind others)
    {
        var random = new Random(17);
        const PointKind Full = PointKind.Full, Incremental = PointKind.Incremental;
        string[] all = ["vda", "vdb", "vdc"];
        var now = all.ToDictionary(disk => disk, _ => new byte[Length]);
        if (prefix.Length == 0) await world.AddServerAsync("web", [.. all.Select(disk => (disk, now[disk]))]);
        List<(RestorePointId Point, Dictionary<string, byte[]> Content)> points = [];
        foreach (var (attached, wanted, kinds) in ((string[], string[]?, PointKind[])[])[
            (["vda"], null, [Full]),
            (["vda", "vdb"], null, [Incremental, Full]),
            (all, null, [others, others, Full]),
            (all, null, [Incremental, Incremental, Incremental]),
            (all, ["vda", "vdb"], [others, others]),
            (all, null, [others, others, Full])])
        {
            foreach (var disk in all)
            {
                random.NextBytes(now[disk].AsSpan(random.Next(Length / 2), Length / 4));
                await WriteAsync(world.Cloud.Storage, new($"{prefix}web-{disk}"), now[disk]);
            }
            var server = await world.DeclareServerAsync("web", "shutdown", [.. attached.Select(disk => (disk, $"{prefix}web-{disk}"))]);
            var order = await world.OrderBackupAsync(server, disks: wanted);
            await world.SettleAsync();
            Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
            Assert.Equal((wanted ?? attached).Zip(kinds), world.Portal.Point(order.Point).Volumes.Select(volume =>
                (volume.Name, volume.Kind)));
            Assert.Single(await world.SnapshotNamesAsync("web"));
            points.Add((order.Point, (wanted ?? attached).ToDictionary(disk => disk, disk => (byte[])now[disk].Clone())));
        }
        foreach (var (point, content) in points)
            foreach (var (disk, expected) in content)
                Assert.Equal(expected, await RestoreAsync(world, prefix, point, disk));
    }

    static async Task<byte[]> RestoreAsync(ServiceWorld world, string prefix, RestorePointId point, string disk)
    {
        var name = (prefix.Length == 0 ? "" : Path.GetFileName(prefix)) + world.Ids.New<RunId>().Value.ToString("N");
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, name, volume: disk);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        await using var reader = await world.Cloud.Storage.OpenReaderAsync(new(prefix.Length == 0 ? name : $"rbd/{name}"), default);
        var content = new byte[reader.LengthBytes];
        await reader.ReadAsync(0, content, default);
        return content;
    }

    static async Task WriteAsync(IVolumeStorage storage, VolumeId volume, byte[] content)
    {
        await using var writer = await storage.OpenWriterAsync(volume, new(), default);
        await writer.WriteAsync(0, content, default);
        await writer.FlushAsync(default);
    }
}
