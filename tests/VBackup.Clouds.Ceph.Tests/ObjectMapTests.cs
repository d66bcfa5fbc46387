using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>Object maps that are wrong and not marked so: an empty map stands in the place of the true one.</summary>
public sealed class ObjectMapTests(CephLab lab)
{
    const int MiB = 1 << 20;
    const int LengthBytes = 40 * MiB;

    [Fact]
    public async Task A_full_from_a_snapshot_with_a_wrong_object_map_fails_and_leaves_nothing_out()
    {
        var (volume, content) = await NewVolumeAsync();
        await lab.Storage.Snapshots.TakeAsync("instant", [volume], default);
        await ObjectMaps.EmptyAsync(lab, volume, "vb.instant.g");
        // What makes it dangerous: nothing is marked, the map tells of no data, and reading it gives zeros.
        Assert.DoesNotContain("invalid", await CephLab.RbdAsync("info", $"{volume}@vb.instant.g"), StringComparison.Ordinal);
        Assert.False((await lab.Storage.AllAsync(volume, "instant")).AsSpan().ContainsAnyExcept((byte)0));
        await using (var reader = await lab.Storage.Snapshots.OpenAsync("instant", volume, default))
        {
            Assert.Empty(reader.RoughlyAllocatedExtents());
            var failure = Assert.Throws<CloudException>(() => reader.AllocatedExtents().ToList());
            Assert.Contains("object map is wrong", failure.Message, StringComparison.Ordinal);
            Assert.Throws<CloudException>(() => reader.AllocatedExtents(21 * MiB + 5).ToList());
        }
        await CephLab.RbdAsync("object-map", "rebuild", $"{volume}@vb.instant.g");
        await using (var reader = await lab.Storage.Snapshots.OpenAsync("instant", volume, default))
            Assert.Equal(-1, Reading.FirstOutside(new byte[LengthBytes], content, reader.AllocatedExtents()));
        Assert.Equal(content, await lab.Storage.AllAsync(volume, "instant"));
    }

    [Fact]
    public async Task A_writer_of_a_volume_with_a_wrong_object_map_is_told_so()
    {
        var (volume, _) = await NewVolumeAsync();
        await ObjectMaps.EmptyAsync(lab, volume, null);
        await using var writer = await lab.Storage.OpenWriterAsync(volume, new(), default);
        Assert.Throws<CloudException>(() => writer.AllocatedExtents().ToList());
    }

    [Fact]
    public async Task Changes_that_a_wrong_object_map_takes_for_holes_are_not_known()
    {
        var (volume, _) = await NewVolumeAsync();
        await lab.Storage.Snapshots.TakeAsync("first", [volume], default);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volume, 21 * MiB, new byte[] { 1, 2, 3 });
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        Assert.IsType<ChangeAnswer.Known>(await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        await ObjectMaps.EmptyAsync(lab, volume, "vb.second.g");
        var lost = Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        Assert.Contains("object map", lost.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_allocated_is_told_by_the_map_alone_and_not_where_each_object_would_have_to_be_asked_for()
    {
        var (volume, _) = await NewVolumeAsync();
        // Three objects of 4 MiB.
        Assert.Equal(new VolumeSize(LengthBytes, 12L * MiB), await lab.Storage.FindSizeAsync(volume, default));
        var parent = await lab.NewParentAsync(volume);
        var clone = new VolumeId($"{CephLab.Pool}/{lab.NewName("clone")}");
        await CephLab.RbdAsync("clone", parent, clone.Value);
        Assert.Equal(new VolumeSize(LengthBytes, null), await lab.Storage.FindSizeAsync(clone, default));
        var plain = await lab.NewImageAsync(LengthBytes, "layering");
        Assert.Equal(new VolumeSize(LengthBytes, null), await lab.Storage.FindSizeAsync(plain, default));
        Assert.Null(await lab.Storage.FindSizeAsync(new($"{CephLab.Pool}/{lab.NewName("nowhere")}"), default));
    }

    async Task<(VolumeId Volume, byte[] Content)> NewVolumeAsync()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        var content = new byte[LengthBytes];
        using var guest = CephLab.NewGuest();
        foreach (var offset in new[] { 100, 21 * MiB, LengthBytes - 10 })
        {
            var data = new Random(offset).RandomBytes(10);
            data.CopyTo(content, offset);
            await guest.WriteAsync(volume, offset, data);
        }
        return (volume, content);
    }
}
