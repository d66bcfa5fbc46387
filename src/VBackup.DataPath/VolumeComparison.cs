using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.DataPath;

/// <summary>What a comparison found.</summary>
/// <param name="ComparedChunks">Chunks of the volume that were read and compared.</param>
/// <param name="Different">Ranges of chunks that differ, ordered and apart.</param>
public sealed record ComparisonResult(long ComparedChunks, IReadOnlyList<Extent> Different);

/// <summary>
/// Compares a volume as a point has it with the volume itself, by the ids of its chunks: the vault's nodes are read, its packs of
/// chunks are not. Block memory is taken at the start. Not thread-safe.
/// </summary>
public sealed class VolumeComparison : IDisposable
{
    private readonly BlobReader _reader;
    private readonly SlotPool _slots;
    private readonly Worker[] _workers;

    /// <param name="slots">Where its memory comes from, and goes back to; null for memory of its own.</param>
    public VolumeComparison(BlobReader reader, int chunkSize, DataPathOptions options, SlotPool? slots = null)
    {
        _reader = reader;
        var slotSize = Math.Max(options.SlotSize / chunkSize, 1) * chunkSize;
        _slots = slots ?? new(slotSize);
        _workers = new Worker[Math.Max(options.Workers, 1)];
        for (var i = 0; i < _workers.Length; i++) _workers[i] = new(_slots.Rent(slotSize));
    }

    /// <summary>What the volume's chunks were when their ids were checked, not long ago; null when nobody knows.</summary>
    public CheckedDigests? Digests { get; init; }

    /// <summary>What one worker owns.</summary>
    private sealed class Worker(Memory<byte> slot)
    {
        public Memory<byte> Slot { get; } = slot;
        public ManifestNode Leaf { get; } = new();
        public long ComparedChunks { get; set; }
        public List<Extent> Different { get; } = [];
    }

    /// <summary>Compares every chunk of the volume; holes are read too, as their tracking may be what is wrong.</summary>
    /// <exception cref="ArgumentException">The source has another length than the tree.</exception>
    /// <exception cref="DamageException">A node of the tree cannot be read.</exception>
    /// <exception cref="IOException">The source failed.</exception>
    public Task<ComparisonResult> CompareAllAsync(
        VolumeTree tree, IVolumeReader source, IProgress<TransferProgress>? progress, CancellationToken cancellation) =>
        CompareAsync(tree, source, [new(0, tree.Shape.LengthBytes)], progress, cancellation);

    /// <summary>Compares the chunks that some ranges touch.</summary>
    /// <param name="ranges">Ordered and apart, within the volume.</param>
    /// <inheritdoc cref="CompareAllAsync" path="/exception"/>
    public async Task<ComparisonResult> CompareAsync(VolumeTree tree, IVolumeReader source, IEnumerable<Extent> ranges,
        IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        if (source.LengthBytes != tree.Shape.LengthBytes)
            throw new ArgumentException(
                $"{source.Description} has {source.LengthBytes} bytes, the point's volume {tree.Shape.LengthBytes}", nameof(source));
        foreach (var worker in _workers)
        {
            worker.ComparedChunks = 0;
            worker.Different.Clear();
        }
        using var plan = LeafPlan.Of(ranges, tree.Shape).GetEnumerator();
        var gate = new Lock();
        await WorkerTeam.RunAsync(_workers.Length, async (index, stop) =>
        {
            while (TryTake(plan, gate, out var work))
            {
                await CompareLeafAsync(tree, source, _workers[index], work, stop).ConfigureAwait(false);
                progress?.Report(new(Math.Min((work.Leaf + 1) * tree.Shape.LeafSpan, tree.Shape.LengthBytes), tree.Shape.LengthBytes));
            }
        }, cancellation).ConfigureAwait(false);
        return new(_workers.Sum(worker => worker.ComparedChunks),
            Extents.Merged(_workers.SelectMany(worker => worker.Different)));
    }

    /// <summary>REQUIRES: no comparison is under way.</summary>
    public void Dispose()
    {
        foreach (var worker in _workers) _slots.Return(worker.Slot);
    }

    private static bool TryTake(IEnumerator<LeafWork> plan, Lock gate, out LeafWork work)
    {
        lock (gate)
        {
            var any = plan.MoveNext();
            work = any ? plan.Current : default;
            return any;
        }
    }

    private async ValueTask CompareLeafAsync(
        VolumeTree tree, IVolumeReader source, Worker worker, LeafWork work, CancellationToken cancellation)
    {
        var shape = tree.Shape;
        await tree.ReadLeafAsync(work.Leaf, worker.Leaf, cancellation).ConfigureAwait(false);
        var chunksPerSlot = worker.Slot.Length / shape.ChunkSize;
        for (var next = 0; work.TryNextRun(next, chunksPerSlot, out var first, out var count); next = first + count)
        {
            var offset = (work.Leaf * FormatLimits.NodeChildren + first) * shape.ChunkSize;
            var content = worker.Slot[..(int)Math.Min((long)count * shape.ChunkSize, shape.LengthBytes - offset)];
            await source.ReadAsync(offset, content, cancellation).ConfigureAwait(false);
            for (var i = 0; i < count; i++)
            {
                var at = i * shape.ChunkSize;
                var chunk = content.Span[at..Math.Min(at + shape.ChunkSize, content.Length)];
                worker.ComparedChunks++;
                if (Digests?.IsSame(work.Leaf * FormatLimits.NodeChildren + first + i, chunk) == true) continue;
                if (!IsSame(worker.Leaf, first + i, chunk)) worker.Different.Add(new(offset + at, chunk.Length));
            }
        }
    }

    // What a tree lacks is zero.
    private bool IsSame(ManifestNode leaf, int child, ReadOnlySpan<byte> chunk) => leaf.Has(child)
        ? _reader.Vault.ChunkId(chunk) == leaf[child].Id
        : !chunk.ContainsAnyExcept((byte)0);
}
