using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.DataPath;

/// <summary>How a volume is imported.</summary>
public sealed record ImportOrder
{
    /// <summary>Read the target first and write only what differs.</summary>
    public bool Delta { get; init; }

    /// <summary>Go on past damage: what cannot be read becomes zeros, and is named in the result.</summary>
    public bool BestEffort { get; init; }
}

/// <summary>What an import did.</summary>
/// <param name="WrittenBytes">Bytes written to the target, zeros made by punching or BLKZEROOUT not counted.</param>
/// <param name="FetchedBytes">Bytes read from the vault.</param>
/// <param name="Bad">Ranges that could not be read; empty unless best effort was asked for.</param>
/// <param name="DamagedPacks">Packs found damaged where another copy served.</param>
public sealed record ImportResult(long WrittenBytes, long FetchedBytes, IReadOnlyList<Extent> Bad, IReadOnlyList<string> DamagedPacks);

/// <summary>
/// Vault → volume. Workers each take one leaf of the tree (256 chunks), fetch what lies together in one read, check every
/// chunk's id, and write. Ranges that the tree lacks are left as holes, or made zero in a target that may be dirty.
/// </summary>
public sealed class ImportPipeline
{
    private readonly BlobReader _reader;
    private readonly DataPathOptions _options;
    private readonly Worker[] _workers;

    public ImportPipeline(BlobReader reader, int chunkSize, DataPathOptions options)
    {
        _reader = reader;
        _options = options;
        _workers = new Worker[Math.Max(options.Fetchers, 1)];
        for (var i = 0; i < _workers.Length; i++) _workers[i] = new(Math.Max(options.SlotSize, Blob.SizeMax(chunkSize)), chunkSize);
    }

    private sealed class Worker(int slotSize, int chunkSize)
    {
        public byte[] Slot { get; } = GC.AllocateUninitializedArray<byte>(slotSize, pinned: true);
        public byte[] Content { get; } = GC.AllocateUninitializedArray<byte>(chunkSize, pinned: true);
        public byte[] Present { get; } = GC.AllocateUninitializedArray<byte>(chunkSize, pinned: true);
        public ManifestNode Leaf { get; } = new();
        public int[] Order { get; } = new int[FormatLimits.NodeChildren];
        public long WrittenBytes { get; set; }
        public long FetchedBytes { get; set; }
    }

    private sealed class Import(VolumeTree tree, IVolumeWriter target, ImportOrder order, IAsyncEnumerator<long> leaves, SemaphoreSlim lanes)
    {
        public VolumeTree Tree { get; } = tree;
        public IVolumeWriter Target { get; } = target;
        public ImportOrder Order { get; } = order;
        public IAsyncEnumerator<long> Leaves { get; } = leaves;
        public SemaphoreSlim LeafGate { get; } = new(1);

        /// <summary>Bounds the workers that decompress at once.</summary>
        public SemaphoreSlim Lanes { get; } = lanes;
        public List<Extent> Bad { get; } = [];

        /// <summary>Everything before this was taken by some worker or made zero.</summary>
        public long TakenUntil { get; set; }
        public TreeShape Shape => Tree.Shape;
    }

    /// <summary>Imports a volume and makes the target durable.</summary>
    /// <exception cref="DamageException">Something cannot be read whole, and best effort was not asked for.</exception>
    /// <exception cref="IOException">The target failed.</exception>
    public async Task<ImportResult> ImportAsync(
        VolumeTree tree, IVolumeWriter target, ImportOrder order, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        if (target.LengthBytes < tree.Shape.LengthBytes)
            throw new IOException($"{target.Description} has {target.LengthBytes} bytes, the volume {tree.Shape.LengthBytes}: the target is smaller than the volume");
        var leaves = (order.BestEffort ? AllLeavesAsync(tree.Shape) : tree.PresentLeavesAsync(cancellation)).GetAsyncEnumerator(cancellation);
        await using (leaves.ConfigureAwait(false))
        {
            using var lanes = new SemaphoreSlim(_options.Lanes);
            var import = new Import(tree, target, order, leaves, lanes);
            foreach (var worker in _workers) (worker.WrittenBytes, worker.FetchedBytes) = (0, 0);

            await WorkerTeam.RunAsync(_workers.Length,
                (worker, stop) => WorkAsync(import, _workers[worker], progress, stop), cancellation).ConfigureAwait(false);

            await ZeroAsync(import, _workers[0], import.TakenUntil, tree.Shape.LengthBytes, cancellation).ConfigureAwait(false);
            await target.FlushAsync(cancellation).ConfigureAwait(false);
            progress?.Report(new(tree.Shape.LengthBytes, tree.Shape.LengthBytes));
            import.LeafGate.Dispose();
            return new(_workers.Sum(worker => worker.WrittenBytes), _workers.Sum(worker => worker.FetchedBytes),
                Merge(import.Bad), [.. _reader.DamagedPacks.Order(StringComparer.Ordinal)]);
        }
    }

