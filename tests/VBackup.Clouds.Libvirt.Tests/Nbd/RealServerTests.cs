using System.Diagnostics;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Libvirt.Nbd;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Nbd;

/// <summary>Our client with QEMU's own server.</summary>
public sealed class RealServerTests : IDisposable
{
    const int Length = 20 * 1024 * 1024;
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vbackup-nbd-test-");
    readonly CancellationToken _none = CancellationToken.None;

    public RealServerTests() => Assert.SkipUnless(File.Exists("/usr/bin/qemu-nbd"), "needs qemu-nbd: install the package qemu-utils");

    string Image => Path.Combine(_folder.FullName, "image.qcow2");

    public void Dispose() => _folder.Delete(recursive: true);

    static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    Task MakeImageAsync() => RunAsync("qemu-img", "create", "-q", "-f", "qcow2", Image, $"{Length}");

    Task<(QemuNbd Server, NbdSession Session, NbdAddress Address)> OpenAsync(bool isWritable = true) =>
        QemuNbd.OpenAsync(Image, "qcow2", isWritable, Image, Limit, TimeProvider.System, _none);

    static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    async Task WriteAsync(params (int Offset, byte[] Content)[] pieces)
    {
        var (server, session, _) = await OpenAsync();
        await using (server)
        await using (var transfer = new NbdTransfer(session, Limit, TimeProvider.System))
        {
            foreach (var (offset, content) in pieces) await transfer.WriteAsync(offset, content, _none);
            await transfer.FlushAsync(_none);
        }
    }

    [Fact]
    public async Task What_is_written_is_read_by_many_requests_at_once_data_and_holes()
    {
        await MakeImageAsync();
        var model = new byte[Length];
        (int, byte[])[] pieces = [(0, Bytes(3_000_001, 1)), (4_194_303, Bytes(2, 2)), (9_000_000, Bytes(9_000_000, 3)),
            (Length - 1, Bytes(1, 4))];
        foreach (var (offset, content) in pieces) content.CopyTo(model, offset);
        await WriteAsync(pieces);

        var (server, session, _) = await OpenAsync(isWritable: false);
        await using var ending = server;
        await using var transfer = new NbdTransfer(session, Limit, TimeProvider.System);
        Assert.Equal(Length, transfer.LengthBytes);
        var found = new byte[Length];
        const int piece = 333_333;
        await Task.WhenAll(Enumerable.Range(0, Length / piece + 1).Select(async i => await transfer.ReadAsync(
            (long)i * piece, found.AsMemory(i * piece, Math.Min(piece, Length - i * piece)), _none)));
        Assert.Equal(model.Length, model.AsSpan().CommonPrefixLength(found));
        await transfer.ReadAsync(0, found, _none);
        Assert.Equal(model.Length, model.AsSpan().CommonPrefixLength(found));
    }

    [Fact]
    public async Task Zeros_are_written_and_a_refused_write_leaves_the_connection_usable()
    {
        await MakeImageAsync();
        await WriteAsync((0, Bytes(1_000_000, 1)));
        var (server, session, _) = await OpenAsync();
        await using (server)
        await using (var transfer = new NbdTransfer(session, Limit, TimeProvider.System))
        {
            await transfer.WriteZeroesAsync(100_001, 500_000, _none);
            var found = new byte[1_000_000];
            await transfer.ReadAsync(0, found, _none);
            var model = Bytes(1_000_000, 1);
            model.AsSpan(100_001, 500_000).Clear();
            Assert.Equal(model.Length, model.AsSpan().CommonPrefixLength(found));
            await Assert.ThrowsAsync<CloudException>(async () => await transfer.ReadAsync(Length - 1, new byte[2], _none));
        }

        (server, session, _) = await OpenAsync(isWritable: false);
        await using (server)
        await using (var transfer = new NbdTransfer(session, Limit, TimeProvider.System))
        {
            var failure = await Assert.ThrowsAsync<CloudException>(async () => await transfer.WriteAsync(0, new byte[512], _none));
            Assert.Contains("read-only", failure.Message, StringComparison.Ordinal);
            await transfer.ReadAsync(0, new byte[512], _none);
        }
    }

    [Fact]
    public async Task The_map_tells_what_holds_data_and_what_a_bitmap_saw_changed()
    {
        await MakeImageAsync();
        await WriteAsync((1_048_576, Bytes(65_536, 1)));
        await RunAsync("qemu-img", "bitmap", "--add", "-f", "qcow2", Image, "since");
        await WriteAsync((8_388_608, Bytes(65_536, 2)), (16_777_216, Bytes(131_072, 3)));

        var socket = Path.Combine(_folder.FullName, "s");
        using var server = Process.Start("qemu-nbd", ["-r", "-f", "qcow2", "-B", "since", "--shared", "0", "--persistent", "-k", socket,
            "-x", "disk", Image]);
        try
        {
            await Live.LiveServer.UntilAsync(Limit, "qemu-nbd listens", () => Task.FromResult(File.Exists(socket)));
            var address = new NbdAddress(socket, "disk", Image);
            using var allocated = NbdMap.Open(address, NbdWire.AllocationContext, Limit);
            Assert.Equal([new(1_048_576, 65_536), new(8_388_608, 65_536), new(16_777_216, 131_072)], Allocated(allocated, 0));
            Assert.Equal([new(16_777_300, 131_072 - 84)], Allocated(allocated, 16_777_300));
            Assert.Empty(Allocated(allocated, Length));
            using var changed = NbdMap.Open(address, NbdWire.DirtyBitmapPrefix + "since", Limit);
            Assert.Equal([new(8_388_608, 65_536), new(16_777_216, 131_072)], changed.Where(NbdWire.IsDirty, NbdWire.IsDirty, 0));

            var noBitmap = Assert.Throws<CloudException>(() => NbdMap.Open(address, NbdWire.DirtyBitmapPrefix + "other", Limit));
            Assert.Equal(CloudFailure.NotFound, noBitmap.Failure);
            var noExport = Assert.Throws<CloudException>(() => NbdSession.Open(address with { Export = "nothing" }, null, Limit));
            Assert.Equal(CloudFailure.NotFound, noExport.Failure);
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }

        static IEnumerable<Extent> Allocated(NbdMap map, long from) => map.Where(NbdWire.IsZero, 0, from);
    }

    [Fact]
    public async Task A_server_that_is_killed_fails_what_is_under_way_and_all_after_it()
    {
        await MakeImageAsync();
        var (server, session, _) = await OpenAsync();
        await using var ending = server;
        await using var transfer = new NbdTransfer(session, Limit, TimeProvider.System);
        await transfer.WriteAsync(0, Bytes(4096, 1), _none);
        using (var process = Process.GetProcessById(server.ProcessId)) process.Kill();
        for (var i = 0; i < 2; i++)
            await Assert.ThrowsAsync<CloudException>(async () => await transfer.ReadAsync(0, new byte[4096], _none));
    }

    [Fact]
    public async Task An_image_that_is_open_for_writing_is_in_use_and_one_that_is_none_is_refused()
    {
        await MakeImageAsync();
        var (server, session, _) = await OpenAsync();
        await using (server)
        await using (new NbdTransfer(session, Limit, TimeProvider.System))
        {
            var second = await Assert.ThrowsAsync<CloudException>(() => OpenAsync());
            Assert.Equal(CloudFailure.InUse, second.Failure);
        }
        await File.WriteAllTextAsync(Image, "no image at all", _none);
        var wrong = await Assert.ThrowsAsync<CloudException>(() => OpenAsync());
        Assert.Equal(CloudFailure.Other, wrong.Failure);
    }
}
