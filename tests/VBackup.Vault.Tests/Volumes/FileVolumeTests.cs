using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Volumes;

/// <summary>Exports and imports of real files and, where that is possible, of a block device.</summary>
public sealed class FileVolumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vbackup-volumes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_file_is_the_target_of_one_restore_at_a_time()
    {
        var path = Path.Combine(_folder, "target");
        await using (FileVolume.OpenTarget(path, 1000))
        {
            var refusal = Assert.ThrowsAny<IOException>(() => FileVolume.OpenTarget(path, 1000));
            Assert.Contains("another program", refusal.Message, StringComparison.Ordinal);
            Assert.True(File.Exists(path));
        }
        await using var free = FileVolume.OpenTarget(path, 1000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4097)]
    [InlineData(1_000_003)]
    public async Task A_file_of_any_length_comes_back_bit_for_bit(int length)
    {
        await using var vault = TestVault.Over(new MemoryStore(), workers: 2);
        var content = Contents.Mixed(length, length);
        var source = Write("source", content);
        var point = await ExportAsync(vault, source);
        Assert.Equal(length, point.Volumes[0].LengthBytes);
        var target = Path.Combine(_folder, "target");
        await ImportAsync(vault, point, target, new());
        Assert.Equal(content, File.ReadAllBytes(target));
    }

    [Fact]
    public async Task Holes_of_a_file_are_not_read_and_are_holes_again_after_a_restore()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        const long length = 1L << 40;
        var source = Path.Combine(_folder, "sparse");
        var pieces = new (long Offset, byte[] Content)[]
        {
            (0, Contents.Mixed(1, 5000)), (length / 2 + 77, Contents.Mixed(2, 300_000)), (length - 3, [1, 2, 3]),
        };
        using (var file = File.OpenHandle(source, FileMode.CreateNew, FileAccess.Write))
        {
            RandomAccess.SetLength(file, length);
            foreach (var (offset, content) in pieces) RandomAccess.Write(file, content, offset);
        }
        await using (var volume = FileVolume.OpenSource(source))
        {
            var extents = volume.AllocatedExtents().ToList();
            Assert.True(extents.Sum(extent => extent.Length) < 2_000_000, "this file system has no holes");
            Assert.All(extents.Zip(extents.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Offset));
            Assert.Equal(length, extents[^1].End);
        }
        var point = await ExportAsync(vault, source);
        Assert.True(point.Volumes[0].ReadBytes < 2_000_000, $"read {point.Volumes[0].ReadBytes}");
        var target = Path.Combine(_folder, "target");
        await ImportAsync(vault, point, target, new());
        Assert.Equal(length, new FileInfo(target).Length);
        await using var restored = FileVolume.OpenSource(target);
        Assert.True(restored.AllocatedExtents().Sum(extent => extent.Length) < 2_000_000);
        foreach (var (offset, content) in pieces)
        {
            var buffer = new byte[content.Length];
            await restored.ReadAsync(offset, buffer, default);
            Assert.Equal(content, buffer);
        }
    }

    [Fact]
    public async Task A_dirty_file_becomes_the_volume_with_zeros_punched_and_the_rest_cut_off()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = new byte[3_000_001];
        Contents.Mixed(1, 200_000).CopyTo(content, 1_000_000);
        content[^1] = 1;
        var point = await ExportAsync(vault, Write("source", content));
        foreach (var delta in (bool[])[false, true])
        {
            var dirt = new byte[3_500_000];
            new Random(2).NextBytes(dirt);
            var target = Write($"target {delta}", dirt);
            await ImportAsync(vault, point, target, new() { Delta = delta });
            Assert.Equal(content, File.ReadAllBytes(target));
            await using var volume = FileVolume.OpenSource(target);
            Assert.True(volume.AllocatedExtents().Sum(extent => extent.Length) < 1_000_000, "zeros were written where a hole would do");
        }
    }

    [Fact]
    public async Task A_delta_import_leaves_equal_parts_of_a_file_alone()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 1_000_000);
        var point = await ExportAsync(vault, Write("source", content));
        var target = Write("target", Contents.Change(2, content, 3, 5000).Content);
        var result = await ImportAsync(vault, point, target, new() { Delta = true });
        Assert.InRange(result.WrittenBytes, 1, 3 * (5000 + 2 * 4096));
        // Blobs that did not shrink are a little longer than their chunks.
        Assert.InRange(result.FetchedBytes, 1, 2 * result.WrittenBytes);
        Assert.Equal(content, File.ReadAllBytes(target));
    }

    /// <summary>Writes take two ways, past the page cache and through it; both must make one file.</summary>
    [Fact]
    public async Task Aligned_and_unaligned_pieces_make_one_file()
    {
        const int page = 4096;
        const int length = 64 * page + 123;
        var random = new Random(5);
        var expected = new byte[length];
        var memory = GC.AllocateUninitializedArray<byte>(17 * page, pinned: true);
        var start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0) & (page - 1));
        var path = Path.Combine(_folder, "target");
        await using (var volume = FileVolume.OpenTarget(path, length))
        {
            for (var piece = 0; piece < 300; piece++)
            {
                var (offset, size) = (random.Next(length), 1 + random.Next(16 * page));
                // Half of them are aligned in offset and length, half of those in memory too.
                if (piece % 2 == 0) (offset, size) = (offset / page * page, (size + page - 1) / page * page);
                var content = memory.AsMemory(start + (piece % 4 == 0 ? 0 : 1), Math.Min(size, length - offset));
                random.NextBytes(content.Span);
                await volume.WriteAsync(offset, content, default);
                content.CopyTo(expected.AsMemory(offset));
                var zeros = new Extent(random.Next(length), 0);
                zeros = zeros with { Length = Math.Min(random.Next(4 * page), length - zeros.Offset) };
                await volume.ZeroAsync(zeros, default);
                expected.AsSpan((int)zeros.Offset, (int)zeros.Length).Clear();
                var read = new byte[length];
                await volume.ReadAsync(0, read, default);
                Assert.Equal(expected, read);
            }
            await volume.FlushAsync(default);
        }
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    /// <summary>The part that is gone must not pass for zeros.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    [InlineData(1_999_999)]
    public async Task A_source_that_became_shorter_fails_and_says_so(int left)
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var path = Write("source", Contents.Mixed(1, 2_000_000));
        await using var source = FileVolume.OpenSource(path);
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) RandomAccess.SetLength(file, left);
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var failed = await Assert.ThrowsAsync<IOException>(() =>
            new ExportPipeline(run, vault.Options).ExportAsync(new("disk", source, null, null), null, default));
        Assert.Contains(path, failed.Message, StringComparison.Ordinal);
        Assert.Contains("shorter", failed.Message, StringComparison.Ordinal);
        Assert.Empty(await vault.PointsAsync());
    }

    [Theory]
    [InlineData("/proc/version")]
    [InlineData("/proc/self/status")]
    [InlineData("/sys/kernel/mm/transparent_hugepage/enabled")]
    public async Task What_the_kernel_makes_up_is_no_source_and_never_an_empty_volume(string path)
    {
        Assert.SkipUnless(File.Exists(path), "this machine has no such file");
        var failed = await Assert.ThrowsAsync<IOException>(async () =>
        {
            await using var source = FileVolume.OpenSource(path);
            // Below /sys files say that they have a page; reading finds that it is not so.
            await source.ReadAsync(0, new byte[source.LengthBytes], default);
        });
        Assert.Contains(path, failed.Message, StringComparison.Ordinal);
    }

    [Fact, SupportedOSPlatform("linux")]
    public async Task A_new_target_is_for_its_owner_alone_and_an_old_one_keeps_its_mode()
    {
        var path = Path.Combine(_folder, "new");
        await using (var target = FileVolume.OpenTarget(path, 1000)) Assert.True(target is { IsNew: true, WasWritten: false });
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        await using (var target = FileVolume.OpenTarget(path, 1000))
        {
            Assert.False(target.IsNew);
            await target.WriteAsync(0, new byte[1], default);
            Assert.True(target.WasWritten);
        }
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_link_to_nothing_is_no_target_and_stays_as_it_is()
    {
        var link = Path.Combine(_folder, "link");
        File.CreateSymbolicLink(link, "nowhere");
        var failed = Assert.Throws<IOException>(() => FileVolume.OpenTarget(link, 1000));
        Assert.Contains("nowhere", failed.Message, StringComparison.Ordinal);
        Assert.Equal("nowhere", new FileInfo(link).LinkTarget);
        Assert.False(File.Exists(Path.Combine(_folder, "nowhere")));
    }

    [Fact]
    public async Task Allocated_extents_begin_where_they_are_asked_for()
    {
        var path = Path.Combine(_folder, "sparse");
        using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
        {
            RandomAccess.SetLength(file, 64 << 20);
            foreach (var at in (int[])[0, 16, 32]) RandomAccess.Write(file, Contents.Mixed(at, 1 << 20), (long)at << 20);
        }
        await using var volume = FileVolume.OpenSource(path);
        Assert.Equal([new(0, 1 << 20), new(16 << 20, 1 << 20), new(32 << 20, 1 << 20)], volume.AllocatedExtents());
        Assert.Equal([new((16 << 20) + 4096, (1 << 20) - 4096), new(32 << 20, 1 << 20)], volume.AllocatedExtents((16 << 20) + 4096));
        Assert.Empty(volume.AllocatedExtents(40 << 20));
        Assert.Empty(volume.AllocatedExtents(64 << 20));
    }

    [Fact]
    public async Task A_device_that_somebody_uses_or_that_is_read_only_is_no_target()
    {
        await using var device = await LoopDevice.AttachAsync(Path.Combine(_folder, "backing"), 4 * 1024 * 1024);
        await using (FileVolume.OpenTarget(device.Path, 1000))
        {
            // Held as a mounted file system holds it.
            var busy = Assert.Throws<IOException>(() => FileVolume.OpenTarget(device.Path, 1000));
            Assert.Equal($"{device.Path} is in use or mounted: unmount it first, or name another target", busy.Message);
        }
        await device.SetReadOnlyAsync();
        var refused = Assert.Throws<IOException>(() => FileVolume.OpenTarget(device.Path, 1000));
        Assert.Contains("read-only", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_block_device_is_exported_and_restored_and_made_zero_where_the_source_was()
    {
        await using var device = await LoopDevice.AttachAsync(Path.Combine(_folder, "backing"), 4 * 1024 * 1024);
        await using var vault = TestVault.Over(new MemoryStore(), workers: 2);
        var content = Contents.Mixed(1, 4 * 1024 * 1024);
        var dirt = new byte[content.Length];
        new Random(2).NextBytes(dirt);
        await WriteDeviceAsync(device.Path, content);

        var point = await ExportAsync(vault, device.Path);
        Assert.Equal(content.Length, point.Volumes[0].LengthBytes);
        foreach (var delta in (bool[])[false, true])
        {
            await WriteDeviceAsync(device.Path, dirt);
            await ImportAsync(vault, point, device.Path, new() { Delta = delta });
            Assert.Equal(content, await ReadDeviceAsync(device.Path, content.Length));
        }
        // A smaller volume leaves the rest of a device as it is.
        var small = await vault.BackUpAsync(new byte[1_000_000]);
        await WriteDeviceAsync(device.Path, dirt);
        await using (var target = FileVolume.OpenTarget(device.Path, 1_000_000))
        {
            Assert.False(target.IsAllZero);
            await ImportIntoAsync(vault, small, target, new());
        }
        var after = await ReadDeviceAsync(device.Path, content.Length);
        Assert.False(after.AsSpan(0, 1_000_000).ContainsAnyExcept((byte)0), "BLKZEROOUT left old bytes");
        Assert.True(after.AsSpan(1_000_000).SequenceEqual(dirt.AsSpan(1_000_000)));
    }

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static async Task<PointDocument> ExportAsync(TestVault vault, string path)
    {
        await using var source = FileVolume.OpenSource(path);
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var volume = await new ExportPipeline(run, vault.Options).ExportAsync(new("disk", source, null, null), null, default);
        return await run.PublishAsync("server", PointType.Full, null, [volume], default);
    }

    private static async Task<ImportResult> ImportAsync(TestVault vault, PointDocument point, string path, ImportOrder order)
    {
        await using var target = FileVolume.OpenTarget(path, point.Volumes[0].LengthBytes);
        return await ImportIntoAsync(vault, point, target, order);
    }

    private static async Task<ImportResult> ImportIntoAsync(TestVault vault, PointDocument point, FileVolume target, ImportOrder order)
    {
        await using var reader = new BlobReader(vault.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        return await new ImportPipeline(reader, vault.Vault.ChunkSize, vault.Options).ImportAsync(tree, target, order, null, default);
    }

    private static async Task WriteDeviceAsync(string path, byte[] content)
    {
        await using var device = FileVolume.OpenTarget(path, content.Length);
        await device.WriteAsync(0, content, default);
        await device.FlushAsync(default);
    }

    private static async Task<byte[]> ReadDeviceAsync(string path, int length)
    {
        var content = new byte[length];
        await using var device = FileVolume.OpenSource(path);
        await device.ReadAsync(0, content, default);
        return content;
    }

    private sealed class LoopDevice(string path) : IAsyncDisposable
    {
        public string Path { get; } = path;

        /// <summary>Skips the test where a loop device cannot be had.</summary>
        public static async Task<LoopDevice> AttachAsync(string backing, long length)
        {
            Assert.SkipUnless(Environment.IsPrivilegedProcess, "a loop device needs root");
            Assert.SkipUnless(File.Exists("/usr/sbin/losetup") || File.Exists("/sbin/losetup"), "losetup is not installed");
            using (var file = File.OpenHandle(backing, FileMode.CreateNew, FileAccess.Write)) RandomAccess.SetLength(file, length);
            var (status, output) = await RunAsync("--find", "--show", backing);
            Assert.SkipUnless(status == 0 && output.Length > 0, "this machine offers no loop device");
            return new(output);
        }

        private bool _isReadOnly;

        public async ValueTask DisposeAsync()
        {
            // It would stay so for whoever gets the device next.
            if (_isReadOnly) await RunProgramAsync("blockdev", "--setrw", Path);
            await RunAsync("--detach", Path);
        }

        public async Task SetReadOnlyAsync()
        {
            _isReadOnly = true;
            Assert.Equal(0, (await RunProgramAsync("blockdev", "--setro", Path)).Status);
        }

        private static Task<(int Status, string Output)> RunAsync(params string[] arguments) => RunProgramAsync("losetup", arguments);

        private static async Task<(int Status, string Output)> RunProgramAsync(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await errors;
            await process.WaitForExitAsync();
            return (process.ExitCode, output.Trim());
        }
    }
}
