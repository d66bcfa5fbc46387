using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A server that is backed up into several vaults has a base for each, and nobody removes another's by mistake.</summary>
public sealed class OtherVaultsTests
{
    static Task<EdgeWorld> MakeAsync() => EdgeWorld.OfLabCloudAsync("web-1", ("vda", Contents.Mixed(1, 300_000)));

    static string[] OptionsOf(CliVault vault) => ["--vault", vault.Location, "--key-file", vault["key"]];

    static async Task<JsonElement> TheOnlyOrphanAsync(EdgeWorld world) =>
        Assert.Single((await world.OnVaultAsync("snapshots", "orphans", "--server", "web-1")).Expect(0).Events);

    [Fact]
    public async Task Another_vaults_base_is_shown_as_such_and_is_not_released_but_by_its_owner_or_on_purpose()
    {
        await using var world = await MakeAsync();
        await using var other = await CliVault.MakeAsync();
        var theirs = (await world.SnapshotsAsync("orphans", OptionsOf(other))).Expect(0);
        Assert.Empty(theirs.Output);
        var point = (await world.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!;
        (await CliProcess.RunAsync(["edge", "backup", "--cloud", world.Config, "--server", "web-1", .. OptionsOf(other)])).Expect(0);

        var listed = (await world.OnVaultAsync("snapshots", "list", "--server", "web-1")).Expect(0).Events
            .ToLookup(item => item.GetProperty("baseOf").GetString()!);
        var own = Assert.Single(listed["this-vault"]);
        Assert.Equal(point, Assert.Single(own.GetProperty("points").EnumerateArray()).GetString());
        var foreign = await TheOnlyOrphanAsync(world);
        Assert.Equal(Assert.Single(listed["another-vault"]).ToString(), foreign.ToString());
        var name = foreign.GetProperty("name").GetString()!;
        var id = (await other.RunAsync("stats")).Expect(0).Last.GetProperty("vaultId").GetString()!;
        Assert.StartsWith(foreign.GetProperty("vault").GetString()!, id, StringComparison.Ordinal);
        Assert.EndsWith(id[..8], name, StringComparison.Ordinal);

        foreach (var refused in (Ended[])[await world.OnVaultAsync("snapshots", "release", name, "--server", "web-1"),
            await world.SnapshotsAsync("release", name)])
            foreach (var word in (string[])[name, $"the vault {id[..8]}", "full", "--vault", "--even-if-base"])
                Assert.Contains(word, Assert.Single(refused.Expect(1).Errors), StringComparison.Ordinal);
        Assert.Equal(2, (await world.SnapshotNamesAsync()).Length);
        (await world.SnapshotsAsync("release", [name, .. OptionsOf(other)])).Expect(0);
        Assert.Equal([own.GetProperty("name").GetString()], await world.SnapshotNamesAsync());
        (await world.SnapshotsAsync("release", own.GetProperty("name").GetString()!, "--even-if-base")).Expect(0);
        Assert.Empty(await world.SnapshotNamesAsync());
    }

    [Fact]
    public async Task A_base_whose_name_tells_no_vault_may_be_anybodys_unless_a_point_of_this_vault_was_made_of_it()
    {
        await using var world = await MakeAsync();
        const string Old = "vb-20260329-013000-0123abcd";
        (await world.BackUpAsync()).Expect(0);
        var name = Assert.Single(await world.SnapshotNamesAsync());
        Directory.Move(world.Vault[$"cloud/instants/{name}"], world.Vault[$"cloud/instants/{Old}"]);

        var orphan = await TheOnlyOrphanAsync(world);
        Assert.Equal("some-vault", orphan.GetProperty("baseOf").GetString());
        Assert.False(orphan.TryGetProperty("vault", out _));
        var refused = (await world.OnVaultAsync("snapshots", "release", Old, "--server", "web-1")).Expect(1);
        Assert.Contains("another vault", Assert.Single(refused.Errors), StringComparison.Ordinal);

        // Under the name that its point tells, it is this vault's again.
        Directory.Move(world.Vault[$"cloud/instants/{Old}"], world.Vault[$"cloud/instants/{name}"]);
        (await world.OnVaultAsync("snapshots", "release", name, "--server", "web-1")).Expect(0);
        Assert.Empty(await world.SnapshotNamesAsync());
    }
}
