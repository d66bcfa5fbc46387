using System.Buffers.Binary;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge.Images;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>qcow2 files of somebody who changes them while they are read, or who has made them so that there is no end to them.</summary>
public sealed class HostileQcowTests : IDisposable
{
    const int Length = 4 << 20;

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-qcow-").FullName;
    readonly byte[] _content = Content(1), _secret = Content(2);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("-o", "cluster_size=512")]
    [InlineData("-o", "cluster_size=2M")]
    [InlineData("-o", "extended_l2=on")]
    [InlineData("-o", "compat=0.10")]
    [InlineData("-c", "-o", "compression_type=zlib")]
    [InlineData("-c", "-o", "compression_type=zstd")]
    public async Task What_is_allocated_is_counted_however_the_file_is_laid_out(params string[] options)
    {
        var raw = await WriteAsync("a", _content);
        // Half of it is zeros, and as much again is behind it.
        await using (var sparse = File.OpenWrite(raw))
        {
            sparse.Write(new byte[Length / 2]);
            sparse.SetLength(2 * Length);
        }
        await QemuAsync(["convert", "-f", "raw", "-O", "qcow2", .. options, raw, PathOf("a.qcow2")]);
        using var file = FileVolume.OpenSource(PathOf("a.qcow2"));
        using var image = await HeldQcow.HoldAsync(file, "a.qcow2", default);
        Assert.Equal(2 * Length, image.Header.LengthBytes);
        Assert.Equal(Length / 2, await image.CountAsync(long.MaxValue, default));
        using var source = await OpenAsync("a.qcow2");
        Assert.Equal(await File.ReadAllBytesAsync(raw), await ReadAsync(await source.ContentAsync(scratch: null, default)));
    }

    [Fact]
    public async Task One_that_would_fill_the_disk_is_refused_before_anything_is_unpacked()
    {
        await File.WriteAllBytesAsync(PathOf("a.qcow2"), Endless());
        using var source = await OpenAsync("a.qcow2");
        var refused = await Assert.ThrowsAsync<RefusedException>(() => source.ContentAsync(scratch: null, default));
        foreach (var word in (string[])["a.qcow2 may need more than that", "its volume has 64.0 TiB", "--scratch"])
            Assert.Contains(word, refused.Message, StringComparison.Ordinal);
        Assert.Equal(["a.qcow2"], Files());
    }

    [Fact]
    public async Task Another_file_that_gets_its_name_after_the_look_is_not_read()
    {
        await MakeAsync("a.qcow2", _content);
        await MakeEvilAsync("evil.qcow2");
        using var source = await OpenAsync("a.qcow2");
        File.Move(PathOf("evil.qcow2"), PathOf("a.qcow2"), overwrite: true);
        Assert.Equal(_content, await ReadAsync(await source.ContentAsync(scratch: null, default)));
    }

    [Fact]
    public async Task A_file_that_is_written_to_after_the_look_names_no_other_file()
    {
        await MakeAsync("a.qcow2", _content);
        await MakeEvilAsync("evil.qcow2");
        using var file = FileVolume.OpenSource(PathOf("a.qcow2"));
        using var image = await HeldQcow.HoldAsync(file, "a.qcow2", default);
        // All that QEMU's own file has at its beginning: the header, and the tables.
        await using (var written = new FileStream(PathOf("a.qcow2"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            written.Write(await File.ReadAllBytesAsync(PathOf("evil.qcow2")));
        using var raw = FileVolume.OpenTarget(PathOf("raw"), Length);
        await QemuImage.ToRawAsync(image, Length, raw, default);
        var unpacked = await ReadAsync(raw);
        Assert.Equal(_content, unpacked);
        // So it would be read by its name.
        await QemuAsync("convert", "-f", "qcow2", "-O", "raw", PathOf("a.qcow2"), PathOf("byname"));
        Assert.Equal(_secret, await File.ReadAllBytesAsync(PathOf("byname")));
    }

    [Fact]
    public async Task No_link_is_followed_where_others_may_write()
    {
        await MakeAsync("a.qcow2", _content);
        File.CreateSymbolicLink(PathOf("link.qcow2"), PathOf("a.qcow2"));
        var refused = await Assert.ThrowsAsync<NotAFileException>(() => OpenAsync("link.qcow2", followsLinks: false));
        Assert.Contains("is a link, which is not followed", refused.Message, StringComparison.Ordinal);
        (await OpenAsync("link.qcow2")).Dispose();
        // Nor to a digest: what is in the file is told when the content has another.
        await File.WriteAllTextAsync(PathOf("key"), new string('0', 64));
        File.CreateSymbolicLink(PathOf("a.qcow2.raw-sha256"), PathOf("key"));
        await Assert.ThrowsAsync<NotAFileException>(() => OpenAsync("a.qcow2", followsLinks: false));
    }

    [Fact]
    public async Task An_export_neither_reads_nor_overwrites_what_gets_the_names_of_its_files()
    {
        var secret = await WriteAsync("secret", _secret);
        var victim = await WriteAsync("victim", _secret);
        Directory.CreateDirectory(PathOf("images"));
        var image = new ImageFile(PathOf("images/a.qcow2"), ImageFormat.Qcow2);
        using var source = FileVolume.OpenSource(await WriteAsync("content", _content));
        string aside = PathOf("aside");
        await image.WriteAsync(Length, async (target, stop) =>
        {
            var copied = await new VolumeCopy(new()).CopyAsync(source, target, progress: null, stop);
            foreach (var (name, other) in ((string, string)[])[(".a.qcow2.vbackup-part", victim), (".a.qcow2.raw.vbackup-part", secret)])
            {
                File.Move(PathOf($"images/{name}"), $"{aside}{name}");
                File.CreateSymbolicLink(PathOf($"images/{name}"), other);
            }
            return copied;
        }, default);
        Assert.Equal(_secret, await File.ReadAllBytesAsync(victim));
        await QemuAsync("convert", "-f", "qcow2", "-O", "raw", $"{aside}.a.qcow2.vbackup-part", PathOf("exported"));
        Assert.Equal(_content, await File.ReadAllBytesAsync(PathOf("exported")));
    }

    string PathOf(string name) => Path.Combine(_folder, name);

    string[] Files() => [.. Directory.EnumerateFiles(_folder).Select(path => Path.GetFileName(path))];

    Task<ImageSource> OpenAsync(string name, bool followsLinks = true) =>
        ImageSource.OpenAsync(PathOf(name), ImageFormat.Qcow2, isFormatGiven: true, sha256: null, default, followsLinks);

    async Task<string> WriteAsync(string name, byte[] content)
    {
        await File.WriteAllBytesAsync(PathOf(name), content);
        return PathOf(name);
    }

    async Task MakeAsync(string name, byte[] content)
    {
        var raw = await WriteAsync("raw-of-it", content);
        await QemuAsync("convert", "-f", "raw", "-O", "qcow2", raw, PathOf(name));
        File.Delete(raw);
    }

    // Its data are those of another file.
    async Task MakeEvilAsync(string name)
    {
        await QemuAsync("create", "-f", "qcow2", "-o", $"data_file={PathOf("secret")},data_file_raw=on", PathOf(name), $"{Length}");
        await WriteAsync("secret", _secret);
    }

    static async Task QemuAsync(params string[] arguments)
    {
        Assert.SkipWhen(ExternalProgram.FindOrNull("qemu-img") is null, "needs qemu-img");
        await ExternalProgram.RunAsync(QemuImage.FindProgram(), arguments, default);
    }

    static async Task<byte[]> ReadAsync(FileVolume volume)
    {
        var content = new byte[volume.LengthBytes];
        await volume.ReadAsync(0, content, default);
        return content;
    }

    // Each of the first table's entries leads to the same second one, and each of that one's to the same cluster.
    static byte[] Endless()
    {
        const int cluster = 2 << 20;
        var file = new byte[4 * cluster];
        BinaryPrimitives.WriteUInt32BigEndian(file, 0x514649FB);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(20), 21);
        BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(24), 1UL << 46);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(36), 128);
        BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(40), cluster);
        for (var i = 0; i < 128; i++) BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(cluster + 8 * i), 2 * cluster);
        for (var i = 0; i < cluster / 8; i++) BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(2 * cluster + 8 * i), 3 * cluster);
        return file;
    }

    static byte[] Content(int seed)
    {
        var content = new byte[Length];
        new Random(seed).NextBytes(content);
        return content;
    }
}
