using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A vault in a folder on CephFS, which has no O_TMPFILE, no reflink and no flags of renameat2.</summary>
public sealed class CephFsTests
{
    const int Kills = 6;

    static async Task<(CephFsFolder Folder, CliVault Vault)> MakeAsync()
    {
        var folder = CephFsFolder.Make();
        var vault = new CliVault(folder["vault"]);
        await vault.InitAsync();
        return (folder, vault);
    }

    [Fact]
    public async Task A_vault_on_CephFS_is_filled_checked_collected_and_restored()
    {
        var (made, vault) = await MakeAsync();
        using var folder = made;
        await using var closing = vault;
        var first = Contents.Mixed(1, 40_000_000);
        await vault.BackUpAsync(first);
        await vault.BackUpAsync(Contents.Change(2, first, 200).Content, "--base", vault.Complete.Keys.First());
        await vault.CheckAllAsync();
        await vault.DeleteAsync(vault.Complete.Keys.First());
        (await vault.RunAsync("gc")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task Backups_killed_on_CephFS_leave_a_vault_that_is_sound_and_the_next_ones_work()
    {
        var (made, vault) = await MakeAsync();
        using var folder = made;
        await using var closing = vault;
        var content = Contents.Incompressible(1, 6_000_000);
        await vault.BackUpAsync(content);
        for (var kill = 1; kill <= Kills; kill++)
        {
            content = Contents.Change(kill, content, 300).Content;
            await File.WriteAllBytesAsync(vault.Source, content);
            await using (var run = CliProcess.Start(vault.BackupArguments("--limit-rate", "3MiB"), folder: vault.Folder))
            {
                // Some earlier and some later, but all after they have begun to write.
                Assert.True(await run.ComesBeforeEndAsync(UnfinishedAppearsAsync(vault, kill)), "it ended before it was killed");
                run.Kill();
                (await run.WaitAsync()).Expect(137);
            }
            await vault.CheckAllAsync();
        }
        await vault.BackUpAsync(content, "--base", vault.Complete.Keys.First());
        (await vault.RunAsync("gc", "--session-timeout", "0")).Expect(0);
        await vault.CheckAllAsync();
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(vault.Location, "unfinished")));
    }

    /// <summary>A pack is on its way, and so many times as much of it as the number says.</summary>
    static async Task UnfinishedAppearsAsync(CliVault vault, int number)
    {
        var unfinished = new DirectoryInfo(Path.Combine(vault.Location, "unfinished"));
        var before = unfinished.EnumerateFiles("packs*").Select(file => file.Name).ToHashSet();
        while (!unfinished.EnumerateFiles("packs*").Any(file => !before.Contains(file.Name) && file.Length >= number * 100_000L))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }
}
