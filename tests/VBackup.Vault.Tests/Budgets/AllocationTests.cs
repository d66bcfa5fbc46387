using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Budgets;

/// <summary>The hot paths allocate nothing per chunk. What packs and leaves take is shared by their many chunks.</summary>
public sealed class AllocationTests
{
    private const int ChunkSize = 16 * 1024;
    private const long Small = 16 * 1024 * 1024;
    private const long Large = 64 * 1024 * 1024;
    private const long MoreChunks = (Large - Small) / ChunkSize;

    /// <summary>A pack's footer and index entries are some 200 bytes a chunk while the pack is closed; a leaf's node less than
    /// 100.</summary>
    private const long PerChunkMax = 400;

    /// <summary>Half of what a whole run may allocate.</summary>
    private const long HeapMax = 8 * 1024 * 1024;

    [Fact]
    public async Task An_export_allocates_next_to_nothing_per_chunk()
    {
        await using var vault = TestVault.Over(new DiscardingStore(new MemoryStore()), ChunkSize, runtime =>
            runtime with { PackSizeTarget = FormatLimits.PackSizeTarget });
        await MeasureExportAsync(vault, Small);
        var small = await MeasureExportAsync(vault, Small);
        var large = await MeasureExportAsync(vault, Large);
        var perChunk = (large - small) / (double)MoreChunks;
        Assert.True(perChunk <= PerChunkMax, $"{perChunk:f1} bytes a chunk");
    }

    [Fact]
    public async Task An_export_of_what_the_base_has_allocates_next_to_nothing_per_chunk()
    {
        await using var vault = TestVault.Over(new MemoryStore(), ChunkSize, runtime =>
            runtime with { PackSizeTarget = FormatLimits.PackSizeTarget });
        var small = await MeasureRereadAsync(vault, await StoreAsync(vault, Small));
        var large = await MeasureRereadAsync(vault, await StoreAsync(vault, Large));
        var perChunk = (large - small) / (double)MoreChunks;
        Assert.True(perChunk <= PerChunkMax / 2, $"{perChunk:f1} bytes a chunk");
    }

    [Fact]
    public async Task An_import_allocates_next_to_nothing_per_chunk()
    {
        await using var vault = TestVault.Over(new MemoryStore(), ChunkSize, runtime =>
            runtime with { PackSizeTarget = FormatLimits.PackSizeTarget });
        var (smallPoint, largePoint) = (await StoreAsync(vault, Small), await StoreAsync(vault, Large));
        await MeasureImportAsync(vault, smallPoint);
        var small = await MeasureImportAsync(vault, smallPoint);
        var large = await MeasureImportAsync(vault, largePoint);
        var perChunk = (large - small) / (double)MoreChunks;
        Assert.True(perChunk <= PerChunkMax / 2, $"{perChunk:f1} bytes a chunk");
    }