    private async Task WorkAsync(
        Import import, Worker worker, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        while (true)
        {
            long leaf, gapStart;
            await import.LeafGate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                if (!await import.Leaves.MoveNextAsync().ConfigureAwait(false)) return;
                leaf = import.Leaves.Current;
                gapStart = import.TakenUntil;
                import.TakenUntil = Math.Min((leaf + 1) * import.Shape.LeafSpan, import.Shape.LengthBytes);
            }
            finally
            {
                import.LeafGate.Release();
            }
            await ZeroAsync(import, worker, gapStart, leaf * import.Shape.LeafSpan, cancellation).ConfigureAwait(false);
            await ImportLeafAsync(import, worker, leaf, cancellation).ConfigureAwait(false);
            progress?.Report(new(import.TakenUntil, import.Shape.LengthBytes));
        }
    }

    private async ValueTask ImportLeafAsync(Import import, Worker worker, long leaf, CancellationToken cancellation)
    {
        var start = leaf * import.Shape.LeafSpan;
        try
        {
            await import.Tree.ReadLeafAsync(leaf, worker.Leaf, cancellation).ConfigureAwait(false);
        }
        catch (DamageException) when (import.Order.BestEffort)
        {
            // Asked for: what lies below an unreadable node is named as bad and becomes zeros.
            worker.Leaf.Reset(0);
            AddBad(import, new(start, Math.Min(import.Shape.LeafSpan, import.Shape.LengthBytes - start)));
        }
        await ZeroAbsentAsync(import, worker, leaf, cancellation).ConfigureAwait(false);

        var order = SortByPlace(worker);
        for (var at = 0; at < order;)
        {
            var (count, length) = NeighboursFrom(worker, at, order);
            await ImportRunAsync(import, worker, leaf, at, count, length, cancellation).ConfigureAwait(false);
            at += count;
        }
    }

    // Fetches chunks that lie side by side in one pack with one read, then opens and writes them one by one.
    private async ValueTask ImportRunAsync(
        Import import, Worker worker, long leaf, int at, int count, int length, CancellationToken cancellation)
    {
        var location = worker.Leaf[worker.Order[at]].Location;
        var fetched = length <= worker.Slot.Length && await _reader.TryReadRangeAsync(
            location.Pack, location.Offset, worker.Slot.AsMemory(0, length), cancellation).ConfigureAwait(false);
        worker.FetchedBytes += length;
        await import.Lanes.WaitAsync(cancellation).ConfigureAwait(false);
        var lane = _reader.RentLane();
        try
        {
            for (var i = at; i < at + count; i++)
            {
                var child = worker.Order[i];
                var place = worker.Leaf[child];
                var chunk = leaf * FormatLimits.NodeChildren + child;
                var content = worker.Content.AsMemory(0, import.Shape.ChunkLength(chunk));
                var from = (int)(place.Location.Offset - location.Offset);
                if (!fetched || !lane.TryOpenChunk(place, worker.Slot.AsSpan(from, (int)place.Location.Length), content.Span))
                {
                    try
                    {
                        await _reader.ReadChunkElsewhereAsync(place, content, cancellation).ConfigureAwait(false);
                    }
                    catch (DamageException) when (import.Order.BestEffort)
                    {
                        // Asked for: the range is named as bad, and holds zeros rather than what nobody vouches for.
                        content.Span.Clear();
                        AddBad(import, new(chunk * import.Shape.ChunkSize, content.Length));
                    }
                }
                await WriteChunkAsync(import, worker, chunk * import.Shape.ChunkSize, content, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            _reader.Return(lane);
            import.Lanes.Release();
        }
    }

    private static async ValueTask WriteChunkAsync(
        Import import, Worker worker, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        if (import.Order.Delta)
        {
            var present = worker.Present.AsMemory(0, content.Length);
            await import.Target.ReadAsync(offset, present, cancellation).ConfigureAwait(false);
            if (present.Span.SequenceEqual(content.Span)) return;
        }
        await import.Target.WriteAsync(offset, content, cancellation).ConfigureAwait(false);
        worker.WrittenBytes += content.Length;
    }

    private static async ValueTask ZeroAbsentAsync(Import import, Worker worker, long leaf, CancellationToken cancellation)
    {
        if (import.Target.IsAllZero) return;
        var first = leaf * FormatLimits.NodeChildren;
        var chunks = (int)Math.Min(FormatLimits.NodeChildren, import.Shape.ChunkCount - first);
        for (var child = 0; child < chunks;)
        {
            var end = child;
            while (end < chunks && !worker.Leaf.Has(end)) end++;
            await ZeroAsync(import, worker, (first + child) * import.Shape.ChunkSize,
                Math.Min((first + end) * import.Shape.ChunkSize, import.Shape.LengthBytes), cancellation).ConfigureAwait(false);
            child = end + 1;
        }
    }

    private static async ValueTask ZeroAsync(Import import, Worker worker, long from, long to, CancellationToken cancellation)
    {
        if (from >= to || import.Target.IsAllZero) return;
        if (!import.Order.Delta)
        {
            await import.Target.ZeroAsync(new(from, to - from), cancellation).ConfigureAwait(false);
            return;
        }
        // Only what is not zero yet is touched.
        foreach (var allocated in import.Target.AllocatedExtents(from))
        {
            if (allocated.Offset >= to) break;
            var end = Math.Min(allocated.End, to);
            for (var at = Math.Max(allocated.Offset, from); at < end;)
            {
                var piece = worker.Slot.AsMemory(0, (int)Math.Min(worker.Slot.Length, end - at));
                await import.Target.ReadAsync(at, piece, cancellation).ConfigureAwait(false);
                if (piece.Span.ContainsAnyExcept((byte)0))
                    await import.Target.ZeroAsync(new(at, piece.Length), cancellation).ConfigureAwait(false);
                at += piece.Length;
            }
        }
    }

    /// <summary>Puts the leaf's children into the order in which they lie in their packs.</summary>
    private static int SortByPlace(Worker worker)
    {
        var count = 0;
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
            if (worker.Leaf.Has(child)) worker.Order[count++] = child;
        var leaf = worker.Leaf;
        worker.Order.AsSpan(0, count).Sort((left, right) =>
            leaf[left].Location.Pack.Value.CompareTo(leaf[right].Location.Pack.Value) is var byPack && byPack != 0
                ? byPack : leaf[left].Location.Offset.CompareTo(leaf[right].Location.Offset));
        return count;
    }

    /// <summary>How many children from <paramref name="at"/> on lie side by side and fit in a slot.</summary>
    private static (int Count, int Length) NeighboursFrom(Worker worker, int at, int end)
    {
        var first = worker.Leaf[worker.Order[at]].Location;
        var length = (long)first.Length;
        var count = 1;
        for (; at + count < end; count++)
        {
            var next = worker.Leaf[worker.Order[at + count]].Location;
            if (next.Pack != first.Pack || next.Offset != first.Offset + length || length + next.Length > worker.Slot.Length) break;
            length += next.Length;
        }
        return (count, (int)length);
    }

    private static async IAsyncEnumerable<long> AllLeavesAsync(TreeShape shape)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        for (long leaf = 0; leaf < shape.LeafCount; leaf++) yield return leaf;
    }

    private static void AddBad(Import import, Extent range)
    {
        lock (import.Bad) import.Bad.Add(range);
    }

    private static List<Extent> Merge(List<Extent> ranges)
    {
        List<Extent> merged = [];
        foreach (var range in ranges.OrderBy(range => range.Offset))
        {
            if (merged.Count > 0 && merged[^1].End == range.Offset) merged[^1] = new(merged[^1].Offset, merged[^1].Length + range.Length);
            else merged.Add(range);
        }
        return merged;
    }
}
