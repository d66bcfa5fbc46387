using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>Every command, in the order in which a user would give them: on a folder, and on real S3.</summary>
public sealed class BackupStoryTests
{
    static readonly string[] s_completedFields =
        ["event", "point", "type", "logicalBytes", "readBytes", "storedBytes", "elapsedSeconds"];

    [Fact]
    public async Task A_vault_in_a_folder_serves_from_init_to_the_last_collection()
    {
        await using var vault = await CliVault.MakeAsync();
        await TellAsync(vault);
        await vault.DeleteAllAndExpectNothingLeftAsync();
    }

    [Fact]
    public async Task A_vault_on_S3_serves_from_init_to_the_last_collection()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync();
        await using var vault = new CliVault($"s3://{bucket.Name}/some/prefix") { Variables = S3Bucket.Variables };
        await vault.InitAsync();
        await TellAsync(vault);
        foreach (var point in vault.Complete.Keys.ToList()) await vault.DeleteAsync(point);
        (await vault.RunAsync("gc")).Expect(0);
        var left = await bucket.ObjectsAsync();
        Assert.Equal(["keys", "vault"], left.Select(name => name["some/prefix/".Length..].Split('/')[0]).Distinct().Order());
    }

    static async Task TellAsync(CliVault vault)
    {
        var first = Contents.Mixed(1, 3_000_001);
        var full = await vault.BackUpAsync(first);
        CheckShape(full, "full", first.Length);
        var fullId = full.GetProperty("point").GetString()!;

        var (second, changed) = Contents.Change(2, first, 12);
        await File.WriteAllTextAsync(vault["changed.json"], Contents.Json(changed));
        var told = await vault.BackUpAsync(second, "--base", fullId[..8], "--changed", $"disk={vault["changed.json"]}");
        CheckShape(told, "incremental", second.Length);
        Assert.Equal(12 * Contents.Block, told.GetProperty("readBytes").GetInt64());
        var toldId = told.GetProperty("point").GetString()!;

        var (third, _) = Contents.Change(3, second, 5);
        var reread = await vault.BackUpAsync(third, "--base", toldId);
        CheckShape(reread, "incremental", third.Length);
        Assert.True(Stored(reread) < Stored(full) / 4, $"{Stored(reread)} of {Stored(full)} bytes");

        var listed = (await vault.RunAsync("list")).Expect(0).Events.ToList();
        Assert.Equal([.. vault.Complete.Keys], listed.Select(point => point.GetProperty("id").GetString()));
        Assert.All(listed, CheckSizes);
        var shown = (await vault.RunAsync("show", toldId)).Expect(0).Last;
        Assert.Equal(fullId, shown.GetProperty("base").GetString());
        var statistics = (await vault.RunAsync("stats")).Expect(0).Last;
        Assert.Equal((3, 0), (statistics.GetProperty("points").GetInt32(), statistics.GetProperty("runningSessions").GetInt32()));

        (await vault.RunAsync("verify")).Expect(0);
        await vault.CheckAllAsync();
        await RestoreADifferenceAsync(vault, fullId, first, third);

        await vault.DeleteAsync(fullId);
        Assert.Equal("completed", (await vault.RunAsync("gc")).Expect(0).Last.GetProperty("event").GetString());
        Assert.Equal(0,
            (await vault.RunAsync("repair", "--source", $"disk={vault.Source}")).Expect(0).Last.GetProperty("damages").GetInt32());
        await vault.CheckAllAsync();
        await ChangeKeysAsync(vault);
    }

    static async Task RestoreADifferenceAsync(CliVault vault, string fullId, byte[] first, byte[] third)
    {
        await File.WriteAllBytesAsync(vault["target"], third);
        var delta = (await vault.RunAsync("restore", fullId, "--volume", "disk", "--target", vault["target"], "--delta")).Expect(0).Last;
        Assert.Equal(first, await File.ReadAllBytesAsync(vault["target"]));
        Assert.InRange(delta.GetProperty("writtenBytes").GetInt64(), 1, 20 * Contents.Block);

        await File.WriteAllBytesAsync(vault["target"], Contents.Incompressible(7, first.Length));
        (await vault.RunAsync("restore", fullId, "--target", vault["target"])).Expect(0);
        Assert.Equal(first, await File.ReadAllBytesAsync(vault["target"]));
    }

    static async Task ChangeKeysAsync(CliVault vault)
    {
        string[] on = ["--vault", vault.Location, "--key-file", vault["key"], "--json"];
        var recovery = (await CliProcess.RunAsync(["key", "recovery", .. on], vault.Variables)).Expect(0).Last;
        await File.WriteAllTextAsync(vault["recovery"], recovery.GetProperty("recoveryKey").GetString());
        (await CliProcess.RunAsync(["key", "rotate", .. on, "--new-key-file", vault["key2"]], vault.Variables)).Expect(0);
        var refused = (await vault.RunAsync("list")).Expect(1);
        Assert.Contains("does not open the vault", Assert.Single(refused.Errors), StringComparison.Ordinal);

        File.Copy(vault["key"], vault["old-key"]);
        File.Copy(vault["recovery"], vault["key"], overwrite: true);
        await vault.CheckAllAsync();

        await File.WriteAllTextAsync(vault["passphrase"], "correct horse battery staple\n");
        (await CliProcess.RunAsync(["key", "rotate", .. on, "--new-passphrase-file", vault["passphrase"]], vault.Variables)).Expect(0);
        (await CliProcess.RunAsync(
            ["vault", "verify", "--vault", vault.Location, "--passphrase-file", vault["passphrase"]], vault.Variables)).Expect(0);
        // The recovery key replaced every key file, and stayed: from here on it is the key.
        (await CliProcess.RunAsync(["vault", "list", "--vault", vault.Location, "--key-file", vault["key2"]], vault.Variables)).Expect(1);
        await ListAndRemoveKeysAsync(vault, on);
    }

    static async Task ListAndRemoveKeysAsync(CliVault vault, string[] on)
    {
        var slots = (await CliProcess.RunAsync(["key", "list", .. on], vault.Variables)).Expect(0).Events.ToList();
        Assert.Equal(["passphrase", "recovery-key"], slots.Select(slot => slot.GetProperty("kind").GetString()).Order());
        string SlotOf(bool opened) => slots.Single(slot => slot.GetProperty("opened").GetBoolean() == opened).GetProperty("slot")
            .GetString()!;
        (await CliProcess.RunAsync(["key", "remove", SlotOf(opened: true), .. on], vault.Variables)).Expect(1);
        (await CliProcess.RunAsync(["key", "remove", SlotOf(opened: false), .. on], vault.Variables)).Expect(0);
        (await CliProcess.RunAsync(
            ["vault", "list", "--vault", vault.Location, "--passphrase-file", vault["passphrase"]], vault.Variables)).Expect(1);
        Assert.Single((await CliProcess.RunAsync(["key", "list", .. on], vault.Variables)).Expect(0).Output);
    }

    static void CheckShape(JsonElement completed, string type, long logicalBytes)
    {
        // Further fields may follow: programs pass over what they do not know.
        Assert.Equal(s_completedFields, completed.EnumerateObject().Take(s_completedFields.Length).Select(field => field.Name));
        Assert.Equal("completed", completed.GetProperty("event").GetString());
        Assert.Equal(type, completed.GetProperty("type").GetString());
        Assert.Equal(logicalBytes, completed.GetProperty("logicalBytes").GetInt64());
        Assert.Equal(JsonValueKind.Number, completed.GetProperty("elapsedSeconds").ValueKind);
        Assert.InRange(Stored(completed), 1, completed.GetProperty("readBytes").GetInt64() * 2);
    }

    static void CheckSizes(JsonElement point)
    {
        foreach (var size in new[] { "logicalBytes", "readBytes", "storedBytes", "freedBytes" })
            Assert.True(point.GetProperty(size).GetInt64() > 0, $"{size} of {point}");
    }

    static long Stored(JsonElement completed) => completed.GetProperty("storedBytes").GetInt64();
}