    [Fact]
    public async Task An_import_whose_first_window_has_stale_hints_allocates_little_of_what_it_reads()
    {
        await using var vault = TestVault.Over(new MemoryStore(), FormatLimits.ChunkSizeDefault);
        var content = new byte[Large];
        new Random(3).NextBytes(content);
        var point = await vault.BackUpAsync(content);
        await CondemnAllAsync(vault);
        Assert.True((await vault.CollectAsync()).PacksRewritten > 0);
        await using var reader = new BlobReader(vault.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        using var pipeline = new ImportPipeline(reader, vault.Vault.ChunkSize, vault.Options);
        var target = MemoryVolume.Blank(content.Length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await pipeline.ImportAsync(tree, target, new(), null, default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(target.Content.AsSpan().SequenceEqual(content));
        Assert.True(allocated <= HeapMax, $"{allocated} bytes");
    }

    // As a collector that died leaves them: the next one rewrites them all.
    private static async Task CondemnAllAsync(TestVault vault)
    {
        List<ObjectId> packs = [];
        foreach (var entry in await vault.ObjectsAsync(ObjectNames.Packs))
            if (ObjectNames.TryParsePack(entry.Name, out var pack)) packs.Add(pack);
        await Condemnations.PutAsync(vault.Vault, SessionId.New(RandomNumberGenerator.Fill), packs, default);
    }

    private static async Task<long> MeasureExportAsync(TestVault vault, long length)
    {
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var pipeline = new ExportPipeline(run, vault.Options);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await pipeline.ExportAsync(new("disk", new PatternVolume(length), null, null), null, default);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static async Task<PointDocument> StoreAsync(TestVault vault, long length)
    {
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var volume = await new ExportPipeline(run, vault.Options)
            .ExportAsync(new("disk", new PatternVolume(length), null, null), null, default);
        return await run.PublishAsync("server", PointType.Full, null, [volume], default);
    }

    private static async Task<long> MeasureRereadAsync(TestVault vault, PointDocument point)
    {
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", point, default);
        var pipeline = new ExportPipeline(run, vault.Options);
        var source = new PatternVolume(point.Volumes[0].LengthBytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var volume = await pipeline.ExportAsync(new("disk", source, run.Base!.Volumes[0], null), null, default);
        Assert.Equal(0, volume.StoredBytes);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static async Task<long> MeasureImportAsync(TestVault vault, PointDocument point)
    {
        await using var reader = new BlobReader(vault.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        var pipeline = new ImportPipeline(reader, ChunkSize, vault.Options);
        var target = new PatternVolume(point.Volumes[0].LengthBytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await pipeline.ImportAsync(tree, target, new(), null, default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(target.LengthBytes, target.ComparedBytes);
        return allocated;
    }

    /// <summary>A volume made up from offsets: no chunk is like another, half of each compresses. As a target it compares.</summary>
    private sealed class PatternVolume(long length) : IVolumeReader, IVolumeWriter
    {
        private static readonly byte[] s_noise = MakeNoise();
        private readonly byte[] _expected = new byte[1024 * 1024];

        public string Description => "pattern";
        public long LengthBytes => length;
        public bool IsAllZero => true;
        public long ComparedBytes { get; private set; }
        public IEnumerable<Extent> AllocatedExtents(long from = 0) => [new(from, length - from)];

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
        {
            Fill(offset, buffer.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            var expected = _expected.AsSpan(0, content.Length);
            Fill(offset, expected);
            if (!expected.SequenceEqual(content.Span)) throw new InvalidOperationException($"wrong bytes at {offset}");
            ComparedBytes += content.Length;
            return ValueTask.CompletedTask;
        }

        public ValueTask ZeroAsync(Extent range, CancellationToken cancellation) => throw new NotSupportedException();
        public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;
        public Task<bool> IsShutOutAsync(CancellationToken cancellation) => Task.FromResult(false);
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static void Fill(long offset, Span<byte> buffer)
        {
            for (var at = 0; at < buffer.Length; at += ChunkSize)
            {
                var piece = buffer.Slice(at, Math.Min(ChunkSize, buffer.Length - at));
                s_noise.AsSpan(0, piece.Length).CopyTo(piece);
                BitConverter.TryWriteBytes(piece, offset + at + 1);
            }
        }

        private static byte[] MakeNoise()
        {
            var noise = new byte[ChunkSize];
            new Random(1).NextBytes(noise.AsSpan(0, ChunkSize / 2));
            return noise;
        }
    }

    /// <summary>Takes large objects and keeps nothing of them.</summary>
    private sealed class DiscardingStore(IObjectStore inner) : DecoratingStore(inner)
    {
        protected override Task<T> AroundAsync<T>(
            StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
            run(cancellation);

        public override ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) => new(new Writer());

        private sealed class Writer : IObjectWriter
        {
            public long Length { get; private set; }

            public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
            {
                Length += piece.Length;
                return ValueTask.CompletedTask;
            }

            public ValueTask CommitAsync(CancellationToken cancellation) => ValueTask.CompletedTask;
            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
