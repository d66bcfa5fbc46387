using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Volumes;

/// <summary>A point is compared with a volume: all of it, or a sample of what a change tracker calls unchanged.</summary>
public sealed class ComparisonTests
{
    private const int Chunk = 4096;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4 * Chunk)]
    [InlineData(3_000_001)]
    public async Task A_point_equals_the_volume_it_was_made_of(int length)
    {
        await using var vault = TestVault.Over(new MemoryStore(), workers: 3);
        var content = Contents.Mixed(1, length);
        var point = await vault.BackUpAsync(content);
        var result = await CompareAsync(vault, point, content);
        Assert.Empty(result.Different);
        Assert.Equal((length + Chunk - 1) / Chunk, result.ComparedChunks);
    }

    [Fact]
    public async Task Every_chunk_that_differs_is_named_and_no_other()
    {
        await using var vault = TestVault.Over(new MemoryStore(), workers: 3);
        var content = Contents.Mixed(1, 300 * Chunk + 5);
        content.AsSpan(20 * Chunk, 4 * Chunk).Clear();
        var point = await vault.BackUpAsync(content);
        // A byte of a chunk, a byte of zeros, a chunk that became zero, two neighbours, the tail.
        var other = content.ToArray();
        other[7 * Chunk + 1] ^= 1;
        other[21 * Chunk] = 1;
        other.AsSpan(40 * Chunk, Chunk).Fill(9);
        other.AsSpan(41 * Chunk, Chunk).Fill(9);
        other[^1] ^= 1;
        var result = await CompareAsync(vault, point, other);
        Assert.Equal(
            [new(7 * Chunk, Chunk), new(21 * Chunk, Chunk), new(40 * Chunk, 2 * Chunk), new Extent(300 * Chunk, 5)], result.Different);
    }

    [Fact]
    public async Task What_an_import_has_checked_is_compared_by_digest_and_every_fault_since_is_found()
    {
        await using var vault = TestVault.Over(new MemoryStore(), workers: 3);
        var content = Contents.Mixed(4, 200 * Chunk + 5);
        content.AsSpan(20 * Chunk, 4 * Chunk).Clear();
        var point = await vault.BackUpAsync(content);
        var digests = new CheckedDigests(new(content.Length, Chunk));
        var restored = new MemoryVolume(new byte[content.Length]);
        await using (var reader = new BlobReader(vault.Vault))
        using (var import = new ImportPipeline(reader, Chunk, vault.Options))
            await import.ImportAsync(VolumeTree.Open(reader, point, point.Volumes[0]), restored, new() { Digests = digests }, null,
                default);
        Assert.Equal(content, restored.Content);
        Assert.True(digests.IsSame(7, content.AsSpan(7 * Chunk, Chunk)));
        // Zeros are no chunks.
        Assert.False(digests.IsSame(21, content.AsSpan(21 * Chunk, Chunk)));
        Assert.Empty((await CompareAsync(vault, point, content, digests: digests)).Different);

        for (var chunk = 0; chunk <= 200; chunk++)
        {
            var other = content.ToArray();
            other[Math.Min((chunk * Chunk) + 13, other.Length - 1)] ^= 1;
            var result = await CompareAsync(vault, point, other, digests: digests);
            Assert.Equal([new Extent(chunk * Chunk, Math.Min(Chunk, content.Length - (chunk * Chunk)))], result.Different);
        }
    }

    [Fact]
    public async Task A_chunk_that_no_digest_is_known_of_is_compared_by_its_id()
    {
        await using var vault = TestVault.Over(new MemoryStore(), workers: 3);
        var content = Contents.Mixed(5, 50 * Chunk);
        var point = await vault.BackUpAsync(content);
        // As of a volume of which only the first ten chunks were noted.
        var digests = new CheckedDigests(new(10 * Chunk, Chunk));
        for (var chunk = 0; chunk < 50; chunk++) digests.Set(chunk, content.AsSpan(chunk * Chunk, Chunk));
        Assert.True(digests.IsSame(9, content.AsSpan(9 * Chunk, Chunk)));
        Assert.False(digests.IsSame(10, content.AsSpan(10 * Chunk, Chunk)));
        Assert.Empty((await CompareAsync(vault, point, content, digests: digests)).Different);
        content[^1] ^= 1;
        Assert.Equal([new Extent(49 * Chunk, Chunk)], (await CompareAsync(vault, point, content, digests: digests)).Different);
    }

    [Fact]
    public void A_sample_holds_only_unchanged_allocated_chunks_each_once_and_enough_of_them()
    {
        var shape = new TreeShape(100_000L * Chunk + 7, Chunk);
        var random = new Random(3);
        for (var round = 0; round < 50; round++)
        {
            var allocated = Ranges(random, shape.LengthBytes, 1 + random.Next(40));
            var changed = Extents.Checked(Ranges(random, shape.LengthBytes, random.Next(40)), shape.LengthBytes);
            var candidates = ChunksOf(allocated).Except(ChunksOf(changed.Ranges)).ToHashSet();
            var sample = ChangeSample.Choose(allocated, changed, shape, random).ToList();
            var chunks = sample.ConvertAll(range => range.Offset / Chunk);
            Assert.All(sample, range => Assert.Equal(shape.ChunkLength(range.Offset / Chunk), range.Length));
            Assert.Equal(ChangeSample.SizeFor(candidates.Count), chunks.Count);
            Assert.Equal(chunks.Order().Distinct(), chunks);
            Assert.Subset(candidates, chunks.ToHashSet());
        }
    }

    /// <summary>The rate that the documentation states is a lower bound: f of N candidates missed, n taken.</summary>
    [Theory]
    [InlineData(20_000, 1, 1)]
    [InlineData(20_000, 100, 1)]
    [InlineData(20_000, 100, 200)]
    [InlineData(20_000, 400, 50)]
    public void A_fault_of_the_tracker_is_caught_at_least_as_often_as_documented(int candidates, int missed, int apart)
    {
        var shape = new TreeShape((long)candidates * Chunk, Chunk);
        Extent[] allocated = [new(0, shape.LengthBytes)];
        var nothing = Extents.Checked([], shape.LengthBytes);
        var faults = Enumerable.Range(0, missed).Select(i => (long)i * apart * Chunk).ToHashSet();
        const int rounds = 2000;
        var random = new Random(11);
        var caught = 0;
        for (var round = 0; round < rounds; round++)
            if (ChangeSample.Choose(allocated, nothing, shape, random).Any(range => faults.Contains(range.Offset))) caught++;
        var documented = 1 - Math.Pow(1 - (double)missed / candidates, ChangeSample.SizeFor(candidates));
        // Five standard deviations, and the seed is fixed: this says the same every time.
        var tolerance = 5 * Math.Sqrt(documented * (1 - documented) / rounds);
        Assert.True(caught >= rounds * (documented - tolerance), $"caught {caught} of {rounds}, documented {documented:p1}");
    }

    [Fact]
    public async Task A_planted_fault_of_the_tracker_is_found_by_its_sample()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = new byte[1000 * Chunk];
        new Random(1).NextBytes(content);
        var basePoint = await vault.BackUpAsync(content);
        var now = content.ToArray();
        now.AsSpan(0, 100 * Chunk).Fill(1);
        // The tracker tells of the first hundred chunks, and is silent about thirty others.
        var told = Extents.Checked([new(0, 100 * Chunk)], now.Length);
        for (var i = 0; i < 30; i++) now[(200 + 20 * i) * Chunk + 5] ^= 1;
        var shape = new TreeShape(now.Length, Chunk);
        var sample = ChangeSample.Choose([new(0, now.Length)], told, shape, new Random(2));
        var result = await CompareAsync(vault, basePoint, now, sample);
        Assert.Equal(256, result.ComparedChunks);
        Assert.NotEmpty(result.Different);
        Assert.All(result.Different, range => Assert.Equal(0, (range.Offset / Chunk - 200) % 20));
    }

    private static async Task<ComparisonResult> CompareAsync(
        TestVault vault, PointDocument point, byte[] content, IEnumerable<Extent>? ranges = null, CheckedDigests? digests = null)
    {
        await using var reader = new BlobReader(vault.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        using var comparison = new VolumeComparison(reader, vault.Vault.ChunkSize, vault.Options) { Digests = digests };
        var source = new MemoryVolume(content);
        return ranges is null
            ? await comparison.CompareAllAsync(tree, source, null, default)
            : await comparison.CompareAsync(tree, source, ranges, null, default);
    }

    private static List<Extent> Ranges(Random random, long length, int count)
    {
        List<Extent> ranges = [];
        for (var i = 0; i < count; i++)
        {
            var offset = random.NextInt64(length);
            ranges.Add(new(offset, Math.Min(1 + random.NextInt64(length / 20), length - offset)));
        }
        return [.. Extents.Merged(ranges)];
    }

    private static IEnumerable<long> ChunksOf(IEnumerable<Extent> ranges)
    {
        foreach (var range in ranges)
            for (var chunk = range.Offset / Chunk; chunk <= (range.End - 1) / Chunk; chunk++) yield return chunk;
    }
}
