using CsCheck;
using VBackup.Primitives;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Backups, deletions and collections in any order, beside plain sets of what must be there.</summary>
public sealed class CollectionModelTests
{
    private enum Step { Full, Incremental, Told, Delete, Collect, Verify }

    private static readonly Gen<(Step Step, int Seed)> s_step = Gen.Select(
        Gen.Frequency((2, Step.Full), (3, Step.Incremental), (3, Step.Told), (4, Step.Delete), (3, Step.Collect), (1, Step.Verify)),
        Gen.Int[0, 1_000_000]);

    [Fact]
    public async Task Whatever_is_done_in_whatever_order_points_restore_and_waste_is_bounded() =>
        await Gen.Select(s_step.Array[1, 14], Gen.OneOf(16 * 1024, 64 * 1024, 1024 * 1024)).SampleAsync(async (steps, packSize) =>
        {
            await using var vault = Over(packSize);
            List<(PointDocument Point, byte[] Content)> model = [];
            var content = Contents.Mixed(7, 180_001);
            foreach (var (step, seed) in steps)
            {
                switch (step)
                {
                    case Step.Full:
                        content = Contents.Change(seed, content, 10, 30_000).Content;
                        model.Add((await vault.BackUpAsync(content), content));
                        break;
                    case Step.Incremental or Step.Told when model.Count > 0:
                        var (point, was) = model[seed % model.Count];
                        (content, var changed) = Contents.Change(seed, was, 8, 20_000);
                        model.Add((await vault.BackUpAsync(content, point, step == Step.Told ? changed : []), content));
                        break;
                    case Step.Delete when model.Count > 0:
                        await vault.DeleteAsync(model[seed % model.Count].Point);
                        model.RemoveAt(seed % model.Count);
                        break;
                    case Step.Collect:
                        await vault.CollectAsync();
                        await AssertTidyAsync(vault, packSize);
                        await AssertPointsAsync(vault, model);
                        break;
                    case Step.Verify:
                        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
                        break;
                }
            }
            await AssertPointsAsync(vault, model);
            foreach (var (point, _) in model) await vault.DeleteAsync(point);
            await vault.CollectAsync();
            Assert.Empty(await vault.ObjectsAsync());
        }, iter: 50, threads: 1);

