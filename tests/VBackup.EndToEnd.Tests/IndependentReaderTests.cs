using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A reader written from the format's description alone restores what the command line wrote.</summary>
public sealed class IndependentReaderTests
{
    static readonly string s_script = Path.Combine(AppContext.BaseDirectory, "reader", "read_vault.py");

    [Fact]
    public async Task The_independent_reader_restores_fulls_and_incrementals_before_and_after_a_collection()
    {
        await Needs.PythonCryptographyAsync();
        await using var vault = await CliVault.MakeAsync();
        var first = Contents.Mixed(1, 5_000_001);
        await vault.BackUpAsync(first);
        var full = vault.Complete.Keys.Single();
        var second = Contents.Change(2, first, 200).Content;
        await vault.BackUpAsync(second, "--base", full);
        await ReadAllAsync(vault, "--key-file", vault["key"]);

        // Most of the full's pack is garbage then. Rewriting it leaves the hints of the incremental's nodes stale.
        await vault.DeleteAsync(full);
        Assert.True((await vault.RunAsync("gc")).Expect(0).Last.GetProperty("packsRewritten").GetInt32() > 0, "no pack was rewritten");
        await ReadAllAsync(vault, "--key-file", vault["key"]);
    }

    [Fact]
    public async Task The_independent_reader_opens_a_vault_by_its_passphrase()
    {
        await Needs.PythonCryptographyAsync();
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 100_001));
        await File.WriteAllTextAsync(vault["passphrase"], "correct horse\n");
        (await CliProcess.RunAsync(["key", "rotate", "--vault", vault.Location, "--key-file", vault["key"],
            "--new-passphrase-file", vault["passphrase"]])).Expect(0);
        await ReadAllAsync(vault, "--passphrase-file", vault["passphrase"]);
    }

    static async Task ReadAllAsync(CliVault vault, string option, string file)
    {
        foreach (var (point, content) in vault.Complete)
        {
            var target = vault[$"read-{point}"];
            (await CliProcess.RunAsync([s_script, "restore", vault.VaultFolder, option, file, point, "disk", target],
                program: "/usr/bin/python3")).Expect(0);
            var read = await File.ReadAllBytesAsync(target);
            Assert.True(content.AsSpan().SequenceEqual(read), $"point {point} was read otherwise");
            File.Delete(target);
        }
    }
}
