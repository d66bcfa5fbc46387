using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>Objects that the disk does not give back: they are as damaged as those that hold something else, until it does.</summary>
public sealed class BadSectorTests(RepairFixture fixture) : IClassFixture<RepairFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    [Fact]
    public async Task A_bad_sector_of_a_pack_costs_the_blob_that_lies_there_and_nothing_else()
    {
        var random = new Random(1);
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var entry = entries[random.Next(entries.Length)];
            await using var vault = await OpenAsync(_sample.Image, new BadSector(pack, entry.Offset + random.Next((int)entry.Length)));
            var expected = _sample.Map.Affected(_sample.Map.Lost((name, blob) => name == pack && blob == entry));
            var result = await SampleVault.VerifyAsync(vault);
            Assert.True(result.Complete);
            var damage = Assert.Single(result.Damages);
            Assert.Equal((pack, DamageKind.Pack), (damage.ObjectName, damage.Kind));
            Assert.Contains("bad sector", damage.Reason, StringComparison.Ordinal);
            Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
            await _sample.AssertRestoresAsync(vault, expected);
        }
    }

    [Fact]
    public async Task What_lay_in_a_bad_sector_is_stored_anew_and_the_pack_goes_with_the_next_collection()
    {
        var random = new Random(2);
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var entry = entries[random.Next(entries.Length)];
            await using var vault = await OpenAsync(_sample.Image, new BadSector(pack, entry.Offset + random.Next((int)entry.Length)));
            var repaired = await Repairer.RunAsync(vault.Vault, _sample.Sources(), null, default);
            Assert.Equal(1, repaired.PacksCondemned);
            Assert.Empty(VaultMap.AffectedBy(repaired.Remaining));
            await vault.CollectAsync();
            Assert.False(await vault.Store.ExistsAsync(pack, default));
            Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
            await _sample.AssertRestoresAsync(vault, []);
        }
    }

    [Fact]
    public async Task Index_objects_with_bad_sectors_are_replaced_where_the_packs_tell_what_they_hold()
    {
        await using var vault = await OpenAsync(_sample.Image, [.. _sample.Image.Under(ObjectNames.Indexes).Select(BadSector.All)]);
        await _sample.AssertRestoresAsync(vault, []);
        Assert.All((await SampleVault.VerifyAsync(vault)).Damages, damage => Assert.Equal(DamageKind.Index, damage.Kind));
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(_sample.Image.Under(ObjectNames.Indexes).Count(), repaired.IndexObjectsRemoved);
        Assert.True(repaired.Remaining.IsSound);
    }

    /// <summary>A disk that gives back nothing is swapped into another machine, where it does.</summary>
    [Fact]
    public async Task What_a_disk_does_not_give_back_today_is_all_there_when_it_does_again()
    {
        var inner = await _sample.Image.ToStoreAsync();
        await using (var dead = TestVault.Over(
            new FaultyStore(inner, FaultPlan.Of().WithBadSectors(_sample.Image.Names.Select(BadSector.All))), with: SampleVault.Small))
        {
            var found = await SampleVault.VerifyAsync(dead);
            Assert.False(found.IsSound);
            Assert.All(found.Damages, damage => Assert.Contains("bad sector", damage.Reason, StringComparison.Ordinal));
            var repaired = await Repairer.RunAsync(dead.Vault, _sample.Sources(), null, default);
            Assert.Equal((0, 0), (repaired.IndexObjectsWritten, repaired.IndexObjectsRemoved));
            await Repairer.RunAsync(dead.Vault, [], null, default);
            await Assert.ThrowsAsync<DamageException>(() => dead.CollectAsync());
        }
        await using var vault = TestVault.Over(inner, with: SampleVault.Small);
        foreach (var name in (string[])[ObjectNames.Packs, ObjectNames.Indexes, ObjectNames.Points])
            Assert.Superset(_sample.Image.Under(name).ToHashSet(),
                (await vault.ObjectsAsync(name)).Select(entry => entry.Name).ToHashSet());
        await _sample.AssertRestoresAsync(vault, []);
        await vault.CollectAsync();
        await _sample.AssertRestoresAsync(vault, []);
        var after = await SampleVault.VerifyAsync(vault);
        Assert.True(after.IsSound, string.Join("; ", after.Damages));
    }

    [Fact]
    public async Task A_collection_leaves_a_pack_that_it_wants_to_rewrite_and_cannot_read()
    {
        foreach (var (pack, entries) in _sample.Map.Packs.Where(item => item.Value.Any(IsLiveChunk)))
        {
            var entry = entries.First(IsLiveChunk);
            var inner = await _sample.Image.ToStoreAsync();
            var sector = new BadSector(pack, entry.Offset + 10);
            await using var vault = TestVault.Over(new FaultyStore(inner, FaultPlan.Of().WithBadSectors(sector)), with: SampleVault.Small);
            await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, RewriteBelow = 1, WasteMax = 0 });
            Assert.True(await inner.ExistsAsync(pack, default));
            await using var healed = TestVault.Over(inner, with: SampleVault.Small);
            await _sample.AssertRestoresAsync(healed, []);
        }
    }

    [Fact]
    public async Task A_point_with_a_bad_sector_is_named_and_the_others_are_listed()
    {
        var name = ObjectNames.Points + _sample.Map.Points[0].Id;
        await using var vault = await OpenAsync(_sample.Image, new BadSector(name, 5));
        var damage = Assert.Single((await SampleVault.VerifyAsync(vault)).Damages, damage => damage.Kind == DamageKind.Point);
        Assert.Equal(name, damage.ObjectName);
        var (points, unreadable) = await VaultCatalog.ListAsync(vault.Vault, false, default);
        Assert.Equal((_sample.Map.Points.Count - 1, name), (points.Count, Assert.Single(unreadable).ObjectName));
        Assert.Equal(name, (await Assert.ThrowsAsync<DamageException>(() => vault.CollectAsync())).ObjectName);
    }

    private bool IsLiveChunk(PackEntry entry) => !entry.Shape.IsNode && _sample.Map.Live.Contains(entry.Id);

    private static async Task<TestVault> OpenAsync(StoreImage image, params BadSector[] sectors) =>
        await SampleVault.OpenAsync(image, store => new FaultyStore(store, FaultPlan.Of().WithBadSectors(sectors)));
}
