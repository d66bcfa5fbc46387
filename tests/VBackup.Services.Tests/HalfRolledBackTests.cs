using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using Xunit;
using static VBackup.Services.Tests.SnapshotServiceTests;

namespace VBackup.Services.Tests;

/// <summary>A server whose volumes a roll back has left half of what they were is not backed up until they are whole again.</summary>
public sealed class HalfRolledBackTests
{
    static readonly VolumeId[] s_volumes = [new("web-vda"), new("web-vdb")];

    [Fact]
    public async Task A_roll_back_that_failed_half_way_is_told_by_the_next_backup_until_it_is_done_again()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (server, snapshot, obstacle) = await FailHalfWayAsync(world);
        var instant = Of(world, snapshot).Instant!;
        Assert.Contains($"roll back to {instant} again", Of(world, snapshot).Error, StringComparison.Ordinal);
        foreach (var volume in s_volumes)
            Assert.Equal((instant, true), await NoteAsync(world, volume) is { } note ? (note.SafetySnapshot, note.IsRollBack) : default);
        var refused = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        foreach (var words in (string[])[$"a roll back to the snapshot {instant} that began at", $"or roll back to the snapshot {instant}"])
            Assert.Contains(words, world.Portal.Run(refused.Run).Error, StringComparison.Ordinal);

        obstacle.Delete();
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await world.SettleAsync();
        await ExpectWholeAsync(world, server, Content(1), Content(2));
        Assert.NotNull(Of(world, snapshot).RolledBackAt);
    }

    [Fact]
    public async Task The_snapshot_that_it_went_back_to_is_not_removed_and_what_was_before_is_a_way_back_too()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (server, snapshot, obstacle) = await FailHalfWayAsync(world);
        obstacle.Delete();
        await world.TellSnapshotsAsync(new RemoveSnapshot(snapshot, world.Project), MessageJson.Default.RemoveSnapshot);
        await world.SettleAsync();
        Assert.Equal(SnapshotState.Ready, Of(world, snapshot).State);
        Assert.Contains("is the only way back", Of(world, snapshot).Error, StringComparison.Ordinal);

        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety).Snapshot;
        await world.TellSnapshotsAsync(new RollBackSnapshot(safety, world.Project), MessageJson.Default.RollBackSnapshot);
        await world.SettleAsync();
        await ExpectWholeAsync(world, server, Content(3), Content(3));
    }

    // A base goes when a restore in place begins.
    [Fact]
    public async Task When_the_snapshot_that_it_went_back_to_is_gone_the_one_from_before_is_named_and_kept()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (server, snapshot, obstacle) = await FailHalfWayAsync(world);
        obstacle.Delete();
        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
        await world.Cloud.Storage.Snapshots.RemoveAsync(Of(world, snapshot).Instant!, s_volumes, default);
        var refused = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Contains($"or roll back to the snapshot {safety.Instant}", world.Portal.Run(refused.Run).Error, StringComparison.Ordinal);
        await world.TellSnapshotsAsync(new RemoveSnapshot(safety.Snapshot, world.Project), MessageJson.Default.RemoveSnapshot);
        await world.SettleAsync();
        Assert.Equal(SnapshotState.Ready, Of(world, safety.Snapshot).State);
    }

    [Fact]
    public async Task A_server_that_is_started_in_the_middle_makes_it_a_failure()
    {
        HeldReadingStorage? storage = null;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => storage = new(lab, new("none")));
        var server = await world.AddServerAsync("web", ("vda", Content(1)), ("vdb", Content(2)));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        storage!.InRollBack = () => DeclareAsync(world, "running");
        await RollBackAsync(world, snapshot);
        Assert.Null(Of(world, snapshot).RolledBackAt);
        Assert.Contains("server web was started while its volumes were rewritten", Of(world, snapshot).Error, StringComparison.Ordinal);
        Assert.Contains("stop it before it writes, and roll back again", Of(world, snapshot).Error, StringComparison.Ordinal);
        foreach (var volume in s_volumes) Assert.NotNull(await NoteAsync(world, volume));

        storage.InRollBack = null;
        await DeclareAsync(world, "shutdown");
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.SettleAsync();
        Assert.Null(Of(world, snapshot).RolledBackAt);
        await RollBackAsync(world, snapshot);
        Assert.NotNull(Of(world, snapshot).RolledBackAt);
        await ExpectWholeAsync(world, server, Content(1), Content(2));
    }

    static async Task<(ServerRef Server, SnapshotId Snapshot, DirectoryInfo Obstacle)> FailHalfWayAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", Content(1)), ("vdb", Content(2)));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        foreach (var volume in s_volumes) await File.WriteAllBytesAsync(world.VolumePath(volume.Value), Content(3));
        // What is to take the second one's place cannot be written.
        var obstacle = Directory.CreateDirectory(world.VolumePath("web-vdb") + ".new");
        await RollBackAsync(world, snapshot);
        Assert.Equal(Content(1), await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.Equal(Content(3), await File.ReadAllBytesAsync(world.VolumePath("web-vdb")));
        return (server, snapshot, obstacle);
    }

    static async Task ExpectWholeAsync(ServiceWorld world, ServerRef server, byte[] first, byte[] second)
    {
        Assert.Equal(first, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.Equal(second, await File.ReadAllBytesAsync(world.VolumePath("web-vdb")));
        foreach (var volume in s_volumes) Assert.Null(await NoteAsync(world, volume));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(backup.Run).State);
    }

    static Task<ServerRef> DeclareAsync(ServiceWorld world, string state) =>
        world.DeclareServerAsync("web", state, ("vda", "web-vda"), ("vdb", "web-vdb"));

    static Task<RestoreNote?> NoteAsync(ServiceWorld world, VolumeId volume) => world.Cloud.Storage.FindRestoreNoteAsync(volume, default);
}
