using System.Buffers.Binary;
using VBackup.Edge.Images;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A qcow2 file may say that its volume is longer than a file can be where it is unpacked.</summary>
public sealed class LongImageTests
{
    const long LengthBytes = 60L << 40;

    [Fact]
    public async Task Whose_limit_is_passed_is_told_and_where_else_it_may_be_unpacked()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/qemu-img"), "there is no qemu-img");
        var folder = Directory.CreateTempSubdirectory("vbackup-long-").FullName;
        try
        {
            Assert.SkipWhen(Allows(folder), "files may be that long here");
            var image = Path.Combine(folder, "huge.qcow2");
            await File.WriteAllBytesAsync(image, Header());
            using var source = await ImageSource.OpenAsync(image, ImageFormat.Qcow2, isFormatGiven: true, sha256: null, default);
            var failure = await Assert.ThrowsAnyAsync<IOException>(() => source.ContentAsync(scratch: null, default));
            Assert.Contains("its file system has no files of 65970697666560 bytes (60 TiB)", failure.Message, StringComparison.Ordinal);
            Assert.Contains("--scratch", Aftermath.Of(failure), StringComparison.Ordinal);
            Assert.Equal([image], Directory.EnumerateFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static bool Allows(string folder)
    {
        using var probe = File.OpenHandle(Path.Combine(folder, "probe"), FileMode.Create, FileAccess.Write, FileShare.None,
            FileOptions.DeleteOnClose);
        try
        {
            RandomAccess.SetLength(probe, LengthBytes);
            return true;
        }
        catch (ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    // Of version 3, with no cluster in it.
    static byte[] Header()
    {
        var header = new byte[64 * 1024];
        BinaryPrimitives.WriteUInt32BigEndian(header, 0x514649FB);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(20), 16);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(24), LengthBytes);
        return header;
    }
}
