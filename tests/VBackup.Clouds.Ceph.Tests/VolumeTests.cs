using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

public sealed class VolumeTests(CephLab lab)
{
    const int MiB = 1 << 20;
    const int LengthBytes = 18 * MiB + 512;

    [Fact]
    public async Task What_is_written_is_read_back_at_odd_offsets()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        var random = new Random(11);
        var expected = new byte[LengthBytes];
        await using (var writer = await lab.Storage.OpenWriterAsync(volume, new() { IsNew = true }, default))
        {
            Assert.True(writer.IsAllZero);
            Assert.Equal(LengthBytes, writer.LengthBytes);
            foreach (var (offset, count) in new[] { (0, 1), (511, 3), (4 * MiB - 1, 2), (7 * MiB + 13, 5 * MiB + 7), (LengthBytes - 9, 9) })
            {
                var content = random.RandomBytes(count);
                content.CopyTo(expected, offset);
                await writer.WriteAsync(offset, content, default);
            }
            await writer.FlushAsync(default);
            var part = new byte[5 * MiB];
            await writer.ReadAsync(7 * MiB, part, default);
            Assert.Equal(expected.AsSpan(7 * MiB, part.Length).ToArray(), part);
            Assert.Equal(-1, Reading.FirstOutside(new byte[LengthBytes], expected, writer.AllocatedExtents()));
        }
        Assert.Equal(expected, await lab.Storage.AllAsync(volume));
    }

    [Theory]
    [InlineData(0, LengthBytes)]
    [InlineData(1, 1)]
    [InlineData(4 * MiB, 4 * MiB)]
    [InlineData(4 * MiB - 5, 8 * MiB + 11)]
    [InlineData(3 * MiB, 100)]
    public async Task Zeros_are_zeros_where_something_was(int offset, int count)
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        var expected = new Random(12).RandomBytes(LengthBytes);
        await using (var writer = await lab.Storage.OpenWriterAsync(volume, new(), default))
        {
            Assert.False(writer.IsAllZero);
            await writer.WriteAsync(0, expected, default);
            await writer.ZeroAsync(new Extent(offset, count), default);
            await writer.FlushAsync(default);
        }
        expected.AsSpan(offset, count).Clear();
        Assert.Equal(expected, await lab.Storage.AllAsync(volume));
    }

    [Fact]
    public async Task Zeros_hide_what_a_parent_has()
    {
        var parent = await lab.NewVolumeAsync(LengthBytes);
        var expected = new Random(13).RandomBytes(LengthBytes);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(parent, 0, expected);
        var child = new VolumeId($"{CephLab.Pool}/{lab.NewName("test")}");
        await CephLab.RbdAsync("clone", await lab.NewParentAsync(parent), child.Value);
        await using (var writer = await lab.Storage.OpenWriterAsync(child, new(), default))
        {
            await writer.ZeroAsync(new Extent(4 * MiB - 7, 5 * MiB), default);
            await writer.FlushAsync(default);
        }
        expected.AsSpan(4 * MiB - 7, 5 * MiB).Clear();
        Assert.Equal(expected, await lab.Storage.AllAsync(child));
    }

    [Fact]
    public async Task Many_reads_at_once_each_get_their_own_bytes()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        var expected = new Random(14).RandomBytes(LengthBytes);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volume, 0, expected);
        await using var reader = await lab.Storage.OpenReaderAsync(volume, default);
        var random = new Random(15);
        for (var round = 0; round < 4; round++)
        {
            var reads = Enumerable.Range(0, 64).Select(_ => (Offset: random.Next(LengthBytes - MiB), Buffer: new byte[random.Next(1, MiB)]))
                .ToList();
            await Task.WhenAll(reads.Select(read => reader.ReadAsync(read.Offset, read.Buffer, default).AsTask()));
            foreach (var (offset, buffer) in reads) Assert.Equal(expected.AsSpan(offset, buffer.Length).ToArray(), buffer);
        }
    }

    [Fact]
    public async Task A_read_past_the_end_fails_and_is_no_zeros()
    {
        var volume = await lab.NewVolumeAsync(MiB);
        await using var reader = await lab.Storage.OpenReaderAsync(volume, default);
        await Assert.ThrowsAsync<CloudException>(async () => await reader.ReadAsync(MiB - 10, new byte[20], default));
    }

    [Fact]
    public async Task A_volume_is_made_resized_and_removed()
    {
        var volume = await lab.NewVolumeAsync(MiB);
        Assert.Equal(MiB, await lab.Storage.FindLengthAsync(volume, default));
        Assert.Contains("fast-diff", await CephLab.RbdAsync("info", volume.Value), StringComparison.Ordinal);
        await Reading.FailsAsync(CloudFailure.Exists, () => lab.Storage.CreateAsync(volume, MiB, default));
        await lab.Storage.ResizeAsync(volume, 3 * MiB + 1, default);
        Assert.Equal(3 * MiB + 1, await lab.Storage.FindLengthAsync(volume, default));
        await lab.Storage.ResizeAsync(volume, MiB / 2, default);
        Assert.Equal(MiB / 2, await lab.Storage.FindLengthAsync(volume, default));
        await lab.Storage.Snapshots.TakeAsync("keeps-it", [volume], default);
        await Reading.FailsAsync(CloudFailure.InUse, () => lab.Storage.RemoveAsync(volume, default));
        await lab.Storage.Snapshots.RemoveAsync("keeps-it", [volume], default);
        await lab.Storage.RemoveAsync(volume, default);
        await lab.Storage.RemoveAsync(volume, default);
        Assert.Null(await lab.Storage.FindLengthAsync(volume, default));
    }

    [Fact]
    public async Task The_pool_tells_its_free_bytes() =>
        Assert.InRange((await lab.Storage.FindRoomAsync(new($"{CephLab.Pool}/any"), default))!.Value.FreeBytes, 1, 1L << 50);

    [Fact]
    public async Task A_volume_in_a_namespace_is_one_like_any_other()
    {
        var space = lab.NewName("space");
        await CephLab.RbdAsync("namespace", "create", $"{CephLab.Pool}/{space}");
        VolumeId[] volumes = [new($"{CephLab.Pool}/{space}/a"), new($"{CephLab.Pool}/{space}/b")];
        foreach (var volume in volumes) await lab.Storage.CreateAsync(volume, MiB, default);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volumes[0], 5, new byte[] { 7 });
        var instant = await lab.Storage.Snapshots.TakeAsync("in-a-space", volumes, default);
        Assert.Equal(volumes, instant.Volumes);
        Assert.Equal(7, (await lab.Storage.AllAsync(volumes[0], "in-a-space"))[5]);
        await lab.Storage.Snapshots.RemoveAsync("in-a-space", volumes, default);
        foreach (var volume in volumes) await lab.Storage.RemoveAsync(volume, default);
        await CephLab.RbdAsync("namespace", "remove", $"{CephLab.Pool}/{space}");
    }

    [Fact]
    public async Task What_is_not_there_or_not_allowed_is_said()
    {
        Assert.Null(await lab.Storage.FindLengthAsync(new($"{CephLab.Pool}/no-such-image"), default));
        await Reading.FailsAsync(CloudFailure.NotFound, () => lab.Storage.OpenReaderAsync(new($"{CephLab.Pool}/no-such-image"), default));
        await Reading.FailsAsync(CloudFailure.NotFound, () => lab.Storage.FindLengthAsync(new("no-such-pool/image"), default));
        await Reading.FailsAsync(CloudFailure.NotSupported, () => lab.Storage.FindLengthAsync(new("image"), default));
        var other = lab.NewName("other");
        await CephLab.CephAsync("osd", "pool", "create", other, "1");
        await CephLab.RbdAsync("create", $"{other}/theirs", "--size", "1M");
        await Reading.FailsAsync(CloudFailure.NotAllowed, () => lab.Storage.OpenReaderAsync(new($"{other}/theirs"), default));
        await Reading.FailsAsync(CloudFailure.NotAllowed, () => lab.Storage.OpenWriterAsync(new($"{other}/theirs"), new(), default));
        await Reading.FailsAsync(CloudFailure.NotAllowed, () => lab.Storage.CreateAsync(new($"{other}/ours"), MiB, default));
        await CephLab.CephAsync("osd", "pool", "delete", other, other, "--yes-i-really-really-mean-it");
    }

    [Fact]
    public async Task A_volume_in_a_pool_that_is_not_to_be_used_is_refused_by_name_and_before_anything_is_asked()
    {
        await using var storage = new CephStorage(new() { ConfigurationFile = "/nowhere", Pools = ["rbd", "more"] });
        foreach (var call in (Func<VolumeId, Task>[])[volume => storage.FindLengthAsync(volume, default),
            volume => storage.OpenWriterAsync(volume, new(), default), volume => storage.Snapshots.ListAsync([volume], default)])
            Assert.Contains("rbd, more", (await Reading.FailsAsync(CloudFailure.LeftOut, () => call(new("other/image")))).Message,
                StringComparison.Ordinal);
        await Reading.FailsAsync(CloudFailure.NotFound, () => storage.FindLengthAsync(new("more/image"), default));
        await Reading.FailsAsync(CloudFailure.NotSupported, () => storage.FindLengthAsync(new("/images/web.qcow2"), default));
    }

    [Fact]
    public async Task Files_that_are_missing_are_named()
    {
        await using (var storage = new CephStorage(new() { ConfigurationFile = "/nowhere/ceph.conf" }))
            await SaysAsync(storage, "/nowhere/ceph.conf");
        var there = Path.GetTempFileName();
        await using (var storage = new CephStorage(new() { ConfigurationFile = there, KeyringFile = "/nowhere/backup.keyring" }))
            await SaysAsync(storage, "/nowhere/backup.keyring");
        File.Delete(there);
        await using (var storage = new CephStorage(new() { ConfigurationFile = "/etc" }))
            await SaysAsync(storage, "/etc: connect: it is a folder and no file");

        static async Task SaysAsync(CephStorage storage, string file) => Assert.Contains(file, (await Reading.FailsAsync(
            CloudFailure.NotFound, () => storage.FindLengthAsync(new("rbd/any"), default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pool_that_is_configured_and_not_there_is_named()
    {
        CephLab.Skip();
        await using (var storage = new CephStorage(CephLab.Settings with { Pools = [CephLab.Pool] }))
            await storage.RequireReachableAsync(default);
        await using (var storage = new CephStorage(CephLab.Settings with { Pools = [CephLab.Pool, "no-such-pool"] }))
            Assert.Contains("pool no-such-pool", (await Reading.FailsAsync(CloudFailure.NotFound, () =>
                storage.RequireReachableAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_key_is_not_allowed()
    {
        CephLab.Skip();
        var folder = Directory.CreateTempSubdirectory("vb-key");
        var file = Path.Combine(folder.FullName, "keyring");
        var key = await CommandLine.RunAsync("ceph-authtool", "--gen-print-key");
        await File.WriteAllTextAsync(file, $"[client.backup]\n\tkey = {key.Trim()}\n");
        await using (var storage = new CephStorage(CephLab.Settings with { KeyringFile = file,
            OperationTimeout = TimeSpan.FromSeconds(5) }))
            await Reading.FailsAsync(CloudFailure.NotAllowed, () => storage.FindLengthAsync(new($"{CephLab.Pool}/any"), default));
        await using (var storage = new CephStorage(CephLab.Settings with { User = "nobody" }))
        {
            await Reading.FailsAsync(CloudFailure.NotAllowed, () => storage.FindLengthAsync(new($"{CephLab.Pool}/any"), default));
            await Reading.FailsAsync(CloudFailure.NotAllowed, () => storage.RequireReachableAsync(default));
        }
        folder.Delete(recursive: true);
    }
}
