using System.Text.Json;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Catalogues;

/// <summary>What services save of themselves into a vault: the newest is found by its generation, and nothing else of a vault minds
/// it.</summary>
public sealed class SavedCatalogueTests
{
    [Fact]
    public async Task The_newest_three_are_kept_by_generation_whatever_the_clock_said()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        foreach (var (generation, day) in ((long, int)[])[(1, 9), (2, 8), (3, 1), (10, 2)]) await SaveAsync(vault, generation, day);
        Assert.Equal(["catalogue/0000000000000002", "catalogue/0000000000000003", "catalogue/000000000000000a"], await NamesAsync(vault));
        var (newest, unreadable) = await SavedCatalogues.ReadNewestAsync(vault.Vault, default);
        Assert.Equal((10, "10"), (newest!.Generation, newest.Content.GetString()));
        Assert.Empty(unreadable);
    }

    [Fact]
    public async Task One_that_comes_late_does_not_take_the_place_of_newer_ones()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        foreach (var generation in (long[])[5, 6, 7, 2]) await SaveAsync(vault, generation);
        Assert.Equal(7, (await SavedCatalogues.ReadNewestAsync(vault.Vault, default)).Newest!.Generation);
        Assert.Equal(["catalogue/0000000000000005", "catalogue/0000000000000006", "catalogue/0000000000000007"], await NamesAsync(vault));
    }

    [Fact]
    public async Task Behind_a_damaged_one_an_older_one_is_read_and_the_damage_is_told()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        foreach (var generation in (long[])[1, 2]) await SaveAsync(vault, generation);
        // An old one in the place of a newer one is none.
        await vault.Store.PutAsync(ObjectNames.Catalogue(3), await vault.Store.GetAsync(ObjectNames.Catalogue(1), 10_000, default),
            default);
        var (newest, unreadable) = await SavedCatalogues.ReadNewestAsync(vault.Vault, default);
        Assert.Equal(2, newest!.Generation);
        Assert.Equal(ObjectNames.Catalogue(3), Assert.Single(unreadable).ObjectName);
    }

    [Fact]
    public async Task A_collection_lets_it_be_and_files_of_other_names_are_nobodys()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 60_000);
        var point = await vault.BackUpAsync(content);
        await SaveAsync(vault, 1);
        await vault.Store.PutAsync(ObjectNames.LockedKey, new byte[10], default);
        await vault.Store.PutAsync("catalogue/ffffffffffffffff", new byte[10], default);
        await vault.CollectAsync();
        Assert.Equal(["catalogue/0000000000000001", "catalogue/ffffffffffffffff", "catalogue/key"], await NamesAsync(vault));
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
        Assert.Equal(1, (await SavedCatalogues.ReadNewestAsync(vault.Vault, default)).Newest!.Generation);
    }

    [Fact]
    public async Task One_that_no_reader_would_take_is_not_saved()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        await SaveAsync(vault, 1);
        var huge = JsonSerializer.SerializeToElement(new string('x', FormatLimits.SmallObjectSizeMax));
        await Assert.ThrowsAsync<UnusableVaultException>(() =>
            SavedCatalogues.SaveAsync(vault.Vault, new() { Generation = 2, SavedAt = TestVault.Epoch, Content = huge }, default));
        Assert.Equal(["catalogue/0000000000000001"], await NamesAsync(vault));
    }

    static Task SaveAsync(TestVault vault, long generation, int day = 1) => SavedCatalogues.SaveAsync(vault.Vault, new()
    {
        Generation = generation,
        SavedAt = TestVault.Epoch.AddDays(day),
        Content = JsonSerializer.SerializeToElement($"{generation}"),
    }, default);

    static async Task<List<string>> NamesAsync(TestVault vault) => [.. (await vault.ObjectsAsync(ObjectNames.Catalogues)).Select(entry =>
        entry.Name)];
}
