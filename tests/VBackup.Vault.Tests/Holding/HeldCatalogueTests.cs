using System.Text.Json;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Holding;

/// <summary>What a recovery needs beside points, where the store holds points.</summary>
public sealed class HeldCatalogueTests
{
    static readonly TimeSpan s_hour = TimeSpan.FromHours(1);
    static readonly byte[] s_copy = [.. "a key under a master key"u8], s_other = [.. "the key under another"u8];
    readonly HeldWorld _world = new();

    [Fact]
    public async Task A_catalogue_a_day_is_held_longer_than_any_point_until_the_next_and_the_newest_three_are_kept_beside()
    {
        await using var vault = _world.Holding();
        var began = _world.GetUtcNow();
        for (var generation = 1; generation <= 50; generation++, _world.Pass(s_hour)) await SaveAsync(vault, generation);
        var held = await _world.HeldAsync(ObjectNames.Catalogues);
        Assert.Equal([ObjectNames.Catalogue(1), ObjectNames.Catalogue(25), ObjectNames.Catalogue(49)], held.Keys);
        Assert.True(held[ObjectNames.Catalogue(1)] > began + TimeSpan.FromDays(1) + HeldWorld.HoldsFor);
        Assert.Equal([1, 25, 48, 49, 50], await GenerationsAsync(vault));
        _world.Pass(TimeSpan.FromDays(13));
        await SaveAsync(vault, 51);
        Assert.Equal([49, 50, 51], await GenerationsAsync(vault));
    }

    [Fact]
    public async Task Whoever_destroys_all_that_is_not_held_leaves_a_catalogue_of_that_day_and_the_copy_of_the_key()
    {
        await using (var vault = _world.Holding())
        {
            for (var generation = 1; generation <= 30; generation++, _world.Pass(s_hour)) await SaveAsync(vault, generation);
            await LockedKeys.EnsureAsync(vault.Vault, s_copy, default);
            await vault.BackUpAsync(Contents.Mixed(1, 100_000));
        }
        await _world.DestroyAsync();
        await using var after = _world.NotHolding();
        Assert.Equal(25, (await SavedCatalogues.ReadNewestAsync(after.Vault, default)).Newest!.Generation);
        Assert.Equal([s_copy], await LockedKeys.ReadAllAsync(_world.Memory, default));
    }

    [Fact]
    public async Task Later_generations_that_somebody_has_planted_and_had_held_make_no_catalogue_go()
    {
        await using var vault = _world.Holding();
        await SaveAsync(vault, 1);
        foreach (var planted in (long[])[100, 101, 102]) await PlantAsync(ObjectNames.Catalogue(planted));
        await SaveAsync(vault, 2);
        await SaveAsync(vault, 3);
        Assert.Equal([1, 2, 3, 100, 101, 102], await GenerationsAsync(vault));
        Assert.Equal(3, (await SavedCatalogues.ReadNewestAsync(vault.Vault, default)).Newest!.Generation);
        // The name that the next would have: it is said that it is not seen, and the one after it is.
        await PlantAsync(ObjectNames.Catalogue(4));
        _world.Pass(TimeSpan.FromDays(1));
        Assert.Equal(ObjectNames.Catalogue(4), (await Assert.ThrowsAsync<DamageException>(() => SaveAsync(vault, 4))).ObjectName);
        await SaveAsync(vault, 5);
        Assert.Contains(ObjectNames.Catalogue(5), (await _world.HeldAsync(ObjectNames.Catalogues)).Keys);
    }

    [Fact]
    public async Task One_that_could_not_be_held_counts_for_none()
    {
        var faulty = new FaultyStore(_world.Memory, FaultPlan.Of(new PlannedFault(StoreOperation.Hold, 1, FaultKind.FailOther)));
        await using var vault = _world.Holding(_ => faulty);
        await Assert.ThrowsAsync<StoreException>(() => SaveAsync(vault, 1));
        await SaveAsync(vault, 2);
        Assert.Equal([ObjectNames.Catalogue(2)], (await _world.HeldAsync(ObjectNames.Catalogues)).Keys);
        faulty.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task A_copy_of_the_key_is_held_from_its_first_day_on_and_longer_when_it_runs_out()
    {
        await using var vault = _world.Holding();
        var name = ObjectNames.LockedKeyOf(s_copy);
        for (var day = 0; day < 20; day++, _world.Pass(TimeSpan.FromDays(1)))
        {
            await LockedKeys.EnsureAsync(vault.Vault, s_copy, default);
            Assert.True((await _world.HeldAsync(name))[name] > _world.GetUtcNow() + HeldWorld.HoldsFor);
        }
        // Another one comes beside it, and this one goes when the store gives it free.
        await LockedKeys.EnsureAsync(vault.Vault, s_other, default);
        await LockedKeys.DeleteOthersAsync(vault.Vault, s_other, default);
        Assert.Equal(2, (await LockedKeys.ReadAllAsync(_world.Memory, default)).Count);
        _world.Pass(TimeSpan.FromDays(15));
        await LockedKeys.DeleteOthersAsync(vault.Vault, s_other, default);
        Assert.Equal([s_other], await LockedKeys.ReadAllAsync(_world.Memory, default));
    }

    [Fact]
    public async Task Where_nothing_is_held_one_copy_of_the_key_is_there_and_none_of_an_earlier_name()
    {
        await using var vault = _world.NotHolding();
        await vault.Store.PutAsync(ObjectNames.LockedKey, s_other, default);
        await LockedKeys.EnsureAsync(vault.Vault, s_copy, default);
        Assert.Equal(2, (await LockedKeys.ReadAllAsync(_world.Memory, default)).Count);
        await LockedKeys.DeleteOthersAsync(vault.Vault, s_copy, default);
        Assert.Equal([s_copy], await LockedKeys.ReadAllAsync(_world.Memory, default));
        Assert.Empty(await _world.HeldAsync(ObjectNames.Catalogues));
        await VaultKeySlots.EraseAsync(_world.Memory, default);
        Assert.Empty(await LockedKeys.ReadAllAsync(_world.Memory, default));
    }

    async Task PlantAsync(string name)
    {
        await _world.Memory.PutAsync(name, "planted"u8.ToArray(), default);
        await _world.Memory.HoldAsync(name, _world.GetUtcNow() + TimeSpan.FromDays(1000), default);
    }

    Task SaveAsync(TestVault vault, long generation) => SavedCatalogues.SaveAsync(vault.Vault, new()
    {
        Generation = generation,
        SavedAt = _world.GetUtcNow(),
        Content = JsonSerializer.SerializeToElement($"{generation}"),
    }, default);

    static async Task<List<long>> GenerationsAsync(TestVault vault)
    {
        List<long> generations = [];
        foreach (var entry in await vault.ObjectsAsync(ObjectNames.Catalogues))
            if (ObjectNames.TryParseCatalogue(entry.Name, out var generation)) generations.Add(generation);
        return generations;
    }
}