    [Fact]
    public async Task What_a_listing_says_a_deletion_frees_is_what_it_frees() =>
        await Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 4], Gen.Int[0, 4]).SampleAsync(async (seed, count, victim) =>
        {
            await using var vault = Over(64 * 1024);
            var content = Contents.Mixed(seed, 1_200_000 - 4096 * 100);
            content = [.. content, .. new byte[4096 * 100]];
            var last = await vault.BackUpAsync(content);
            for (var i = 0; i < count; i++)
            {
                (content, var changed) = Contents.Change(seed + i, content, 10, 20_000);
                last = await vault.BackUpAsync(content, last, changed);
            }
            // No chunk twice and nothing dead, so that from here on only the deletion makes a difference.
            await vault.CollectAsync(s_thorough);
            var map = await VaultMap.ReadAsync(vault);
            var (listed, _) = await VaultCatalog.ListAsync(vault.Vault, withFreed: true, default);
            foreach (var summary in listed)
                Assert.Equal(OnlyOf(map, summary.Point.Id), summary.FreedBytes);

            var deleted = listed[victim % listed.Count];
            var before = BlobBytes(map);
            await vault.DeleteAsync(deleted.Point);
            await vault.CollectAsync(s_thorough);
            Assert.Equal(deleted.FreedBytes, before - BlobBytes(await VaultMap.ReadAsync(vault)));
        }, iter: 15, threads: 1);

    [Fact]
    public async Task A_point_whose_chunks_all_lie_in_packs_of_its_own_frees_exactly_those()
    {
        await using var vault = Over(64 * 1024);
        await vault.BackUpAsync(Contents.Mixed(1, 300_000));
        var own = await vault.BackUpAsync(Contents.Mixed(2, 300_000));
        var map = await VaultMap.ReadAsync(vault);
        var (listed, _) = await VaultCatalog.ListAsync(vault.Vault, withFreed: true, default);
        await vault.DeleteAsync(own);
        var result = await vault.CollectAsync();
        var others = map.Needs.Where(item => item.Key.Point != own.Id).SelectMany(item => item.Value).Select(need => need.Id).ToHashSet();
        var overhead = map.Packs.Where(pack => !pack.Value.Any(entry => others.Contains(entry.Id)))
            .Sum(pack => ObjectHeader.Size + PackFooter.Size(pack.Value.Length));
        Assert.Equal(0, result.PacksRewritten);
        Assert.Equal(listed.Single(item => item.Point.Id == own.Id).FreedBytes + overhead, result.DeletedBytes);
    }

    [Fact]
    public async Task Points_may_be_deleted_in_any_order()
    {
        int[][] orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
        foreach (var order in orders)
        {
            await using var vault = Over(32 * 1024);
            List<(PointDocument Point, byte[] Content)> points = [];
            var content = Contents.Mixed(3, 200_000);
            points.Add((await vault.BackUpAsync(content), content));
            for (var i = 1; i < 4; i++)
            {
                (content, var changed) = Contents.Change(i, content, 10, 20_000);
                points.Add((await vault.BackUpAsync(content, points[^1].Point, changed), content));
            }
            var left = points.ToList();
            foreach (var victim in order)
            {
                await vault.DeleteAsync(points[victim].Point);
                left.Remove(points[victim]);
                await vault.CollectAsync();
                await AssertTidyAsync(vault, 32 * 1024);
                await AssertPointsAsync(vault, left);
            }
            Assert.Empty(await vault.ObjectsAsync());
        }
    }

    [Fact]
    public async Task Many_small_index_objects_become_few_and_lose_nothing()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: runtime =>
            runtime with { PackSizeTarget = 8 * 1024, PacksPerIndexFlush = 1 });
        var content = Contents.Mixed(1, 600_000);
        var point = await vault.BackUpAsync(content);
        var before = (await vault.ObjectsAsync(ObjectNames.Indexes)).Count;
        Assert.True(before > 16, $"{before} index objects");
        var map = await VaultMap.ReadAsync(vault);
        var result = await vault.CollectAsync();
        Assert.True(result.IndexObjectsReplaced >= before);
        Assert.Single(await vault.ObjectsAsync(ObjectNames.Indexes));
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        Assert.Equal(content, await vault.RestoreAsync(point));
        var again = await vault.BackUpAsync(content);
        Assert.Equal(0, again.Volumes[0].StoredBytes);
        Assert.Equal(map.Live, (await VaultMap.ReadAsync(vault)).Live);
    }

    [Fact]
    public async Task A_second_collection_finds_nothing_to_do()
    {
        foreach (var fill in (int[])[0, 1])
        {
            await using var vault = Over(32 * 1024);
            // Chunks that shrink to a few bytes: then footers are a large part of their packs.
            var content = fill == 0 ? Tiny(2_000) : Contents.Mixed(1, 400_000);
            var full = await vault.BackUpAsync(content);
            var next = await vault.BackUpAsync(Contents.Change(1, content, 5, 20_000).Content, full);
            await vault.DeleteAsync(full);
            await vault.CollectAsync();
            var before = (await vault.ObjectsAsync()).Select(item => item.Name).ToList();
            var second = await vault.CollectAsync();
            Assert.Equal((0, 0, 0L), (second.PacksRewritten, second.PacksDeleted, second.CopiedBytes));
            Assert.Equal(before, (await vault.ObjectsAsync()).Select(item => item.Name));
            Assert.True(second.WasteBytes <= 0.15 * second.PackBytes, $"{second}");
            await vault.RestoreAsync(next);
        }
    }

    [Fact]
    public async Task Packs_that_no_index_object_names_are_found_by_a_collection()
    {
        await using var vault = Over(32 * 1024);
        var content = Contents.Mixed(1, 300_000);
        var kept = await vault.BackUpAsync(content);
        var gone = await vault.BackUpAsync(Contents.Mixed(2, 300_000));
        foreach (var item in await vault.ObjectsAsync(ObjectNames.Indexes)) await vault.Store.DeleteAsync(item.Name, default);
        await vault.DeleteAsync(gone);
        await vault.CollectAsync();
        await AssertTidyAsync(vault, 32 * 1024);
        await AssertPointsAsync(vault, [(kept, content)]);
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
    }

    private static readonly VBackup.Vault.Collecting.CollectorOptions s_thorough =
        new() { SessionTimeout = TimeSpan.Zero, FilterSalt = 1, RewriteBelow = 1, WasteMax = 0 };

    private static TestVault Over(int packSize) => TestVault.Over(
        new MemoryStore(), with: runtime => runtime with { PackSizeTarget = packSize, PacksPerIndexFlush = 2 });

    private static byte[] Tiny(int chunks)
    {
        var content = new byte[chunks * 4096];
        for (var chunk = 0; chunk < chunks; chunk++) BitConverter.TryWriteBytes(content.AsSpan(chunk * 4096), chunk + 1);
        return content;
    }

    private static long OnlyOf(VaultMap map, string point)
    {
        var others = map.Needs.Where(item => item.Key.Point != point).SelectMany(item => item.Value).Select(need => need.Id).ToHashSet();
        return map.Needs.Where(item => item.Key.Point == point).SelectMany(item => item.Value)
            .Where(need => !others.Contains(need.Id)).DistinctBy(need => need.Id).Sum(need => need.Length);
    }

    private static long BlobBytes(VaultMap map) => map.Packs.Values.SelectMany(entries => entries).Sum(entry => entry.Length);

    private static async Task AssertPointsAsync(TestVault vault, List<(PointDocument Point, byte[] Content)> model)
    {
        Assert.Equal(model.Select(item => item.Point.Id).Order(StringComparer.Ordinal),
            (await vault.PointsAsync()).Select(point => point.Id).Order(StringComparer.Ordinal));
        foreach (var (point, content) in model)
            Contents.AssertSame(content, await vault.RestoreAsync(point));
    }

    /// <summary>Nothing live is gone, and little is dead: a copy of a live blob beside another counts as dead.</summary>
    [Fact]
    public async Task Packs_that_are_each_worth_keeping_are_rewritten_when_all_in_all_too_much_is_dead()
    {
        await using var vault = Over(64 * 1024);
        var content = new byte[4096 * 160];
        new Random(1).NextBytes(content);
        var first = await vault.BackUpAsync(content);
        // A fifth of each pack, so that none falls below 70 %.
        Extent[] changed = [.. Enumerable.Range(0, 32).Select(i => new Extent(4096 * 5L * i, 4096))];
        foreach (var extent in changed) new Random(2 + (int)extent.Offset).NextBytes(content.AsSpan((int)extent.Offset, 4096));
        var second = await vault.BackUpAsync(content, first, changed);
        await vault.DeleteAsync(first);
        var result = await vault.CollectAsync();
        Assert.InRange(result.PacksRewritten, 1, 9);
        Assert.True(result.WasteBytes <= 0.15 * result.PackBytes, $"{result.WasteBytes} of {result.PackBytes}");
        await AssertTidyAsync(vault, 64 * 1024);
        Assert.Equal(content, await vault.RestoreAsync(second));
    }

    private static async Task AssertTidyAsync(TestVault vault, int packSize)
    {
        var map = await VaultMap.ReadAsync(vault);
        var live = map.Live;
        var held = map.Packs.Values.SelectMany(entries => entries).Select(entry => entry.Id).ToHashSet();
        Assert.Superset(live, held);
        long total = 0, dead = 0;
        HashSet<ContentId> seen = [];
        // As the collector counts: of several copies the one in the pack with the least id.
        foreach (var (pack, entries) in map.Packs.OrderBy(pack => pack.Key, StringComparer.Ordinal))
        {
            var deadHere = entries.Where(entry => !live.Contains(entry.Id) || !seen.Add(entry.Id)).Sum(entry => entry.Length);
            var all = entries.Sum(entry => entry.Length);
            Assert.True(deadHere <= 0.3 * all + ObjectHeader.Size + PackFooter.Size(entries.Length),
                $"{pack}: {deadHere} of {all} bytes are dead");
            total += all;
            dead += deadHere;
        }
        Assert.True(dead <= 0.15 * total + 1, $"{dead} of {total} bytes are dead with packs of {packSize}");
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Collectors));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Sessions));
    }
}
