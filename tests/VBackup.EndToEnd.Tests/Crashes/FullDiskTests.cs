using System.Globalization;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

public sealed class FullDiskTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_full_disk_is_told_in_one_line_and_once_there_is_space_the_next_backup_works(int seed)
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root to mount a small tmpfs");
        await using var vault = new CliVault();
        Directory.CreateDirectory(vault.VaultFolder);
        var kilobytes = 2_500 + new Random(seed).Next(4_000);
        var mounted = await CliProcess.RunAsync(
            ["-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={kilobytes}k"), "none", vault.VaultFolder],
                program: "/bin/mount");
        Assert.SkipUnless(mounted.Status == 0, $"no file system can be mounted here: {string.Join(' ', mounted.Errors)}");
        try
        {
            await vault.InitAsync();
            await vault.BackUpAsync(Contents.Incompressible(seed, 1_000_000));
            await File.WriteAllBytesAsync(vault.Source, Contents.Incompressible(seed + 100, 8_000_000));
            var full = (await CliProcess.RunAsync(vault.BackupArguments(), folder: vault.Folder)).Expect(1);
            Assert.Contains("no space left", Assert.Single(full.Errors), StringComparison.Ordinal);
            await vault.CheckAllAsync();

            // Not even a session fits in: it is read all the same.
            var filler = vault["vault/filler"];
            Fill(filler);
            var unprotected = (await vault.RunAsync("verify", "--all-data")).Expect(0);
            Assert.Contains(unprotected.Output, line => line.Contains("nothing can be stored in the vault now", StringComparison.Ordinal));
            await vault.CheckAllAsync();
            File.Delete(filler);

            (await CliProcess.RunAsync(["-o", "remount,size=64m", vault.VaultFolder], program: "/bin/mount")).Expect(0);
            await vault.BackUpAsync(Contents.Incompressible(seed + 100, 8_000_000));
            await vault.CheckAllAsync();
            await vault.DeleteAllAndExpectNothingLeftAsync();
        }
        finally
        {
            (await CliProcess.RunAsync([vault.VaultFolder], program: "/bin/umount")).Expect(0);
        }
    }

    static void Fill(string path)
    {
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        var piece = new byte[4096];
        try
        {
            for (long at = 0; ; at += piece.Length) RandomAccess.Write(file, piece, at);
        }
        catch (IOException)
        {
            // Full, as it was meant to be.
        }
    }

    [Fact]
    public async Task A_restore_to_a_full_disk_is_told_in_one_line_and_leaves_nothing()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root to mount a small tmpfs");
        await using var vault = await CliVault.MakeAsync();
        var point = (await vault.BackUpAsync(Contents.Incompressible(1, 3_000_000))).GetProperty("point").GetString()!;
        Directory.CreateDirectory(vault["small"]);
        var mounted = await CliProcess.RunAsync(["-t", "tmpfs", "-o", "size=1m", "none", vault["small"]], program: "/bin/mount");
        Assert.SkipUnless(mounted.Status == 0, $"no file system can be mounted here: {string.Join(' ', mounted.Errors)}");
        try
        {
            var full = (await vault.RunAsync("restore", point, "--target", Path.Combine(vault["small"], "target"))).Expect(1);
            Assert.Contains("no space left", Assert.Single(full.Errors), StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFileSystemEntries(vault["small"]));

            // What was there before stays, and is not what it was.
            var there = Path.Combine(vault["small"], "there");
            using (var file = File.OpenHandle(there, FileMode.CreateNew, FileAccess.Write)) RandomAccess.SetLength(file, 3_000_000);
            var overwritten = (await vault.RunAsync("restore", point, "--target", there)).Expect(1);
            Assert.EndsWith("is partly overwritten", Assert.Single(overwritten.Errors), StringComparison.Ordinal);
            Assert.True(File.Exists(there));
        }
        finally
        {
            (await CliProcess.RunAsync([vault["small"]], program: "/bin/umount")).Expect(0);
        }
    }
}
