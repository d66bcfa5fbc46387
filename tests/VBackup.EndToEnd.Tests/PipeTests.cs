using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>Pipes in place of files, and outputs that take nothing.</summary>
public sealed class PipeTests
{
    [Fact]
    public async Task Extents_metadata_and_keys_may_come_out_of_pipes()
    {
        await using var vault = await CliVault.MakeAsync();
        var first = Contents.Mixed(1, 1_000_000);
        var point = (await vault.BackUpAsync(first)).GetProperty("point").GetString()!;
        var (second, changed) = Contents.Change(2, first, 3);
        await File.WriteAllBytesAsync(vault.Source, second);
        await File.WriteAllTextAsync(vault["changed.json"], $"\n {Contents.Json(changed)}");
        const string script = """
            exec "$0" vault backup --vault "$1" --key-file <(cat key) --json --name s --volume "disk=$2" --base "$3" \
                --changed disk=<(cat changed.json) --metadata <(echo '{"ticket":7}')
            """;
        var done = (await CliProcess.RunAsync(
            ["-c", script, CliProcess.Program, vault.VaultFolder, vault.Source, point], program: "/bin/bash", folder: vault.Folder))
                .Expect(0).Last;
        Assert.Equal(3 * Contents.Block, done.GetProperty("readBytes").GetInt64());
        vault.Complete[done.GetProperty("point").GetString()!] = second;
        var shown = (await vault.RunAsync("show", done.GetProperty("point").GetString()!)).Expect(0).Last;
        Assert.Equal(7, shown.GetProperty("metadata").GetProperty("ticket").GetInt32());
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_pipe_without_end_is_read_no_further_than_the_limit()
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 100_000));
        var refused = (await CliProcess.RunAsync(vault.BackupArguments("--metadata", "/dev/zero"), folder: vault.Folder)).Expect(1);
        Assert.Contains("more than 1.00 MiB", Assert.Single(refused.Errors), StringComparison.Ordinal);
    }

    /// <summary>First one that says nothing more, then one that nobody writes to.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_waits_for_a_pipe_can_be_stopped(bool isComplete)
    {
        await using var vault = await CliVault.MakeAsync();
        var point = (await vault.BackUpAsync(Contents.Mixed(1, 100_000))).GetProperty("point").GetString()!;
        (await CliProcess.RunAsync([vault["changed"], vault["metadata"]], program: "/usr/bin/mkfifo")).Expect(0);
        await using var run = CliProcess.Start(
            vault.BackupArguments("--base", point, "--changed", $"disk={vault["changed"]}", "--metadata", vault["metadata"]),
                folder: vault.Folder);
        // Opens when the program has opened the other end.
        await using (var pipe = await Task.Run(() => new FileStream(vault["changed"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite,
            0)))
        {
            await pipe.WriteAsync(isComplete ? "[]"u8.ToArray() : "["u8.ToArray());
            if (isComplete) pipe.Close();
            await run.SignalAsync("TERM");
            var stopped = (await run.WaitAsync()).Expect(1);
            Assert.StartsWith("vbackup: stopped", Assert.Single(stopped.Errors), StringComparison.Ordinal);
        }
        await vault.CheckAllAsync();
    }

    [Theory]
    [InlineData("--json >/dev/full", true)]
    [InlineData(">/dev/full", true)]
    [InlineData(">&-", true)]
    [InlineData("--json >&-", true)]
    [InlineData(">&- 2>&-", false)]
    [InlineData(">/dev/full 2>/dev/full", false)]
    [InlineData("--json >/dev/full 2>/dev/full", false)]
    public async Task A_backup_whose_output_is_lost_is_published_and_says_so_if_it_can(string output, bool isTold)
    {
        await using var vault = await CliVault.MakeAsync();
        await File.WriteAllBytesAsync(vault.Source, Contents.Mixed(1, 100_000));
        var ended = (await CliProcess.RunAsync(
            ["-c", $"exec \"$0\" vault backup --vault vault --key-file key --name s --volume disk=disk.img {output}", CliProcess.Program],
            program: "/bin/bash", folder: vault.Folder)).Expect(1);
        if (isTold) Assert.Contains("output could not be written", Assert.Single(ended.Errors), StringComparison.Ordinal);
        Assert.Single(await vault.PointsAsync());
    }

    [Theory]
    [InlineData("vault list --vault nowhere --key-file key --json >/dev/full", 1)]
    [InlineData("--help >/dev/full", 1)]
    [InlineData("vault frobnicate --json >/dev/full 2>/dev/full", 2)]
    public async Task A_failure_that_cannot_be_told_keeps_its_status(string command, int status)
    {
        await using var vault = await CliVault.MakeAsync();
        var ended = await CliProcess.RunAsync(["-c", $"exec \"$0\" {command}", CliProcess.Program], program: "/bin/bash",
            folder: vault.Folder);
        ended.Expect(status);
        Assert.InRange(ended.Errors.Count, 0, 1);
    }
}
