using System.Security.Cryptography;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Points whose chunks a collection has moved to other packs.</summary>
public sealed class MovedChunksTests
{
    private const int Run = 16 * 4096;

    [Fact]
    public async Task A_restore_reads_moved_chunks_together_and_asks_for_a_pack_that_is_gone_only_now_and_then()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        var first = new byte[16 << 20];
        new Random(1).NextBytes(first);
        var basePoint = await vault.BackUpAsync(first);
        // Every other run of chunks changes, so that no pack of the first point stays worth keeping.
        var second = first.ToArray();
        List<Extent> changed = [];
        for (var at = 0; at < second.Length; at += 2 * Run)
        {
            for (var chunk = 0; chunk < Run; chunk += 4096) second[at + chunk] ^= 1;
            changed.Add(new(at, Run));
        }
        var point = await vault.BackUpAsync(second, basePoint, [.. changed]);
        var before = await CountReadsAsync(memory, point, second);
        await vault.DeleteAsync(basePoint);
        Assert.True((await vault.CollectAsync(new() { RewriteBelow = 0.7, SessionTimeout = TimeSpan.Zero,
            FilterSalt = 1 })).PacksRewritten > 10);

        var after = await CountReadsAsync(memory, point, second);
        Assert.True(after.Reads < before.Reads * 2 && after.Asked < before.Reads / 2,
            $"{before.Reads} reads before, {after.Reads} and {after.Asked} other calls after");
        Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
    }

    [Fact]
    public async Task Many_lost_chunks_are_looked_for_by_a_few_listings_of_packs()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        var content = new byte[4 << 20];
        new Random(1).NextBytes(content);
        var point = await vault.BackUpAsync(content);
        var packs = await vault.ObjectsAsync(ObjectNames.Packs);
        await memory.DeleteAsync(packs.MaxBy(pack => pack.LengthBytes).Name, default);
        var counting = new CallCounter(memory);
        await using var reading = TestVault.Over(counting);
        var target = MemoryVolume.Blank(content.Length);
        var bad = (await reading.ImportAsync(point, "disk", target, new() { BestEffort = true })).Bad;
        var lost = bad.Sum(extent => extent.Length) / 4096;
        Assert.True(lost > 50, $"{lost} chunks lost");
        // A listing has a call for each object and one more; those of the index have few.
        Assert.InRange(counting.CallsOf(StoreOperation.List), packs.Count, 3 * packs.Count + 10);
        foreach (var extent in bad) content.AsSpan((int)extent.Offset, (int)extent.Length).Clear();
        Contents.AssertSame(content, target.Content);
    }

    [Theory]
    [InlineData(FormatLimits.PackBlobsMax)]
    [InlineData(64 * 1024)]
    public async Task A_restore_of_chunks_from_many_packs_by_turns_reads_footers_no_more_often_than_they_pay(int remembered)
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory, with: runtime => runtime with { PackSizeTarget = 4 << 20 });
        var (point, content) = await MakeInterleavedAsync(vault, points: 24, chunks: 24 * 800);
        var counting = new CallCounter(memory);
        await using var reading = TestVault.Over(counting, with: runtime => runtime with { MovedChunksMax = remembered });
        Contents.AssertSame(content, await reading.RestoreAsync(point));
        var (chunks, footers) = (content.Length / 4096, counting.CallsOf(StoreOperation.ReadTail));
        Assert.True(footers <= chunks / 16 + (await vault.ObjectsAsync(ObjectNames.Packs)).Count + 8,
            $"{chunks} chunks, {footers} footers, {counting.CallsOf(StoreOperation.Read)} reads");
        // One listing of the index has two calls.
        Assert.InRange(counting.CallsOf(StoreOperation.List), 1, 2);
    }

    [Fact]
    public async Task A_restore_follows_further_collections_that_move_what_it_reads()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        var (point, content) = await MakeInterleavedAsync(vault, points: 2, chunks: 8192);
        var counting = new CallCounter(memory);
        await using var reading = TestVault.Over(counting);
        await using var reader = new BlobReader(reading.Vault);
        var root = point.Volumes[0];
        var tree = VolumeTree.Open(reader, point, root);
        var leaf = new ManifestNode();
        var chunk = new byte[4096];
        for (long at = 0; at < tree.Shape.LeafCount; at++)
        {
            if (at is 8 or 16 or 24) await RewriteAllAsync(vault);
            await tree.ReadLeafAsync(at, leaf, default);
            for (var child = 0; child < FormatLimits.NodeChildren; child++)
            {
                await reader.ReadChunkAsync(await reader.RefreshedAsync(leaf[child], default), chunk, default);
                Assert.True(chunk.AsSpan().SequenceEqual(content.AsSpan((int)(at * FormatLimits.NodeChildren + child) * 4096, 4096)));
            }
        }
        Assert.InRange(counting.CallsOf(StoreOperation.List), 1, 8);
        Assert.True(counting.CallsOf(StoreOperation.ReadTail) < 400, $"{counting.CallsOf(StoreOperation.ReadTail)} footers");
    }

    [Fact]
    public async Task Damage_of_a_moved_chunk_names_the_pack_where_it_lies_now()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        var content = new byte[64 * 4096];
        new Random(4).NextBytes(content);
        var point = await vault.BackUpAsync(content);
        await RewriteAllAsync(vault);
        foreach (var pack in await vault.ObjectsAsync(ObjectNames.Packs))
        {
            var bytes = await memory.GetAsync(pack.Name, FormatLimits.PackSizeMax, default);
            if (bytes.Length < content.Length) continue;
            bytes[1000] ^= 1;
            await memory.PutAsync(pack.Name, bytes, default);
            await using var reader = new BlobReader(vault.Vault);
            var (leaf, chunk) = (new ManifestNode(), new byte[4096]);
            await VolumeTree.Open(reader, point, point.Volumes[0]).ReadLeafAsync(0, leaf, default);
            var damage = await Assert.ThrowsAsync<DamageException>(async () =>
            {
                for (var child = 0; child < 64; child++) await reader.ReadChunkAsync(leaf[child], chunk, default);
            });
            Assert.Equal(pack.Name, damage.ObjectName);
            return;
        }
        Assert.Fail("no pack of chunks");
    }

    /// <summary>A point whose neighbouring chunks came from other points, and whose packs have all been rewritten since.</summary>
    private static async Task<(PointDocument Point, byte[] Content)> MakeInterleavedAsync(TestVault vault, int points, int chunks)
    {
        var content = new byte[chunks * 4096];
        var random = new Random(2);
        random.NextBytes(content);
        var last = await vault.BackUpAsync(content.ToArray());
        for (var number = 1; number < points; number++)
        {
            List<Extent> changed = [];
            for (var chunk = number; chunk < chunks; chunk += points)
            {
                random.NextBytes(content.AsSpan(chunk * 4096, 16));
                changed.Add(new(chunk * 4096L, 4096));
            }
            var before = last;
            last = await vault.BackUpAsync(content.ToArray(), before, [.. changed]);
            await vault.DeleteAsync(before);
        }
        await RewriteAllAsync(vault);
        return (last, content);
    }

    // As a collector that died would have it, whatever is live in them.
    private static async Task RewriteAllAsync(TestVault vault)
    {
        List<ObjectId> packs = [];
        foreach (var entry in await vault.ObjectsAsync(ObjectNames.Packs))
            if (ObjectNames.TryParsePack(entry.Name, out var pack)) packs.Add(pack);
        await Condemnations.PutAsync(vault.Vault, SessionId.New(RandomNumberGenerator.Fill), packs, default);
        Assert.True((await vault.CollectAsync()).PacksRewritten >= packs.Count / 2);
    }

    private static async Task<(int Reads, int Asked)> CountReadsAsync(MemoryStore memory, PointDocument point, byte[] content)
    {
        var counting = new CallCounter(memory);
        await using var vault = TestVault.Over(counting);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
        return (counting.CallsOf(StoreOperation.Read), counting.CallsOf(StoreOperation.Exists) + counting.CallsOf(StoreOperation.ReadTail));
    }

    private sealed class CallCounter(IObjectStore inner) : DecoratingStore(inner)
    {
        private readonly int[] _calls = new int[Enum.GetValues<StoreOperation>().Length];

        public int CallsOf(StoreOperation operation) => Volatile.Read(ref _calls[(int)operation]);

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _calls[(int)operation]);
            return run(cancellation);
        }
    }
}
