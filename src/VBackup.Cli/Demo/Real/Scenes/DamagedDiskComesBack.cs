using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>A disk of the original is overwritten, restored in place, and boots.</summary>
static class DamagedDiskComesBack
{
    const int DamagedBytes = 24 << 20, PieceBytes = 4 << 20;
    const int Seed = 20260;
    static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(60);

    public static async Task PlayAsync(Stage stage)
    {
        var point = stage.Points[^1];
        var server = await stage.Cloud.Hypervisor.FindAsync(stage.Server, stage.Cancellation).ConfigureAwait(false)
            ?? throw Stage.Broken($"there is no server {stage.Server} any more");
        await stage.Report.TimeAsync("damage a disk of the original", async () =>
        {
            await stage.Cloud.Hypervisor.StopAsync(stage.Server, s_stopLimit, stage.Cancellation).ConfigureAwait(false);
            await DamageAsync(stage, server.Disks[0].Volume).ConfigureAwait(false);
            var journal = await LookAtDisksAsync(stage, [.. server.Disks.Select(disk => disk.Volume)]).ConfigureAwait(false);
            return journal.IsInOrder
                ? throw Stage.Broken("the damaged disk passed for a sound one") : new("ORDER-BROKEN, as it must be");
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("restore it in place", async () =>
        {
            var restored = await stage.OnEdgeAsync("restore", point.Id, "--to", "original").ConfigureAwait(false);
            return new("what differed was written, everything read back", restored.GetProperty("logicalBytes").GetInt64());
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("boot the original", () => NewServerBoots.BootAsync(stage, stage.Server, point)).ConfigureAwait(false);
        foreach (var name in await stage.SnapshotsAsync("list").ConfigureAwait(false))
        {
            await stage.ReleaseAsync(name).ConfigureAwait(false);
            stage.Report.Say($"  gave up the safety snapshot {name}");
        }
    }

    static async Task DamageAsync(Stage stage, VolumeId volume)
    {
        var noise = new byte[PieceBytes];
        new Random(Seed).NextBytes(noise);
        var writer = await stage.Cloud.Storage.OpenWriterAsync(volume, new(), stage.Cancellation).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            for (var at = 0; at < DamagedBytes; at += PieceBytes)
                await writer.WriteAsync(at, noise, stage.Cancellation).ConfigureAwait(false);
            await writer.FlushAsync(stage.Cancellation).ConfigureAwait(false);
        }
    }

    static async Task<JournalState> LookAtDisksAsync(Stage stage, IReadOnlyList<VolumeId> disks)
    {
        var images = disks.Select((_, number) => stage.FileFor($"disk-{number}.raw")).ToList();
        for (var i = 0; i < images.Count; i++)
            await stage.Lab.RbdAsync("export", "--no-progress", disks[i].Value, images[i]).ConfigureAwait(false);
        var journal = await stage.Lab.CheckJournalAsync(images[0], images[1]).ConfigureAwait(false);
        images.ForEach(File.Delete);
        return journal;
    }
}
