using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

public sealed class RepairFixture : IAsyncLifetime
{
    internal SampleVault Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Sample = await SampleVault.MakeAsync(withSessions: false);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

public sealed class RepairTests(RepairFixture fixture) : IClassFixture<RepairFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    [Fact]
    public async Task Lost_index_objects_are_rebuilt_from_the_packs_footers()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(_sample.Image.Under(ObjectNames.Indexes)));
        Assert.False((await SampleVault.VerifyAsync(vault, allData: false)).IsSound);
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(_sample.Map.Packs.Count, repaired.IndexObjectsWritten);
        Assert.True(repaired.Remaining.IsSound);
        await AssertSoundAfterCollectionAsync(vault);
    }

    [Fact]
    public async Task Damaged_index_objects_are_replaced()
    {
        var image = _sample.Image;
        foreach (var name in image.Under(ObjectNames.Indexes).ToList()) image = image.Flip(name, image[name].Length / 2);
        await using var vault = await SampleVault.OpenAsync(image);
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(_sample.Image.Under(ObjectNames.Indexes).Count(), repaired.IndexObjectsRemoved);
        Assert.True(repaired.Remaining.IsSound);
        await AssertSoundAfterCollectionAsync(vault);
    }

    [Fact]
    public async Task A_pack_that_neither_an_index_object_nor_its_footer_tells_of_stays_as_long_as_a_point_needs_it()
    {
        foreach (var pack in _sample.Map.Packs.Keys)
        {
            var image = _sample.Image.Flip(pack, _sample.Image[pack].Length - 60);
            await using var vault = await SampleVault.OpenAsync(image.Without(image.Under(ObjectNames.Indexes)));
            await _sample.AssertRestoresAsync(vault, []);
            await Repairer.RunAsync(vault.Vault, [], null, default);
            await vault.CollectAsync();
            await _sample.AssertRestoresAsync(vault, []);
            foreach (var point in await vault.PointsAsync()) await vault.DeleteAsync(point);
            await vault.CollectAsync();
            Assert.Empty(await vault.ObjectsAsync(ObjectNames.Packs));
        }
    }

    [Fact]
    public async Task Every_pack_that_is_lost_is_stored_anew_from_the_volumes()
    {
        foreach (var pack in _sample.Map.Packs.Keys)
        {
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(pack));
            var lost = _sample.Map.Lost((name, _) => name == pack);
            lost.IntersectWith(_sample.Map.Live);
            var repaired = await Repairer.RunAsync(vault.Vault, _sample.Sources(), null, default);
            Assert.Equal(lost.Count, repaired.BlobsRestored);
            Assert.True(repaired.Remaining.IsSound, $"{pack}: {string.Join("; ", repaired.Remaining.Damages)}");
            await AssertSoundAfterCollectionAsync(vault);
        }
    }

    [Fact]
    public async Task Every_blob_that_was_damaged_is_stored_anew_and_the_damaged_pack_goes_with_the_next_collection()
    {
        var random = new Random(1);
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var entry = entries[random.Next(entries.Length)];
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(pack, (int)entry.Offset
                + random.Next((int)entry.Length)));
            var repaired = await Repairer.RunAsync(vault.Vault, _sample.Sources(), null, default);
            Assert.Equal(1, repaired.PacksCondemned);
            Assert.Empty(VaultMap.AffectedBy(repaired.Remaining));
            await AssertSoundAfterCollectionAsync(vault);
            Assert.False(await vault.Store.ExistsAsync(pack, default));
        }
    }

    /// <summary>The base still names what the repair found damaged. Its content is in hand, and must not be trusted to be there.</summary>
    [Fact]
    public async Task An_incremental_that_reads_all_stores_anew_what_a_repair_took_out_of_use()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = new byte[40 * 4096];
        new Random(1).NextBytes(content);
        var point = await vault.BackUpAsync(content);
        var pack = (await vault.ObjectsAsync(ObjectNames.Packs)).MaxBy(entry => entry.LengthBytes)!.Name;
        var bytes = await vault.Store.GetAsync(pack, int.MaxValue, default);
        bytes[20_000] ^= 1;
        await vault.Store.PutAsync(pack, bytes, default);
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal((1, false), (repaired.PacksCondemned, repaired.Remaining.IsSound));

        var next = await vault.BackUpAsync(content, point);
        foreach (var one in (PointDocument[])[point, next]) Contents.AssertSame(content, await vault.RestoreAsync(one));
        await vault.CollectAsync();
        Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
        foreach (var one in (PointDocument[])[point, next]) Contents.AssertSame(content, await vault.RestoreAsync(one));
    }

    [Fact]
    public async Task Packs_with_a_broken_end_are_taken_out_of_use_and_lose_nothing()
    {
        foreach (var pack in _sample.Map.Packs.Keys)
        {
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(pack, _sample.Image[pack].Length - 20));
            var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
            Assert.Equal(1, repaired.PacksCondemned);
            await AssertSoundAfterCollectionAsync(vault);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_source_that_differs_does_no_harm_and_restores_nothing(bool ofNodes)
    {
        var pack = _sample.Map.Packs.First(item => item.Value.Any(entry => _sample.Map.Live.Contains(entry.Id)
            && entry.Shape.IsNode == ofNodes)).Key;
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(pack));
        var expected = _sample.Map.Affected(_sample.Map.Lost((name, _) => name == pack));
        var repaired = await Repairer.RunAsync(vault.Vault,
            [SampleVault.Source("disk", Contents.Mixed(99, 90_001)), SampleVault.Source("data", Contents.Mixed(98, 1_300_000))], null,
                default);
        Assert.Equal(0, repaired.BlobsRestored);
        Assert.Equal(_sample.Image.Without(pack).Under(ObjectNames.Packs),
            (await vault.ObjectsAsync(ObjectNames.Packs)).Select(item => item.Name));
        Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(repaired.Remaining)));
        await _sample.AssertRestoresAsync(vault, expected);
    }

    [Fact]
    public async Task A_source_that_is_too_short_or_of_another_name_restores_what_it_can()
    {
        var pack = _sample.Map.Packs.First(item => item.Value.Any(entry => _sample.Map.Live.Contains(entry.Id) && !entry.Shape.IsNode)).Key;
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(pack));
        var repaired = await Repairer.RunAsync(vault.Vault,
            [SampleVault.Source("disk", []), SampleVault.Source("no such volume", Contents.Mixed(1, 90_001))], null, default);
        Assert.Equal(0, repaired.BlobsRestored);
        await _sample.AssertNoWrongBytesAsync(vault);
    }

    [Fact]
    public async Task An_unreadable_condemnation_stops_backups_that_look_for_chunks_and_collections_until_it_is_given_up()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        var name = ObjectNames.Condemnation(VBackup.Primitives.SessionId.New(new Random(1).NextBytes), 0);
        await vault.Store.PutAsync(name, new byte[100], default);
        Assert.Equal(name, Assert.Single((await SampleVault.VerifyAsync(vault)).Damages).ObjectName);
        Assert.Equal(name, (await Assert.ThrowsAsync<DamageException>(() => vault.BackUpAsync(new byte[10]))).ObjectName);
        Assert.Equal(name, (await Assert.ThrowsAsync<DamageException>(() => vault.CollectAsync())).ObjectName);
        // Nobody asked for all of the vault to be written anew.
        var left = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(0, left.PacksCondemned);
        Assert.Contains("repair --remove-unreadable", Assert.Single(left.Remaining.Damages).Reason, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<DamageException>(() => vault.CollectAsync());
        Assert.Contains("repair --remove-unreadable", refused.Message, StringComparison.Ordinal);
        Assert.Equal(_sample.Image.Under(ObjectNames.Packs), (await vault.ObjectsAsync(ObjectNames.Packs)).Select(item => item.Name));
        Assert.Equal(_sample.Map.Packs.Count, await UnreadableObjects.ReplaceCondemnationsAsync(vault.Vault, default));
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        // Nobody knows what it named, so nothing that was there is relied on any more.
        var content = _sample.Contents[(_sample.Map.Points[0].Id, "disk")];
        Assert.True((await vault.BackUpAsync(content)).Volumes[0].StoredBytes > 0);
        await AssertSoundAfterCollectionAsync(vault);
    }

    [Fact]
    public async Task A_full_after_a_repair_does_not_rely_on_a_damaged_pack()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: SampleVault.Small);
        var content = Contents.Mixed(1, 100_000);
        var first = await vault.BackUpAsync(content);
        var map = await VaultMap.ReadAsync(vault);
        var (pack, entries) = map.Packs.First(item => !item.Value[0].Shape.IsNode);
        var bytes = await vault.Store.GetAsync(pack, int.MaxValue, default);
        bytes[entries[0].Offset + 20] ^= 4;
        await vault.Store.PutAsync(pack, bytes, default);

        // Nobody knows yet, so this one relies on the damaged chunk.
        var unaware = await vault.BackUpAsync(content);
        Assert.Equal(0, unaware.Volumes[0].StoredBytes);
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(1, repaired.PacksCondemned);
        Assert.Equal(2, VaultMap.AffectedBy(repaired.Remaining).Count);

        var third = await vault.BackUpAsync(content);
        Assert.True(third.Volumes[0].StoredBytes > 0);
        // Its fresh copy serves the points before it as well.
        foreach (var point in (PointDocument[])[first, unaware, third]) Assert.Equal(content, await vault.RestoreAsync(point));
        await vault.CollectAsync();
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        foreach (var point in (PointDocument[])[first, unaware, third]) Assert.Equal(content, await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task What_only_a_broken_index_object_knows_of_a_pack_with_a_broken_footer_is_saved()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: SampleVault.Small);
        // Enough different chunks for an index object of several blocks.
        var content = new byte[4_600_000];
        new Random(1).NextBytes(content);
        var full = await vault.BackUpAsync(content);
        (content, var changed) = Contents.Change(2, content, 30, 4000);
        var kept = await vault.BackUpAsync(content, full, changed);
        await vault.DeleteAsync(full);
        // From now on most hints are stale, and one index object has them all.
        Assert.True((await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, RewriteBelow = 1, WasteMax = 0,
            FilterSalt = 1 })).PacksRewritten > 0);
        var map = await VaultMap.ReadAsync(vault);
        var image = await StoreImage.TakeAsync(vault.Store);
        var index = Assert.Single(image.Under(ObjectNames.Indexes));
        var saved = 0L;
        foreach (var (pack, _) in map.Packs.Where(item => !item.Value[0].Shape.IsNode).Take(5))
        {
            await using var damaged = await SampleVault.OpenAsync(
                image.Flip(pack, image[pack].Length - 30).Flip(index, ObjectHeader.Size + 10));
            var before = await RestoreBestEffortAsync(damaged, kept, content);
            saved += (await Repairer.RunAsync(damaged.Vault, [], null, default)).BlobsRestored;
            await damaged.CollectAsync();
            var after = await RestoreBestEffortAsync(damaged, kept, content);
            Assert.InRange(after, 0, before);
            Assert.Equal(0, (await Repairer.RunAsync(damaged.Vault, [SampleVault.Source("disk", content)], null, default)).PacksCondemned);
            Contents.AssertSame(content, await damaged.RestoreAsync(kept));
        }
        // Ids are chance: of one pack, the hints may all be right, or the index object's sound blocks have it all.
        Assert.True(saved > 0);
    }

    /// <returns>How many bytes are lost; what is not is right.</returns>
    private static async Task<long> RestoreBestEffortAsync(TestVault vault, PointDocument point, byte[] content)
    {
        var target = MemoryVolume.Blank(content.Length);
        var bad = (await vault.ImportAsync(point, "disk", target, new() { BestEffort = true })).Bad;
        var expected = content.ToArray();
        foreach (var range in bad) expected.AsSpan((int)range.Offset, (int)range.Length).Clear();
        Contents.AssertSame(expected, target.Content);
        return bad.Sum(range => range.Length);
    }

    [Fact]
    public async Task A_repair_of_a_sound_vault_changes_nothing()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        var repaired = await Repairer.RunAsync(vault.Vault, _sample.Sources(), null, default);
        Assert.Equal(new(0, 0, 0, 0, repaired.Remaining), repaired);
        Assert.True(repaired.Remaining.IsSound);
        Assert.Equal(_sample.Image.Names.Where(IsLasting), (await vault.ObjectsAsync()).Select(item => item.Name).Where(IsLasting));
    }

    private static bool IsLasting(string name) => !name.StartsWith(ObjectNames.Sessions, StringComparison.Ordinal);

    private async Task AssertSoundAfterCollectionAsync(TestVault vault)
    {
        await _sample.AssertRestoresAsync(vault, []);
        await vault.CollectAsync();
        var result = await SampleVault.VerifyAsync(vault);
        Assert.True(result.IsSound, string.Join("; ", result.Damages));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        await _sample.AssertRestoresAsync(vault, []);
    }
}
