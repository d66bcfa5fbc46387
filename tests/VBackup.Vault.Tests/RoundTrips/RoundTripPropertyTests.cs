using CsCheck;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.RoundTrips;

public sealed class RoundTripPropertyTests
{
    private static readonly Gen<int> s_chunkSize = Gen.OneOf(4096, 8192, 16384, 32768, 65536);

    /// <summary>Around the borders of chunks, leaves and trees, and anything else.</summary>
    private static Gen<int> Length(int chunkSize) => Gen.OneOf(
        Gen.Int[0, 20_000],
        Gen.Select(Gen.Int[0, 20], Gen.Int[-1, 1], (chunks, more) => Math.Max(0, chunks * chunkSize + more)),
        Gen.Select(Gen.Int[255, 258], Gen.Int[-1, 1], (chunks, more) => chunkSize == 4096 ? chunks * chunkSize + more : chunks * 1000),
        Gen.Int[0, 1_500_000]);

    private static readonly Gen<(int ChunkSize, int[] Lengths, int Seed, int Workers, int PackSize)> s_world =
        s_chunkSize.SelectMany(chunkSize => Gen.Select(
            Length(chunkSize).Array[1, 3], Gen.Int, Gen.Int[1, 3], Gen.OneOf(8 * 1024, 100_000, 32 * 1024 * 1024),
            (lengths, seed, workers, packSize) => (chunkSize, lengths, seed, workers, packSize)));

    [Fact]
    public async Task Volumes_of_any_shape_come_back_bit_for_bit() => await s_world.SampleAsync(async world =>
    {
        await using var vault = Over(world.ChunkSize, world.PackSize, world.Workers);
        var volumes = Volumes(world.Lengths, world.Seed);
        var point = await vault.BackUpAsync(volumes);
        foreach (var (name, content) in volumes) Contents.AssertSame(content, await vault.RestoreAsync(point, name));
        Assert.Equal(volumes.Select(volume => (long)volume.Content.Length), point.Volumes.Select(volume => volume.LengthBytes));
    }, iter: 120, threads: 1);

    [Fact]
    public async Task Every_point_of_a_chain_of_incrementals_comes_back_bit_for_bit() => await Gen.Select(
        s_world, Gen.Select(Gen.Int, Gen.Bool, Gen.Int[0, 12], Gen.Int[1, 40_000]).Array[1, 4]).SampleAsync(async (world, steps) =>
        {
            await using var vault = Over(world.ChunkSize, world.PackSize, world.Workers);
            var volumes = Volumes(world.Lengths, world.Seed);
            var last = await vault.BackUpAsync(volumes);
            List<(PointDocument Point, (string Name, byte[] Content)[] Volumes)> chain = [(last, volumes)];
            foreach (var (seed, isTold, changes, lengthMax) in steps)
            {
                Dictionary<string, Extent[]> told = [];
                volumes = [.. volumes.Select((volume, i) =>
                {
                    var (content, changed) = Contents.Change(seed + i, volume.Content, changes, lengthMax);
                    told[volume.Name] = changed;
                    return (volume.Name, content);
                })];
                last = await vault.BackUpAsync(volumes, last, isTold ? told : null);
                Assert.Equal(PointType.Incremental, last.Type);
                if (isTold) AssertReadsOnlyChanges(last, told, world.ChunkSize);
                chain.Add((last, volumes));
            }
            foreach (var (point, expected) in chain)
                foreach (var (name, content) in expected) Contents.AssertSame(content, await vault.RestoreAsync(point, name));
        }, iter: 60, threads: 1);

    [Fact]
    public async Task An_import_onto_a_dirty_target_leaves_nothing_of_what_was_there() => await Gen.Select(
        s_world, Gen.Int).SampleAsync(async (world, dirt) =>
        {
            await using var vault = Over(world.ChunkSize, world.PackSize, world.Workers);
            var volumes = Volumes(world.Lengths, world.Seed);
            var point = await vault.BackUpAsync(volumes);
            foreach (var (name, content) in volumes)
            {
                var target = new MemoryVolume(new byte[content.Length]);
                new Random(dirt).NextBytes(target.Content);
                await vault.ImportAsync(point, name, target, new());
                Contents.AssertSame(content, target.Content);
            }
        }, iter: 60, threads: 1);

    [Fact]
    public async Task A_delta_import_equals_the_source_and_writes_only_chunks_that_differ() => await Gen.Select(
        s_world, Gen.Int, Gen.Int[0, 10], Gen.Int[1, 30_000]).SampleAsync(async (world, seed, changes, lengthMax) =>
        {
            await using var vault = Over(world.ChunkSize, world.PackSize, world.Workers);
            var volumes = Volumes(world.Lengths, world.Seed);
            var point = await vault.BackUpAsync(volumes);
            foreach (var (name, content) in volumes)
            {
                var target = new MemoryVolume(Contents.Change(seed, content, changes, lengthMax).Content);
                var differing = DifferingChunkBytes(content, target.Content, world.ChunkSize);
                var result = await vault.ImportAsync(point, name, target, new() { Delta = true });
                Contents.AssertSame(content, target.Content);
                Assert.Equal(target.WrittenBytes, result.WrittenBytes);
                Assert.Equal(differing, result.WrittenBytes);
                Assert.Empty(result.Bad);
            }
        }, iter: 60, threads: 1);

