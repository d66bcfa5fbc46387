using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

public sealed class WriterTests(CephLab lab)
{
    const int LengthBytes = 8 << 20;

    [Fact]
    public async Task A_volume_that_is_being_rewritten_is_not_snapshotted_half_way()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        var writer = await lab.Storage.OpenWriterAsync(volume, new(), default);
        await using (writer)
        {
            await writer.WriteAsync(0, new byte[] { 1 }, default);
            await Reading.FailsAsync(CloudFailure.InUse, () => lab.Storage.Snapshots.TakeAsync("half-way", [volume], default));
        }
        Assert.True((await lab.Storage.Snapshots.TakeAsync("whole", [volume], default)).IsComplete);
        await lab.Storage.Snapshots.RemoveAsync("whole", [volume], default);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_volume_that_somebody_has_open_is_refused(bool takesOver)
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        using var guest = CephLab.NewGuest();
        await guest.WriteAsync(volume, 0, new byte[] { 1 });
        await Reading.FailsAsync(CloudFailure.InUse, () => lab.Storage.OpenWriterAsync(volume, new() { TakesOver = takesOver }, default));
        await guest.WriteAsync(volume, 1, new byte[] { 2 });
    }

    [Fact]
    public async Task There_is_one_writer_at_a_time()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        await using (await lab.Storage.OpenWriterAsync(volume, new(), default))
            await Reading.FailsAsync(CloudFailure.InUse, () => lab.Storage.OpenWriterAsync(volume, new(), default));
        await using var next = await lab.Storage.OpenWriterAsync(volume, new(), default);
        await next.WriteAsync(0, new byte[] { 1 }, default);
    }

    [Fact]
    public async Task Who_opens_a_volume_that_is_being_written_cannot_write()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        await using var writer = await lab.Storage.OpenWriterAsync(volume, new(), default);
        using var guest = CephLab.NewGuest();
        await Assert.ThrowsAsync<CloudException>(async () => await guest.WriteAsync(volume, 0, new byte[] { 1 }));
        await writer.WriteAsync(1, new byte[] { 2 }, default);
        Assert.Equal([0, 2], (await lab.Storage.AllAsync(volume))[..2]);
    }

    [Theory]
    [InlineData("layering,exclusive-lock")]
    [InlineData("layering")]
    public async Task Who_sleeps_before_he_removes_an_image_does_not_remove_it_from_who_has_taken_it_over(string features)
    {
        var volume = await lab.NewImageAsync(LengthBytes, features);
        await using var sleeper = new CephStorage(CephLab.Settings);
        var removing = await sleeper.OpenRbdWriterAsync(
            RbdPath.Parse(volume), new() { TakesOver = true, Claim = "run-1" }, default, isToRemove: true);
        // Closed, as it has to be, and not yet removed.
        removing.Image.Dispose();
        await using (var next = await lab.Storage.OpenWriterAsync(
            volume, new() { TakesOver = true, Claim = "run-2", Seen = new("run-1") }, default))
            await next.WriteAsync(0, new byte[] { 3 }, default);
        Assert.Equal(CephFailure.ShutOut, (await Assert.ThrowsAsync<CloudException>(removing.RemoveImageAsync)).HResult);
        Assert.Equal(3, (await lab.Storage.AllAsync(volume))[0]);
        Assert.False(await sleeper.RemoveClaimedAsync(volume, ["run-1"], default));
        Assert.True(await sleeper.RemoveClaimedAsync(volume, ["run-2"], default));
        Assert.Null(await lab.Storage.FindLengthAsync(volume, default));
    }

    [Theory]
    [InlineData("layering,exclusive-lock")]
    [InlineData("layering")]
    public async Task A_writer_that_is_shut_out_writes_nothing_more_and_says_so(string features)
    {
        var volume = await lab.NewImageAsync(LengthBytes, features);
        await using var writer = await lab.Storage.OpenWriterAsync(volume, new(), default);
        await writer.WriteAsync(0, new byte[] { 1 }, default);
        using (var connection = CephConnection.Open(CephLab.Settings))
        using (var image = RbdImage.Open(connection, RbdPath.Parse(volume), isReadOnly: true))
        {
            connection.ShutOut(Assert.Single(image.LockHolders()).Address, volume.Value);
            // What this client reads now tells the disks, which may not know it yet.
            var content = new byte[LengthBytes];
            await new ImageTransfers(image, volume.Value).ReadAsync(0, content);
            Assert.Equal(1, content[0]);
        }
        await Reading.FailsAsync(CloudFailure.InUse, () => writer.WriteAsync(0, new byte[] { 2 }, default).AsTask());
        await Reading.FailsAsync(CloudFailure.InUse, () => writer.ZeroAsync(new(0, LengthBytes), default).AsTask());
        Assert.Equal(1, (await lab.Storage.AllAsync(volume))[0]);
    }
}
