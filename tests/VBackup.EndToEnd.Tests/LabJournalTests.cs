using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>The lab's oracle for "one instant of two disks": the journal that its guest writes, and lab/journal-check, which
/// reads it from images. Here the journal runs on two folders, which become file systems without being mounted.</summary>
public sealed class LabJournalTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-journal-").FullName;

    string Journal => Path.Combine(_folder, "journal");

    [Fact]
    public async Task Two_disks_of_one_instant_are_in_order()
    {
        await CompileAsync();
        await WriteUntilAsync("journal: writing from 1");
        await WriteUntilAsync("journal: written 512");
        Assert.Equal("ORDER-OK FROZEN", await CheckAsync(await ImageAsync("a"), await ImageAsync("b")));
    }

    [Fact]
    public async Task Disks_of_two_instants_are_found_and_the_guest_does_not_go_on_with_them()
    {
        await CompileAsync();
        await WriteUntilAsync("journal: writing from 1");
        var (a, b) = (await ImageAsync("a"), await ImageAsync("b"));
        var earlier = File.ReadAllBytes(JournalOf("b"));
        await WriteUntilAsync("journal: written 512");
        Assert.Equal("ORDER-BROKEN FROZEN", await CheckAsync(await ImageAsync("a"), b));
        Assert.Equal("ORDER-BROKEN FROZEN", await CheckAsync(a, await ImageAsync("b")));

        File.WriteAllBytes(JournalOf("b"), earlier);
        var ended = (await CliProcess.RunAsync(["a", "b", "0", "0"], program: Journal, folder: _folder)).Expect(1);
        Assert.EndsWith("ORDER-BROKEN", ended.Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_record_is_found()
    {
        await CompileAsync();
        await WriteUntilAsync("journal: written 512");
        var ring = File.ReadAllBytes(JournalOf("a"));
        ring[(100 * 64) + 20] ^= 1;
        File.WriteAllBytes(JournalOf("a"), ring);
        Assert.Equal("ORDER-BROKEN FROZEN", await CheckAsync(await ImageAsync("a"), await ImageAsync("b")));
    }

    [Fact]
    public async Task A_file_system_with_a_log_to_be_replayed_was_not_frozen()
    {
        await CompileAsync();
        await WriteUntilAsync("journal: written 512");
        var (a, b) = (await ImageAsync("a"), await ImageAsync("b"));
        (await CliProcess.RunAsync(["-w", "-R", "feature needs_recovery", b], program: "/usr/sbin/debugfs")).Expect(0);
        Assert.Equal("ORDER-OK CRASH-CONSISTENT", await CheckAsync(a, b));
    }

    [Fact]
    public async Task A_damaged_file_system_is_found()
    {
        await CompileAsync();
        await WriteUntilAsync("journal: writing from 1");
        var (a, b) = (await ImageAsync("a"), await ImageAsync("b"));
        (await CliProcess.RunAsync(["-w", "-R", "clri <2>", b], program: "/usr/sbin/debugfs")).Expect(0);
        Assert.Equal("ORDER-BROKEN DAMAGED", await CheckAsync(a, b));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string JournalOf(string disk) => Path.Combine(_folder, disk, "journal");

    async Task CompileAsync()
    {
        Needs.Program("/usr/bin/gcc", "gcc libc6-dev");
        Needs.Program("/usr/bin/python3", "python3");
        Needs.Program("/usr/sbin/debugfs", "e2fsprogs");
        foreach (var disk in new[] { "a", "b" }) Directory.CreateDirectory(Path.Combine(_folder, disk));
        var source = Path.Combine(AppContext.BaseDirectory, "lab", "journal.c");
        (await CliProcess.RunAsync(["-std=c11", "-O2", "-o", Journal, source], program: "/usr/bin/gcc")).Expect(0);
    }

    /// <summary>Kills the journal once it has said something.</summary>
    async Task WriteUntilAsync(string said)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var journal = CliProcess.Start(["a", "b", "0", "4"], program: Journal, folder: _folder, onOutput: (_, line) =>
        {
            if (line == said) heard.SetResult();
        });
        Assert.True(await journal.ComesBeforeEndAsync(heard.Task), $"the journal never said: {said}");
    }

    /// <summary>A file system with what a disk's folder holds now.</summary>
    async Task<string> ImageAsync(string disk)
    {
        var image = Path.Combine(_folder, $"{disk}-{Directory.GetFiles(_folder).Length}.raw");
        (await CliProcess.RunAsync(["-q", "-t", "ext4", "-d", Path.Combine(_folder, disk), image, "16M"],
            program: "/usr/sbin/mke2fs")).Expect(0);
        return image;
    }

    static async Task<string> CheckAsync(string a, string b)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "lab", "journal-check");
        var checkedImages = await CliProcess.RunAsync([script, a, b, "--json"], program: "/usr/bin/python3");
        var verdict = checkedImages.Last;
        var (order, consistency) = (verdict.GetProperty("order").GetString(), verdict.GetProperty("consistency").GetString());
        checkedImages.Expect(order == "ORDER-OK" && consistency != "DAMAGED" ? 0 : 1);
        return $"{order} {consistency}";
    }
}