    [Fact]
    public async Task A_target_that_is_longer_keeps_what_lies_behind_the_volume()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 100_001);
        var point = await vault.BackUpAsync(content);
        foreach (var delta in (bool[])[false, true])
        {
            var target = new MemoryVolume(new byte[200_000]);
            target.Content.AsSpan().Fill(7);
            await vault.ImportAsync(point, "disk", target, new() { Delta = delta });
            Contents.AssertSame(content, target.Content[..content.Length]);
            Assert.False(target.Content.AsSpan(content.Length).ContainsAnyExcept((byte)7));
        }
    }

    [Fact]
    public async Task A_target_that_is_too_small_is_refused_before_anything_is_written()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var point = await vault.BackUpAsync(Contents.Mixed(1, 100_001));
        var target = new MemoryVolume(new byte[100_000]);
        var refused = await Assert.ThrowsAsync<IOException>(() => vault.ImportAsync(point, "disk", target, new()));
        Assert.Contains("smaller than the volume", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, target.WrittenBytes);
    }

    [Fact]
    public async Task Equal_chunks_are_stored_once_within_a_volume_across_volumes_and_across_points()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var piece = new byte[4096];
        new Random(1).NextBytes(piece);
        var content = Enumerable.Repeat(piece, 50).SelectMany(part => part).ToArray();
        await vault.BackUpAsync([("one", content), ("two", content)]);
        await vault.BackUpAsync([("three", content)]);
        var map = await VaultMap.ReadAsync(vault);
        Assert.Single(map.Packs.Values.SelectMany(entries => entries), entry => !entry.Shape.IsNode);
        Assert.Single(map.Packs.Values.SelectMany(entries => entries), entry => entry.Shape.IsNode);
    }

    [Fact]
    public async Task Content_that_does_not_compress_is_stored_as_it_is()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = new byte[200_000];
        new Random(1).NextBytes(content);
        await vault.BackUpAsync(content);
        var map = await VaultMap.ReadAsync(vault);
        Assert.All(map.Packs.Values.SelectMany(entries => entries).Where(entry => !entry.Shape.IsNode), entry =>
        {
            Assert.False(entry.Shape.IsCompressed);
            Assert.Equal(entry.Shape.ContentLength + BlobPrefix.Overhead, (int)entry.Length);
        });
    }

    [Fact]
    public async Task A_base_of_another_length_is_not_built_on()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 100_000);
        var full = await vault.BackUpAsync(content);
        byte[] longer = [.. content, .. Contents.Mixed(2, 9_000)];
        var grown = await vault.BackUpAsync(longer, full);
        Assert.Equal(PointType.Full, grown.Volumes[0].Type);
        Contents.AssertSame(longer, await vault.RestoreAsync(grown));
    }

    [Fact]
    public async Task A_volume_that_became_all_zero_has_no_root()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 3_000_000);
        var full = await vault.BackUpAsync(content);
        var told = await vault.BackUpAsync(new byte[content.Length], full, new Extent(0, content.Length));
        Assert.Null(told.Volumes[0].Root);
        var reread = await vault.BackUpAsync(new byte[content.Length], full);
        Assert.Null(reread.Volumes[0].Root);
        Contents.AssertSame(new byte[content.Length], await vault.RestoreAsync(told));
    }

    [Fact]
    public async Task A_tree_of_three_levels_comes_back()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        // 65,536 chunks of 4 KiB fill two levels; this has one more, and data at the start, in the middle and at the end.
        const long length = 65_536L * 4096 + 1;
        var content = new byte[length];
        foreach (var at in (long[])[5, length / 2, length - 1]) content[at] = 9;
        var point = await vault.BackUpAsync(content);
        Assert.Equal(3, point.Volumes[0].Levels);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
        content[length / 3] = 1;
        var next = await vault.BackUpAsync(content, point, new Extent(length / 3, 1));
        Assert.Equal(4096, next.Volumes[0].ReadBytes);
        Contents.AssertSame(content, await vault.RestoreAsync(next));
    }

    private static TestVault Over(int chunkSize, int packSize, int workers) => TestVault.Over(
        new MemoryStore(), chunkSize, runtime => runtime with { PackSizeTarget = packSize, PacksPerIndexFlush = 2 }, workers);

    private static (string Name, byte[] Content)[] Volumes(int[] lengths, int seed) =>
        [.. lengths.Select((length, i) => ($"volume {i}", Contents.Mixed(seed + i, length, block: i == 1 ? 3000 : 4096)))];

    private static void AssertReadsOnlyChanges(PointDocument point, Dictionary<string, Extent[]> told, int chunkSize)
    {
        foreach (var volume in point.Volumes)
        {
            HashSet<long> chunks = [];
            foreach (var range in told[volume.Name])
                for (var chunk = range.Offset / chunkSize; chunk <= (range.End - 1) / chunkSize; chunk++) chunks.Add(chunk);
            Assert.True(volume.ReadBytes <= (long)chunks.Count * chunkSize, $"read {volume.ReadBytes} for {chunks.Count} chunks");
        }
    }

    private static long DifferingChunkBytes(byte[] content, byte[] target, int chunkSize)
    {
        long bytes = 0;
        for (var at = 0; at < content.Length; at += chunkSize)
        {
            var piece = content.AsSpan(at, Math.Min(chunkSize, content.Length - at));
            // Zeros are made by punching, which counts nothing.
            if (piece.ContainsAnyExcept((byte)0) && !piece.SequenceEqual(target.AsSpan(at, piece.Length))) bytes += piece.Length;
        }
        return bytes;
    }
}
