using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

public sealed class RetryTests
{
    [Fact]
    public async Task A_backup_after_a_crash_uploads_at_most_a_few_packs_again()
    {
        await using var vault = await CliVault.MakeAsync();
        const int length = 320 << 20;
        // Random contents that take no long to make: each block is a counter under a seed.
        var content = Contents.Incompressible(1, length);
        await File.WriteAllBytesAsync(vault.Source, content);
        var indexed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var watcher = new FileSystemWatcher(vault.VaultFolder) { IncludeSubdirectories = true,
            NotifyFilter = NotifyFilters.FileName };
        watcher.Created += (_, file) => Notice(file.Name);
        watcher.Renamed += (_, file) => Notice(file.Name);
        watcher.EnableRaisingEvents = true;
        await using (var run = CliProcess.Start(vault.BackupArguments(), folder: vault.Folder))
        {
            Assert.True(await run.ComesBeforeEndAsync(indexed.Task), "the backup ended before an index object came");
            run.Kill();
            Assert.Equal(137, (await run.WaitAsync()).Status);
        }
        var before = vault.PackBytes();
        var completed = (await CliProcess.RunAsync(vault.BackupArguments(), folder: vault.Folder)).Expect(0).Last;
        var stored = completed.GetProperty("storedBytes").GetInt64();
        // Four packs between two index objects, as many on their way, and one that each of two lanes fills.
        const long few = 10L * 33 << 20;
        Assert.InRange(before, 4L * 30 << 20, length * 2L);
        Assert.InRange(before + stored, 0, length + few);
        Assert.True(stored < length - (100 << 20), $"{stored} bytes were stored again, {before} were there");
        (await vault.RunAsync("verify", "--all-data")).Expect(0);

        void Notice(string? name)
        {
            if (name?.StartsWith("index/", StringComparison.Ordinal) == true) indexed.TrySetResult();
        }
    }
}
