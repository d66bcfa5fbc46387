using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Edge.Backups;
using VBackup.Service.Keys;
using VBackup.Services.Tests.World;
using VBackup.Vault.Catalog;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A server is backed up and restored by the services, from the order to the bytes.</summary>
public class BackupStoryTests
{
    const int Mebibyte = 1024 * 1024;

    private protected virtual Task<ServiceWorld> WorldAsync() => ServiceWorld.MakeAsync();

    [Fact]
    public async Task A_backup_ends_as_an_active_point_and_leaves_one_snapshot_as_base()
    {
        await using var world = await WorldAsync();
        var server = await world.AddServerAsync("web", ("vda", Noise(1, 3 * Mebibyte)), ("vdb", Noise(2, Mebibyte)));
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();

        var run = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Succeeded, null), (run.State, run.Error));
        // The worker was done before it had told of anything.
        Assert.Equal((4L * Mebibyte, 4L * Mebibyte), (run.DoneBytes, run.TotalBytes));
        var point = world.Portal.Point(order.Point);
        Assert.Equal((RestorePointState.Active, PointKind.Full, "crash"), (point.State, point.Kind, point.Consistency));
        Assert.Equal(["vda", "vdb"], point.Volumes.Select(volume => volume.Name));
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    [Theory]
    [InlineData(1, "single")]
    [InlineData(2, "group")]
    public async Task A_point_tells_how_its_instant_was_taken_and_what_its_server_was(int disks, string kind)
    {
        await using var world = await WorldAsync();
        string[] names = [.. Enumerable.Range(0, disks).Select(number => $"disk-{number}")];
        var server = await world.AddServerAsync("web", [.. names.Select(name => (name, Noise(1, Mebibyte)))]);
        await File.WriteAllTextAsync(world.Path("cloud/servers/web.json"), JsonSerializer.Serialize(new
        {
            state = "shutdown", processors = 2, memoryBytes = 4L << 30,
            disks = names.Select(name => new { name, volume = "web-" + name }),
        }));
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();

        var point = world.Portal.Point(order.Point);
        Assert.Equal((RestorePointState.Active, kind, 0), (point.State, point.InstantKind, point.SkewSeconds));
        var had = point.Configuration!;
        Assert.Equal(("lab", 2, 4L << 30), (had.Kind, had.Processors, had.MemoryBytes));
        Assert.Equal(names.Select(name => (name, "web-" + name)), had.Disks.Select(disk => (disk.Name, disk.Volume)));

        // Whoever has only the vault, as after the services are lost, reads the same there.
        var key = (await new ProjectKeys(world.Backup, world.Secrets).HandOutAsync(world.Project, default)).Text!;
        await using var vault = await OpenedVault.OpenAsync(world.Path($"location/{world.Project}"), key);
        var kept = EdgeDocument.Of(Assert.Single((await VaultCatalog.ListAsync(vault, withFreed: false, default)).Points).Point)!;
        Assert.Equal((kind, 0, 2, 4L << 30), (kept.InstantKind, kept.SkewSeconds, kept.Processors, kept.MemoryBytes));
    }

    [Fact]
    public async Task The_second_backup_is_incremental_and_the_first_ones_snapshot_goes()
    {
        await using var world = await WorldAsync();
        var content = Noise(1, 3 * Mebibyte);
        var server = await world.AddServerAsync("web", ("vda", content));
        await world.OrderBackupAsync(server);
        await world.SettleAsync();
        content[Mebibyte + 7] ^= 1;
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), content);
        var second = await world.OrderBackupAsync(server);
        await world.SettleAsync();

        Assert.Equal(RunState.Succeeded, world.Portal.Run(second.Run).State);
        var point = world.Portal.Point(second.Point);
        Assert.Equal(PointKind.Incremental, point.Kind);
        Assert.InRange(point.Volumes.Sum(volume => volume.ReadBytes), 1, Mebibyte);
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    [Theory]
    [InlineData(RestoreTarget.Original)]
    [InlineData(RestoreTarget.NewServer)]
    [InlineData(RestoreTarget.NewVolume)]
    public async Task A_restore_brings_back_the_very_bytes(RestoreTarget target)
    {
        await using var world = await WorldAsync();
        var (first, second) = (Noise(1, 3 * Mebibyte), Noise(2, Mebibyte));
        var server = await world.AddServerAsync("web", ("vda", first), ("vdb", second));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), Noise(3, 3 * Mebibyte));

        var restore = new StartRestore(world.Ids.New<RunId>(), world.Project, backup.Point, target,
            target == RestoreTarget.Original ? null : "copy", target == RestoreTarget.NewVolume ? "vda" : null, StopsServer: false,
                RunTrigger.Manual);
        await world.TellBackupAsync(restore, MessageJson.Default.StartRestore);
        await world.SettleAsync();

        var run = world.Portal.Run(restore.Run);
        Assert.Equal((RunState.Succeeded, null), (run.State, run.Error));
        // Written, and read back.
        var bytes = (target == RestoreTarget.NewVolume ? 3L : 4L) * Mebibyte;
        Assert.Equal((bytes, bytes, bytes), (run.DoneBytes, run.TotalBytes, run.CheckedBytes));
        var (vda, vdb) = target switch
        {
            RestoreTarget.Original => ("web-vda", "web-vdb"),
            RestoreTarget.NewServer => ("copy-vda", "copy-vdb"),
            _ => ("copy", null),
        };
        Assert.Equal(first, await File.ReadAllBytesAsync(world.VolumePath(vda)));
        if (vdb is not null) Assert.Equal(second, await File.ReadAllBytesAsync(world.VolumePath(vdb)));
        Assert.Equal(target == RestoreTarget.NewServer, world.Portal.Made is not null);
        if (world.Portal.Made is { } made)
            Assert.Equal((restore.Run, world.Project, (await world.Cloud.Hypervisor.FindAsync("copy", default))!.Id, "copy"),
                (made.Run, made.Project, made.Server.Id, made.ServerName));
        // In place: what there was can be gone back to, and nothing is built on what was before.
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    static byte[] Noise(int seed, int size)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
