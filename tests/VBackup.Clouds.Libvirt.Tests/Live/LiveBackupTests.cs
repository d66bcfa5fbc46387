using System.Diagnostics;
using System.Security.Cryptography;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

/// <summary>Instants of a running guest that keeps a journal on two disks: of qcow2, or one of them raw.</summary>
public sealed class LiveBackupTests : IAsyncLifetime
{
    const long Length = 64L << 20;
    static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(3), WriteLimit = TimeSpan.FromMinutes(1);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vbackup-live-");
    readonly string _name = $"vbb-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5))}";
    readonly CancellationToken _none = CancellationToken.None;
    readonly LibvirtHypervisor _hypervisor;
    readonly LibvirtFileStorage _storage;

    public LiveBackupTests()
    {
        LiveServer.SkipWithoutLab();
        Assert.SkipWhen(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("VBACKUP_TEST_EDGE")),
            "needs the lab's console: run ./test.sh");
        _hypervisor = new(new LibvirtSettings(LiveServer.Uri), TimeProvider.System);
        _storage = new(_hypervisor, _folder.FullName, TimeProvider.System);
    }

    IVolumeSnapshots Snapshots => _storage.Snapshots;

    VolumeId[] Volumes { get; set; } = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        await _hypervisor.StopAsync(_name, TimeSpan.Zero, default);
        await _hypervisor.RemoveAsync(_name, default);
        await _hypervisor.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    async Task StartAsync(string secondFormat = "qcow2")
    {
        Volumes = [new(Path.Combine(_folder.FullName, "a.qcow2")), new(Path.Combine(_folder.FullName, "b." + secondFormat))];
        foreach (var volume in Volumes) await _storage.CreateAsync(volume, Length, _none);
        var saved = await _hypervisor.ReadConfigurationAsync(LiveServer.Template, _none);
        await _hypervisor.DefineAsync(_name, saved, new Dictionary<string, VolumeId> { ["vda"] = Volumes[0], ["vdb"] = Volumes[1] }, _none);
        await BootAsync();
    }

    async Task BootAsync()
    {
        await _hypervisor.StartAsync(_name, _none);
        await LiveServer.UntilAsync(BootLimit, "the guest has booted", async () =>
        {
            var frozen = await _hypervisor.FreezeAsync(_name, _none);
            if (frozen is not null) await _hypervisor.ThawAsync(_name, _none);
            return frozen == 2;
        });
        // What the guest has said since it was started last is in the log of that name.
        var console = Path.Combine(Environment.GetEnvironmentVariable("VBACKUP_TEST_EDGE")!, "libvirt/log/qemu", _name + ".log");
        await LiveServer.UntilAsync(BootLimit, "the guest writes its journal", async () =>
            (await File.ReadAllTextAsync(console, _none)).Split("-msg timestamp=on")[^1].Contains("journal: writing",
                StringComparison.Ordinal));
        for (var i = 0; i < 3; i++) await UntilWrittenAsync();
    }

    // The guest's writes are seen in the images' files.
    async Task UntilWrittenAsync()
    {
        var before = File.GetLastWriteTimeUtc(Volumes[1].Value);
        await LiveServer.UntilAsync(WriteLimit, "the guest writes", () =>
            Task.FromResult(File.GetLastWriteTimeUtc(Volumes[1].Value) > before));
    }

    async Task<Instant> TakeFrozenAsync(string name)
    {
        Assert.Equal(2, await _hypervisor.FreezeAsync(_name, _none));
        try
        {
            return await Snapshots.TakeAsync(name, Volumes, _none);
        }
        finally
        {
            await _hypervisor.ThawAsync(_name, _none);
        }
    }

    async Task<byte[][]> ReadAsync(string instant)
    {
        List<byte[]> contents = [];
        foreach (var volume in Volumes)
        {
            await using var reader = await Snapshots.OpenAsync(instant, volume, _none);
            Assert.Equal(Length, reader.LengthBytes);
            var content = new byte[Length];
            foreach (var extent in reader.AllocatedExtents())
                await reader.ReadAsync(extent.Offset, content.AsMemory((int)extent.Offset, (int)extent.Length), _none);
            contents.Add(content);
        }
        return [.. contents];
    }

    async Task<string> CheckJournalAsync(byte[][] contents)
    {
        string[] images = [Path.Combine(_folder.FullName, "check-a.img"), Path.Combine(_folder.FullName, "check-b.img")];
        for (var i = 0; i < 2; i++) await File.WriteAllBytesAsync(images[i], contents[i]);
        using var check = Process.Start(new ProcessStartInfo(
            "python3", [Repository("lab/journal-check"), .. images]) { RedirectStandardOutput = true })!;
        var verdict = await check.StandardOutput.ReadToEndAsync();
        await check.WaitForExitAsync();
        return verdict;
    }

    static string Repository(string path)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "vBackup.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return Path.Combine(folder, path);
    }

    // What is rebuilt from an earlier instant and the told changes is the later one, byte for byte.
    async Task<long> RebuildAsync(byte[][] earlier, string from, string to, byte[][] later)
    {
        long told = 0;
        for (var i = 0; i < 2; i++)
        {
            var known = Assert.IsType<ChangeAnswer.Known>(await Snapshots.FindChangesAsync(Volumes[i], from, to, _none));
            var rebuilt = earlier[i].ToArray();
            foreach (var extent in known.Extents.Ranges)
                later[i].AsSpan((int)extent.Offset, (int)extent.Length).CopyTo(rebuilt.AsSpan((int)extent.Offset));
            Assert.Equal(rebuilt.Length, rebuilt.AsSpan().CommonPrefixLength(later[i]));
            told += known.Extents.TotalLength;
        }
        return told;
    }

    [Fact]
    public async Task Instants_under_write_load_are_frozen_and_their_changes_rebuild_them()
    {
        await StartAsync();
        var first = await TakeFrozenAsync("instant-1");
        Assert.Equal((InstantKind.Group, true, true), (first.Kind, first.IsComplete, first.IsReadable));
        Assert.Equal(first.TakenAt, (await Snapshots.TakeAsync("instant-1", Volumes, _none)).TakenAt);
        var before = await ReadAsync("instant-1");
        Assert.StartsWith("ORDER-OK FROZEN", await CheckJournalAsync(before), StringComparison.Ordinal);
        var again = await ReadAsync("instant-1");
        Assert.Equal(before[0].Length, before[0].AsSpan().CommonPrefixLength(again[0]));

        var busy = await Assert.ThrowsAsync<CloudException>(() => Snapshots.TakeAsync("instant-2", Volumes, _none));
        Assert.Equal(CloudFailure.InUse, busy.Failure);
        await using (var other = new LibvirtFileStorage(_hypervisor, _folder.FullName, TimeProvider.System))
        {
            busy = await Assert.ThrowsAsync<CloudException>(() => other.Snapshots.TakeAsync("instant-2", Volumes, _none));
            Assert.Equal(CloudFailure.InUse, busy.Failure);
        }
        await Snapshots.KeepAsBaseAsync("instant-1", Volumes, _none);
        Assert.False(Assert.Single(await Snapshots.ListAsync(Volumes, _none)).IsReadable);
        var gone = await Assert.ThrowsAsync<CloudException>(() => Snapshots.OpenAsync("instant-1", Volumes[0], _none));
        Assert.Equal(CloudFailure.NotSupported, gone.Failure);
        await UntilWrittenAsync();

        await TakeFrozenAsync("instant-2");
        var after = await ReadAsync("instant-2");
        Assert.StartsWith("ORDER-OK FROZEN", await CheckJournalAsync(after), StringComparison.Ordinal);
        Assert.InRange(await RebuildAsync(before, "instant-1", "instant-2", after), 1, 2 * Length - 1);
        // Two disks of different instants are told apart.
        Assert.StartsWith("ORDER-BROKEN", await CheckJournalAsync([before[0], after[1]]), StringComparison.Ordinal);

        // The first stays the base of somebody else's; both are answered.
        await Snapshots.KeepAsBaseAsync("instant-2", Volumes, _none);
        await UntilWrittenAsync();
        await TakeFrozenAsync("instant-3");
        var last = await ReadAsync("instant-3");
        await RebuildAsync(before, "instant-1", "instant-3", last);
        await RebuildAsync(after, "instant-2", "instant-3", last);

        foreach (var name in (string[])["instant-1", "instant-2", "instant-3"]) await Snapshots.RemoveAsync(name, Volumes, _none);
        Assert.Empty(await Snapshots.ListAsync(Volumes, _none));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder.FullName, ".vbackup/jobs")));
    }

    [Fact]
    public async Task A_raw_disk_is_read_whole_and_it_is_said_why()
    {
        await StartAsync("raw");
        await TakeFrozenAsync("instant-1");
        Assert.StartsWith("ORDER-OK FROZEN", await CheckJournalAsync(await ReadAsync("instant-1")), StringComparison.Ordinal);
        await Snapshots.KeepAsBaseAsync("instant-1", Volumes, _none);
        await TakeFrozenAsync("instant-2");
        Assert.IsType<ChangeAnswer.Known>(await Snapshots.FindChangesAsync(Volumes[0], "instant-1", "instant-2", _none));
        var lost = Assert.IsType<ChangeAnswer.Lost>(await Snapshots.FindChangesAsync(Volumes[1], "instant-1", "instant-2", _none));
        Assert.Contains("raw", lost.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bitmap_that_a_killed_QEMU_took_along_is_missed_and_the_next_is_a_base_again()
    {
        await StartAsync();
        await TakeFrozenAsync("instant-1");
        await Snapshots.KeepAsBaseAsync("instant-1", Volumes, _none);
        using (var qemu = QemuOf(_name)) qemu.Kill();
        await LiveServer.UntilAsync(WriteLimit, "libvirt sees it", async () =>
            (await _hypervisor.FindAsync(_name, _none))!.State == Servers.ServerState.Shutdown);
        await BootAsync();

        await TakeFrozenAsync("instant-2");
        var lost = Assert.IsType<ChangeAnswer.Lost>(await Snapshots.FindChangesAsync(Volumes[0], "instant-1", "instant-2", _none));
        Assert.Contains("lost", lost.Reason, StringComparison.Ordinal);
        var before = await ReadAsync("instant-2");
        Assert.StartsWith("ORDER-OK FROZEN", await CheckJournalAsync(before), StringComparison.Ordinal);
        Assert.Equal(["instant-2"], (await Snapshots.ListAsync(Volumes, _none)).Select(instant => instant.Name));

        // A clean end keeps what was recorded.
        await Snapshots.KeepAsBaseAsync("instant-2", Volumes, _none);
        await _hypervisor.StopAsync(_name, TimeSpan.FromMinutes(1), _none);
        await BootAsync();
        await TakeFrozenAsync("instant-3");
        await RebuildAsync(before, "instant-2", "instant-3", await ReadAsync("instant-3"));
    }

    [Fact]
    public async Task A_server_that_is_shut_down_is_copied_and_rolled_back_to_and_its_bases_go_with_their_bitmaps()
    {
        await StartAsync();
        await TakeFrozenAsync("instant-1");
        var inUse = await Assert.ThrowsAsync<CloudException>(() => _storage.OpenWriterAsync(Volumes[0], new() { TakesOver = true }, _none));
        Assert.Equal(CloudFailure.InUse, inUse.Failure);
        await Snapshots.KeepAsBaseAsync("instant-1", Volumes, _none);
        await _hypervisor.StopAsync(_name, TimeSpan.FromMinutes(1), _none);

        await Snapshots.TakeAsync("safety-1", Volumes, _none);
        var content = await ReadAsync("safety-1");
        Assert.StartsWith("ORDER-OK", await CheckJournalAsync(content), StringComparison.Ordinal);
        Assert.IsType<ChangeAnswer.Lost>(await Snapshots.FindChangesAsync(Volumes[0], "instant-1", "safety-1", _none));
        await Snapshots.RemoveAsync("instant-1", Volumes, _none);
        Assert.Equal(["safety-1"], (await Snapshots.ListAsync(Volumes, _none)).Select(instant => instant.Name));
        await using (var writer = await _storage.OpenWriterAsync(Volumes[0], new() { TakesOver = true }, _none))
        {
            await writer.ZeroAsync(new Extent(0, Length), _none);
            await writer.FlushAsync(_none);
        }
        await Snapshots.RollBackAsync("safety-1", Volumes, _none);
        await using (var reader = await _storage.OpenReaderAsync(Volumes[0], _none))
        {
            var found = new byte[Length];
            await reader.ReadAsync(0, found, _none);
            Assert.Equal(found.Length, found.AsSpan().CommonPrefixLength(content[0]));
        }
        await Snapshots.RemoveAsync("safety-1", Volumes, _none);
        await BootAsync();
    }

    static Process QemuOf(string server) => Process.GetProcesses().Single(process =>
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline").Contains($"guest={server},", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // It has ended since it was listed.
            return false;
        }
    });
}
