using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A server whose volumes a restore in place has left half written is not backed up until they are whole again.</summary>
public sealed class HalfRestoredTests
{
    static readonly VolumeId s_volume = new("web-vda");

    [Fact]
    public async Task A_restore_that_failed_in_mid_write_is_told_by_the_next_backup_until_its_snapshot_is_rolled_back_to()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content()));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        var changed = new byte[300_000];
        await File.WriteAllBytesAsync(world.VolumePath(s_volume.Value), changed);
        var packs = world.Path($"location/{world.Project}/packs");
        foreach (var pack in Directory.EnumerateFiles(packs, "*", SearchOption.AllDirectories).ToList())
            File.Move(pack, world.Path(Path.GetFileName(pack)));

        var restore = await world.OrderRestoreAsync(backup.Point);
        await world.SettleAsync();
        Assert.Equal(RunState.Failed, world.Portal.Run(restore.Run).State);
        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety).Instant;
        Assert.Equal(safety, (await world.Cloud.Storage.FindRestoreNoteAsync(s_volume, default))?.SafetySnapshot);

        var refused = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        var run = world.Portal.Run(refused.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.Contains("is partly overwritten by a restore", run.Error, StringComparison.Ordinal);
        Assert.Contains($"roll back to the safety snapshot {safety}", run.Error, StringComparison.Ordinal);
        Assert.Equal(safety, Assert.Single(await world.SnapshotNamesAsync("web")));
        Assert.Equal(1, world.VaultPoints);

        await world.Backup.MakeAsync(change =>
        {
            change.Send(Destination.Snapshots(ServiceWorld.Region),
                new RollBackSnapshot(SnapshotId.From(restore.Run.Value), world.Project), MessageJson.Default.RollBackSnapshot);
            return Task.CompletedTask;
        }, default);
        await world.SettleAsync();
        Assert.Equal(changed, await File.ReadAllBytesAsync(world.VolumePath(s_volume.Value)));
        Assert.Null(await world.Cloud.Storage.FindRestoreNoteAsync(s_volume, default));
    }

    [Fact]
    public async Task The_snapshot_that_alone_has_the_volume_as_it_was_goes_neither_by_itself_nor_when_a_user_deletes_it()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (backup, safety) = await FailInMidWriteAsync(world);
        world.Clock.Advance(TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1));
        await world.SettleAsync();
        await ExpectKeptAsync(world, safety);
        Assert.Equal(world.Clock.GetUtcNow() + TimeSpan.FromDays(1), Of(world, safety).KeptUntil);
        await world.TellSnapshotsAsync(new RemoveSnapshot(safety, world.Project), MessageJson.Default.RemoveSnapshot);
        await world.SettleAsync();
        await ExpectKeptAsync(world, safety);

        // Whole again, nothing needs it, and its days are over.
        var again = await world.OrderRestoreAsync(backup);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(again.Run).State);
        world.Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        await world.SettleAsync();
        Assert.Equal(SnapshotState.Removed, Of(world, safety).State);
    }

    [Fact]
    public async Task Who_gives_the_volumes_free_of_all_snapshots_gives_up_the_way_back_too()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (_, safety) = await FailInMidWriteAsync(world);
        var server = Of(world, safety).Server;
        await world.TellSnapshotsAsync(new FreeVolumes(world.Project, server, null, RemovesAll: false), MessageJson.Default.FreeVolumes);
        await world.SettleAsync();
        Assert.Equal((SnapshotState.Ready, null), (Of(world, safety).State, Of(world, safety).Error));
        await world.TellSnapshotsAsync(new FreeVolumes(world.Project, server, null, RemovesAll: true), MessageJson.Default.FreeVolumes);
        await world.SettleAsync();
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_survey_does_not_remove_the_way_back_although_its_row_was_lost()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (_, safety) = await FailInMidWriteAsync(world);
        await world.Snapshots.MakeAsync(async change =>
            change.Db.Snapshots.Remove((await change.Db.Snapshots.FindAsync(safety))!), default);
        var limits = new SnapshotLimits();
        for (var survey = 1; survey <= limits.SightingsMin; survey++)
        {
            world.Clock.Advance(limits.Grace);
            await new SnapshotSurvey(world.Snapshots, world.Cloud, ServiceWorld.Region, limits).TurnAsync(default);
        }
        await world.SettleAsync();
        var orphan = Assert.Single(world.Portal.Survey!.Orphans);
        Assert.Contains("is the only way back", orphan.Error, StringComparison.Ordinal);
        Assert.Equal(orphan.Instant, Assert.Single(await world.SnapshotNamesAsync("web")));
    }

    static async Task ExpectKeptAsync(ServiceWorld world, SnapshotId safety)
    {
        var told = Of(world, safety);
        Assert.Equal(SnapshotState.Ready, told.State);
        Assert.Contains("is partly overwritten by a restore", told.Error, StringComparison.Ordinal);
        Assert.Contains($"{told.Instant} is the only way back: restore again, or roll back to it", told.Error, StringComparison.Ordinal);
        Assert.Equal(told.Instant, Assert.Single(await world.SnapshotNamesAsync("web")));
    }

    static SnapshotChanged Of(ServiceWorld world, SnapshotId id) => world.Portal.Snapshots.Single(one => one.Snapshot == id);

    // The packs are back afterwards: another restore can succeed.
    static async Task<(RestorePointId Point, SnapshotId Safety)> FailInMidWriteAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", Content()));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await File.WriteAllBytesAsync(world.VolumePath(s_volume.Value), new byte[300_000]);
        var packs = Directory.EnumerateFiles(world.Path($"location/{world.Project}/packs"), "*", SearchOption.AllDirectories).ToList();
        foreach (var pack in packs) File.Move(pack, world.Path(Path.GetFileName(pack)));
        var restore = await world.OrderRestoreAsync(backup.Point);
        await world.SettleAsync();
        Assert.Equal(RunState.Failed, world.Portal.Run(restore.Run).State);
        foreach (var pack in packs) File.Move(world.Path(Path.GetFileName(pack)), pack);
        return (backup.Point, Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety).Snapshot);
    }

    [Fact]
    public async Task A_restore_that_ends_well_makes_whole_what_an_earlier_one_left()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content()));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await using (var writer = await world.Cloud.Storage.OpenWriterAsync(s_volume, new() { TakesOver = true }, default))
            await writer.NoteRestoreAsync(new("ab", world.Clock.GetUtcNow(), null), default);
        var refused = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal(RunState.Failed, world.Portal.Run(refused.Run).State);

        var restore = await world.OrderRestoreAsync(backup.Point);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(restore.Run).State);
        Assert.Equal(Content(), await File.ReadAllBytesAsync(world.VolumePath(s_volume.Value)));
        var again = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(again.Run).State, world.Portal.Run(again.Run).Error));
    }

    [Fact]
    public async Task A_base_that_was_removed_and_made_anew_under_its_name_makes_the_run_a_full_that_says_why()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content()));
        await world.OrderBackupAsync(server);
        await world.SettleAsync();
        var name = Assert.Single(await world.SnapshotNamesAsync("web"));
        var snapshots = world.Cloud.Storage.Snapshots;
        await snapshots.RemoveAsync(name, [s_volume], default);
        await File.WriteAllBytesAsync(world.VolumePath(s_volume.Value), new byte[300_000]);
        await snapshots.TakeAsync(name, [s_volume], default);

        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal(PointKind.Full, world.Portal.Point(backup.Point).Kind);
        Assert.Contains(world.Portal.Run(backup.Run).Notes, note => note.Contains("was removed and made anew", StringComparison.Ordinal));
    }

    static byte[] Content()
    {
        var content = new byte[300_000];
        new Random(5).NextBytes(content);
        return content;
    }
}
