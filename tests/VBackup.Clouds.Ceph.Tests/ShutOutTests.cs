using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>A client that an operator has shut out (blocklisted) while it reads: nobody takes over from it.</summary>
public sealed class ShutOutTests(CephLab lab)
{
    const int LengthBytes = 8 << 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whoever_is_shut_out_of_a_snapshot_says_so_and_leaves_none(int count)
    {
        CephLab.Skip();
        await using var storage = new CephStorage(CephLab.Settings);
        List<VolumeId> volumes = [];
        while (volumes.Count < count)
        {
            volumes.Add(await lab.NewVolumeAsync(LengthBytes));
            // What is not there is read without asking any disk.
            await using var writer = await lab.Storage.OpenWriterAsync(volumes[^1], new() { IsNew = true }, default);
            await writer.WriteAsync(0, new Random(1).RandomBytes(LengthBytes), default);
        }
        await storage.Snapshots.TakeAsync("instant", volumes, default);
        await using (var reader = await storage.Snapshots.OpenAsync("instant", volumes[0], default))
        {
            await ShutOutAsync(storage, volumes[0]);
            // A disk refuses those that its own map shuts out, and gets the newest map from whoever knows it and asks for something.
            await using (var knowing = await lab.Storage.Snapshots.OpenAsync("instant", volumes[0], default))
                await knowing.ReadAsync(0, new byte[LengthBytes], default);
            var failure = await Reading.FailsAsync(CloudFailure.InUse, () => reader.ReadAsync(0, new byte[LengthBytes], default).AsTask());
            Assert.Contains("blocklisted", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("took over", failure.Message, StringComparison.Ordinal);
        }
        await storage.Snapshots.RemoveAsync("instant", volumes, default);
        Assert.Empty(await lab.Storage.Snapshots.ListAsync(volumes, default));
        foreach (var volume in volumes)
            Assert.Empty((await CephLab.RbdAsync("snap", "ls", "--all", volume.Value)).Trim());
    }

    async Task ShutOutAsync(CephStorage storage, VolumeId volume)
    {
        // Whoever has an image open for writing is seen with the client's address.
        var address = await storage.RunAsync("look for", "own address", connection =>
        {
            using var image = RbdImage.Open(connection, storage.PathOf(volume), isReadOnly: false);
            return image.Watchers().Single(watcher => watcher.ClientId == connection.ClientId).Address;
        }, default);
        await lab.Storage.RunAsync("shut out", address, connection =>
        {
            connection.ShutOut(address, "test");
            return true;
        }, default);
    }
}
