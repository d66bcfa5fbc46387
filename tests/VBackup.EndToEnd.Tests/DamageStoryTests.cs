using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>What a user does about damage, and what the commands tell to do next.</summary>
public sealed class DamageStoryTests
{
    [Fact]
    public async Task A_destroyed_point_is_named_given_up_and_collections_go_on()
    {
        await using var vault = await CliVault.MakeAsync();
        var lost = (await vault.BackUpAsync(Contents.Mixed(1, 300_000))).GetProperty("point").GetString()!;
        await vault.BackUpAsync(Contents.Mixed(2, 300_000));
        await DestroyAsync(vault, lost);

        var damage = (await vault.RunAsync("verify")).Expect(3).Events.Single(item => item.GetProperty("event").GetString() == "damage");
        Assert.Equal((lost, "point"), (damage.GetProperty("point").GetString(), damage.GetProperty("kind").GetString()));
        (await vault.RunAsync("gc")).Expect(3);
        (await vault.RunAsync("delete", lost[..8])).Expect(1);
        (await vault.RunAsync("repair")).Expect(3);
        Assert.True(File.Exists(Path.Combine(vault.VaultFolder, "points", lost)));

        var repaired = (await vault.RunAsync("repair", "--remove-unreadable")).Expect(0);
        Assert.Contains([.. repaired.Output, .. repaired.Errors], line =>
            line.Contains($"removing points/{lost}", StringComparison.Ordinal));
        vault.Complete.Remove(lost);
        (await vault.RunAsync("gc")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_destroyed_point_is_deleted_by_its_whole_id()
    {
        await using var vault = await CliVault.MakeAsync();
        var lost = (await vault.BackUpAsync(Contents.Mixed(1, 300_000))).GetProperty("point").GetString()!;
        await vault.BackUpAsync(Contents.Mixed(2, 300_000));
        await DestroyAsync(vault, lost);
        var deleted = (await vault.RunAsync("delete", lost)).Expect(0);
        Assert.Contains([.. deleted.Output, .. deleted.Errors], line => line.Contains("could not be read", StringComparison.Ordinal));
        vault.Complete.Remove(lost);
        (await vault.RunAsync("gc")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task After_a_repair_of_a_damaged_pack_repair_and_verify_say_that_a_collection_is_next()
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Incompressible(1, 300_000));
        await FlipABitAsync(vault);

        Assert.Contains("'vbackup vault repair'", await SayAsync(vault, 3, "verify", "--all-data"), StringComparison.Ordinal);
        Assert.Contains("next: 'vbackup vault gc'", await SayAsync(vault, 0, "repair", "--source", $"disk={vault.Source}"),
            StringComparison.Ordinal);
        var said = await SayAsync(vault, 3, "verify", "--all-data");
        Assert.Contains("'vbackup vault gc'", said, StringComparison.Ordinal);
        Assert.DoesNotContain("'vbackup vault repair'", said, StringComparison.Ordinal);
        (await vault.RunAsync("gc")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_restore_past_damage_names_the_pack_and_sums_up_in_its_last_line()
    {
        await using var vault = await CliVault.MakeAsync();
        var point = (await vault.BackUpAsync(Contents.Incompressible(1, 300_000))).GetProperty("point").GetString()!;
        var pack = await FlipABitAsync(vault);

        var restored = (await vault.RunAsync("restore", point, "--target", vault["target"], "--best-effort")).Expect(3);
        Assert.Contains(restored.Events, item => item.GetProperty("event").GetString() == "note"
            && item.GetProperty("message").GetString()!.StartsWith($"{pack} is damaged", StringComparison.Ordinal));
        Assert.Equal("completed", restored.Last.GetProperty("event").GetString());
        Assert.NotEmpty(restored.Last.GetProperty("damagedPacks").EnumerateArray());
    }

    [Fact]
    public async Task An_unreadable_condemnation_is_named_and_given_up_when_asked_for_and_nothing_is_lost()
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 300_000));
        var folder = Directory.CreateDirectory(Path.Combine(vault.VaultFolder, "condemned", new string('a', 32)));
        await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "00000000"), new byte[200]);

        var damage = (await vault.RunAsync("verify")).Expect(3).Events.Single(item => item.GetProperty("event").GetString() == "damage");
        Assert.Equal("condemnation", damage.GetProperty("kind").GetString());
        (await vault.RunAsync("gc")).Expect(3);
        Assert.Contains("'vbackup vault repair --remove-unreadable'", await SayAsync(vault, 3, "repair"), StringComparison.Ordinal);
        var packs = vault.Objects("packs").Length;
        Assert.Contains($"{packs} packs taken out of use", await SayAsync(vault, 0, "repair", "--remove-unreadable"),
            StringComparison.Ordinal);
        (await vault.RunAsync("gc")).Expect(0);
        (await vault.RunAsync("verify", "--all-data")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_key_slot_that_no_key_opens_any_more_says_what_helps()
    {
        await using var vault = await CliVault.MakeAsync();
        await File.WriteAllBytesAsync(Directory.GetFiles(Path.Combine(vault.VaultFolder, "keys")).Single(), new byte[200]);
        var refused = (await vault.RunAsync("list")).Expect(3);
        Assert.Contains([.. refused.Output, .. refused.Errors], line => line.Contains("recovery key", StringComparison.Ordinal));
    }

    /// <returns>The pack that is damaged now.</returns>
    static async Task<string> FlipABitAsync(CliVault vault)
    {
        var pack = vault.Objects("packs").MaxBy(name => new FileInfo(Path.Combine(vault.VaultFolder, name)).Length)!;
        var path = Path.Combine(vault.VaultFolder, pack);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[5000] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        return pack;
    }

    static async Task DestroyAsync(CliVault vault, string point) =>
        await File.WriteAllBytesAsync(Path.Combine(vault.VaultFolder, "points", point), new byte[200]);

    /// <summary>What people are told, who do not ask for JSON.</summary>
    static async Task<string> SayAsync(CliVault vault, int status, params string[] command)
    {
        var arguments = vault.Arguments(command).Where(argument => argument != "--json");
        return string.Join('\n', (await CliProcess.RunAsync(arguments, vault.Variables, folder: vault.Folder)).Expect(status).Output);
    }
}
