using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

/// <summary>Runs that are stopped in the middle: by Ctrl-C, or by a machine that stands still.</summary>
public sealed class StopTests
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Ctrl_C_in_mid_backup_stops_cleanly_with_one_line(string signal)
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 1_000_000));
        await File.WriteAllBytesAsync(vault["big.img"], Contents.Incompressible(2, 24 << 20));
        var stopped = await InMidBackupAsync(vault, run => run.SignalAsync(signal));
        stopped.Expect(1);
        Assert.Equal("vbackup: stopped; what was complete before is untouched", Assert.Single(stopped.Errors));
        Assert.Equal("failed", stopped.Last.GetProperty("event").GetString());
        await vault.CheckAllAsync();
        await vault.BackUpAsync(Contents.Mixed(3, 1_000_000));
        await vault.DeleteAllAndExpectNothingLeftAsync();
    }

    [Fact]
    public async Task A_restore_that_is_stopped_leaves_no_half_written_file()
    {
        await using var vault = await CliVault.MakeAsync();
        var point = (await vault.BackUpAsync(Contents.Incompressible(2, 24 << 20))).GetProperty("point").GetString()!;
        var moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var run = CliProcess.Start(
            vault.Arguments("restore", point, "--target", vault["target"], "--limit-rate", "5MiB"), folder: vault.Folder,
            onOutput: (_, line) => NoticeProgress(line, moving));
        Assert.True(await run.ComesBeforeEndAsync(moving.Task), "it ended before it showed progress");
        await run.SignalAsync("INT");
        var stopped = (await run.WaitAsync()).Expect(1);
        Assert.Contains("the incomplete", Assert.Single(stopped.Errors), StringComparison.Ordinal);
        Assert.False(File.Exists(vault["target"]));
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_writer_that_stood_still_and_was_revoked_says_so_and_hurts_no_point()
    {
        await using var vault = await CliVault.MakeAsync();
        var shared = Contents.Incompressible(1, 2_000_000);
        await vault.BackUpAsync(shared);
        var goes = vault.Complete.Keys.Single();
        await vault.BackUpAsync(Contents.Mixed(5, 1_000_000));
        // The first volume is already there, and is reused: the pack that holds it goes from under the run.
        await File.WriteAllBytesAsync(vault.Source, shared);
        await File.WriteAllBytesAsync(vault["big.img"], Contents.Incompressible(2, 24 << 20));
        var woken = await InMidBackupAsync(vault, async run =>
        {
            await run.SignalAsync("STOP");
            await vault.DeleteAsync(goes);
            var collected = (await vault.RunAsync("gc", "--session-timeout", "0")).Expect(0).Last;
            Assert.Equal(1, collected.GetProperty("sessionsRevoked").GetInt32());
            Assert.True(collected.GetProperty("packsDeleted").GetInt32() > 0, $"{collected}");
            await run.SignalAsync("CONT");
        });
        woken.Expect(1);
        Assert.Contains("revoked", Assert.Single(woken.Errors));
        await vault.CheckAllAsync();
        await vault.BackUpAsync(shared);
        await vault.CheckAllAsync();
        await vault.DeleteAllAndExpectNothingLeftAsync();
    }

    [Fact]
    public async Task A_collection_says_for_whom_it_waits_and_ends_by_Ctrl_C()
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 1_000_000));
        await File.WriteAllBytesAsync(vault["big.img"], Contents.Incompressible(2, 24 << 20));
        var woken = (await InMidBackupAsync(vault, async run =>
        {
            await run.SignalAsync("STOP");
            var waits = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var collecting = CliProcess.Start(vault.Arguments("gc"), folder: vault.Folder, onOutput: (_, line) =>
            {
                if (line.Contains("\"note\"", StringComparison.Ordinal)) waits.TrySetResult(line);
            });
            Assert.True(await collecting.ComesBeforeEndAsync(waits.Task), "it did not wait");
            foreach (var word in (string[])["backup", Environment.MachineName, "no sign of life", "15 min", "--session-timeout", "Ctrl-C"])
                Assert.Contains(word, await waits.Task, StringComparison.Ordinal);
            await collecting.SignalAsync("INT");
            var stopped = (await collecting.WaitAsync()).Expect(1);
            Assert.Equal("vbackup: stopped; what was complete before is untouched", Assert.Single(stopped.Errors));
            await run.SignalAsync("CONT");
        })).Expect(0).Last.GetProperty("point").GetString()!;
        // What was waited for went on, and is whole.
        Assert.Contains(woken, await vault.PointsAsync());
        (await vault.RunAsync("verify", "--all-data")).Expect(0);
        await vault.DeleteAsync(woken);
        await vault.CheckAllAsync();
    }

    /// <summary>Does something to a backup of two volumes when the second is on its way, and waits for its end.</summary>
    static async Task<Ended> InMidBackupAsync(CliVault vault, Func<CliProcess, Task> act)
    {
        var moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var run = CliProcess.Start(
            vault.BackupArguments("--volume", $"big={vault["big.img"]}", "--limit-rate", "5MiB"), folder: vault.Folder,
            onOutput: (_, line) => NoticeProgress(line, moving));
        Assert.True(await run.ComesBeforeEndAsync(moving.Task), "it ended before it showed progress");
        await act(run);
        return await run.WaitAsync();
    }

    static void NoticeProgress(string line, TaskCompletionSource moving)
    {
        if (line.Contains("\"progress\"", StringComparison.Ordinal)) moving.TrySetResult();
    }
}
