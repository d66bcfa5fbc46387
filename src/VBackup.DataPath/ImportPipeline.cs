using System.Threading.Channels;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.DataPath;

/// <summary>How a volume is imported.</summary>
public sealed record ImportOrder
{
    /// <summary>Read the target first: what it holds already is neither fetched nor written.</summary>
    public bool Delta { get; init; }

    /// <summary>Go on past damage: what cannot be read becomes zeros, and is named in the result.</summary>
    public bool BestEffort { get; init; }

    /// <summary>Where to note what each chunk was when its id had been checked, for reading back; null for nowhere.</summary>
    public CheckedDigests? Digests { get; init; }
}

/// <summary>What an import did.</summary>
/// <param name="WrittenBytes">Bytes written to the target, zeros made by punching or BLKZEROOUT not counted.</param>
/// <param name="FetchedBytes">Bytes read from the vault.</param>
/// <param name="Bad">Ranges that could not be read; empty unless best effort was asked for.</param>
/// <param name="DamagedPacks">Packs found damaged where another copy served.</param>
public sealed record ImportResult(long WrittenBytes, long FetchedBytes, IReadOnlyList<Extent> Bad, IReadOnlyList<string> DamagedPacks);

/// <summary>
/// Vault → volume. Fetchers each read what lies together in a pack, in the volume's order; then a lane checks every chunk's id
/// and writes neighbours at once. Ranges that the tree lacks are left as holes, or made zero in a target that may be dirty.
/// Nothing is allocated per chunk. Block memory is bounded by the options; that of most fetchers is made when a read has to
/// wait for the first time, as a store that answers at once has no use for them.
/// </summary>
public sealed class ImportPipeline : IDisposable
{
    private readonly BlobReader _reader;
    private readonly DataPathOptions _options;
    private readonly SlotPool _pool;
    private readonly int _slotSize;
    private readonly int _writeSize;
    private readonly Memory<byte>[] _slots;
    private readonly Lane[] _lanes;
    private readonly Channel<Lane> _freeLanes = Channel.CreateUnbounded<Lane>();

    /// <param name="slots">Where its memory comes from, and goes back to; null for memory of its own.</param>
    public ImportPipeline(BlobReader reader, int chunkSize, DataPathOptions options, SlotPool? slots = null)
    {
        _reader = reader;
        _options = options;
        _slotSize = SlotPool.FetchSlotSize(options, chunkSize);
        _writeSize = Math.Max(options.WriteSize, chunkSize);
        _pool = slots ?? new(Math.Max(_slotSize, _writeSize));
        _slots = new Memory<byte>[Math.Max(options.Fetchers, 1)];
        _lanes = new Lane[Math.Max(options.ImportLanes, 1)];
        for (var i = 0; i < _lanes.Length; i++) _freeLanes.Writer.TryWrite(_lanes[i] = new());
    }

    /// <summary>What it takes to open chunks and to write them.</summary>
    private sealed class Lane
    {
        /// <summary>Chunks that lie side by side in the volume and are still to be written.</summary>
        public Memory<byte> Content { get; set; }

        public long Offset { get; set; }
        public int Filled { get; set; }
    }

    private sealed class Import(TreeShape shape, IVolumeWriter target, ImportOrder order, ImportPlan plan, HeldChunks? held)
    {
        private readonly TaskCompletionSource<bool> _storeIsDistant = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _writtenBytes;
        private long _fetchedBytes;
        private long _importedBytes;

        public TreeShape Shape { get; } = shape;
        public IVolumeWriter Target { get; } = target;
        public ImportOrder Order { get; } = order;
        public ImportPlan Plan { get; } = plan;
        public List<Extent> Bad { get; } = [];
        public long WrittenBytes => _writtenBytes;
        public long FetchedBytes => _fetchedBytes;

        /// <summary>Of chunks that the target has now, written or found there.</summary>
        public long ImportedBytes => Interlocked.Read(ref _importedBytes) + (held?.Bytes ?? 0);

        /// <summary>True as soon as a read had to wait, false when all is over and none had.</summary>
        public Task<bool> StoreIsDistant => _storeIsDistant.Task;

        public void NoteDistance() => _storeIsDistant.TrySetResult(true);
        public void NoteEnd() => _storeIsDistant.TrySetResult(false);

        public void CountWritten(int bytes) => Interlocked.Add(ref _writtenBytes, bytes);
        public void CountImported(long bytes) => Interlocked.Add(ref _importedBytes, bytes);
        public void CountFetched(long bytes) => Interlocked.Add(ref _fetchedBytes, bytes);

        public void AddBad(Extent range)
        {
            lock (Bad) Bad.Add(range);
        }
    }

    /// <summary>Imports a volume and makes the target durable.</summary>
    /// <exception cref="DamageException">Something cannot be read whole, and best effort was not asked for.</exception>
    /// <exception cref="IOException">The target failed.</exception>
    public async Task<ImportResult> ImportAsync(
        VolumeTree tree, IVolumeWriter target, ImportOrder order, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        var shape = tree.Shape;
        if (target.LengthBytes < shape.LengthBytes)
            throw new IOException($"{target.Description} has {target.LengthBytes} bytes, the volume {shape.LengthBytes}: the target is "
                + "smaller than the volume");
        // A single fetcher does one thing after the other.
        var leavesAtOnce = _slots.Length == 1 ? 1 : _options.LeavesOfImport;
        using var held = order.Delta && !target.IsAllZero
            ? new HeldChunks(_reader.Vault, shape, target, order.Digests, _pool, _writeSize, _lanes.Length) : null;
        var plan = new ImportPlan(_reader, tree, held, order.BestEffort, !target.IsAllZero, _slotSize, leavesAtOnce, cancellation);
        await using (plan.ConfigureAwait(false))
        {
            var import = new Import(shape, target, order, plan, held);

            await WorkerTeam.RunAsync(_slots.Length,
                (worker, stop) => WorkAsync(import, worker, progress, stop), cancellation).ConfigureAwait(false);

            await ZeroAsync(import, SlotOf(0), plan.TakenUntil, shape.LengthBytes, cancellation).ConfigureAwait(false);
            await target.FlushAsync(cancellation).ConfigureAwait(false);
            progress?.Report(new(shape.LengthBytes, shape.LengthBytes));
            return new(import.WrittenBytes, import.FetchedBytes,
                Extents.Merged(import.Bad), [.. _reader.DamagedPacks.Order(StringComparer.Ordinal)]);
        }
    }

    private async Task WorkAsync(
        Import import, int worker, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        if (worker >= _options.FetchersAtFirst && !await import.StoreIsDistant.ConfigureAwait(false)) return;
        var slot = SlotOf(worker);
        try
        {
            while (await import.Plan.TakeAsync(cancellation).ConfigureAwait(false) is { } piece)
            {
                if (piece.Zeros is { } leaf) await ZeroAbsentAsync(import, slot, leaf, cancellation).ConfigureAwait(false);
                else await ImportRunAsync(import, slot, piece.Window, piece.Run, cancellation).ConfigureAwait(false);
                // What is done for certain: all before the window; and chunks, wherever they lie.
                progress?.Report(new(
                    Math.Max(piece.Window.Leaves[0].Index * import.Shape.LeafSpan, import.ImportedBytes), import.Shape.LengthBytes));
                import.Plan.Return(piece.Window);
            }
        }
        finally
        {
            import.NoteEnd();
        }
    }

    /// <summary>REQUIRES: no import is under way.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots)
            if (!slot.IsEmpty) _pool.Return(slot);
        foreach (var lane in _lanes)
            if (!lane.Content.IsEmpty) _pool.Return(lane.Content);
    }

    // Each worker asks for its own only.
    private Memory<byte> SlotOf(int worker)
    {
        if (_slots[worker].IsEmpty) _slots[worker] = _pool.Rent(_slotSize);
        return _slots[worker];
    }

    // Fetches chunks that lie side by side in one pack with one read; and if that is gone, with a read for each of the packs where a
    // collector has moved them.
    private async ValueTask ImportRunAsync(
        Import import, Memory<byte> slot, ImportWindow window, FetchRun run, CancellationToken cancellation)
    {
        var fetched = await FetchAsync(import, run, slot, cancellation).ConfigureAwait(false);
        if (fetched || !await window.RefreshAsync(_reader, run.At, run.Count, cancellation).ConfigureAwait(false))
        {
            await StoreRunAsync(import, slot, fetched, window, run, cancellation).ConfigureAwait(false);
            return;
        }
        var end = run.At + run.Count;
        for (var at = run.At; at < end;)
        {
            var part = window.RunFrom(at, end, slot.Length);
            fetched = await FetchAsync(import, part, slot, cancellation).ConfigureAwait(false);
            await StoreRunAsync(import, slot, fetched, window, part, cancellation).ConfigureAwait(false);
            at += part.Count;
        }
    }

    // Opens and writes chunks that were fetched, or that are to be looked for one by one.
    private async ValueTask StoreRunAsync(
        Import import, Memory<byte> slot, bool fetched, ImportWindow window, FetchRun run, CancellationToken cancellation)
    {
        var lane = await _freeLanes.Reader.ReadAsync(cancellation).ConfigureAwait(false);
        if (lane.Content.IsEmpty) lane.Content = _pool.Rent(_writeSize);
        long bytes = 0;
        try
        {
            for (var at = run.At; at < run.At + run.Count; at++)
            {
                var (leaf, child) = window.At(at);
                var chunk = leaf.Index * FormatLimits.NodeChildren + child;
                var content = await MakeRoomAsync(
                    import, lane, chunk * import.Shape.ChunkSize, import.Shape.ChunkLength(chunk), cancellation).ConfigureAwait(false);
                bytes += content.Length;
                var place = leaf.Node[child];
                var blob = fetched
                    ? slot.Slice((int)(place.Location.Offset - run.From.Offset), (int)place.Location.Length) : default;
                if (fetched && TryOpen(place, blob, content))
                {
                    import.Order.Digests?.Set(chunk, content.Span);
                    continue;
                }
                await ReadElsewhereAsync(import, place, chunk, content, cancellation).ConfigureAwait(false);
            }
            await WriteAsync(import, lane, cancellation).ConfigureAwait(false);
            import.CountImported(bytes);
        }
        finally
        {
            lane.Filled = 0;
            _freeLanes.Writer.TryWrite(lane);
        }
    }

    private async ValueTask<bool> FetchAsync(Import import, FetchRun run, Memory<byte> slot, CancellationToken cancellation)
    {
        if (run.Length > slot.Length) return false;
        var reading = _reader.TryReadRangeAsync(run.From.Pack, run.From.Offset, slot[..(int)run.Length], cancellation);
        if (!reading.IsCompleted) import.NoteDistance();
        var fetched = await reading.ConfigureAwait(false);
        if (fetched) import.CountFetched(run.Length);
        return fetched;
    }

    private bool TryOpen(in BlobPlace place, ReadOnlyMemory<byte> blob, Memory<byte> content)
    {
        var lane = _reader.RentLane();
        var opened = lane.TryOpenChunk(place, blob.Span, content.Span);
        _reader.Return(lane);
        return opened;
    }

    private async ValueTask ReadElsewhereAsync(
        Import import, BlobPlace place, long chunk, Memory<byte> content, CancellationToken cancellation)
    {
        try
        {
            await _reader.ReadChunkElsewhereAsync(place, content, cancellation).ConfigureAwait(false);
            import.CountFetched(place.Location.Length);
        }
        catch (DamageException) when (import.Order.BestEffort)
        {
            // Asked for: the range is named as bad, and holds zeros rather than what nobody vouches for.
            content.Span.Clear();
            import.AddBad(new(chunk * import.Shape.ChunkSize, content.Length));
        }
    }

    /// <summary>Room for a chunk behind those that are still to be written, which are written first if it does not follow them.</summary>
    private static async ValueTask<Memory<byte>> MakeRoomAsync(
        Import import, Lane lane, long offset, int length, CancellationToken cancellation)
    {
        if (lane.Filled > 0 && (offset != lane.Offset + lane.Filled || lane.Filled + length > lane.Content.Length))
            await WriteAsync(import, lane, cancellation).ConfigureAwait(false);
        if (lane.Filled == 0) lane.Offset = offset;
        var room = lane.Content.Slice(lane.Filled, length);
        lane.Filled += length;
        return room;
    }

    private static async ValueTask WriteAsync(Import import, Lane lane, CancellationToken cancellation)
    {
        var content = lane.Content[..lane.Filled];
        lane.Filled = 0;
        await import.Target.WriteAsync(lane.Offset, content, cancellation).ConfigureAwait(false);
        import.CountWritten(content.Length);
    }

    private static async ValueTask ZeroAbsentAsync(Import import, Memory<byte> slot, ImportLeaf leaf, CancellationToken cancellation)
    {
        var start = leaf.Index * import.Shape.LeafSpan;
        if (leaf.IsLost) import.AddBad(new(start, Math.Min(import.Shape.LeafSpan, import.Shape.LengthBytes - start)));
        await ZeroAsync(import, slot, leaf.GapStart, start, cancellation).ConfigureAwait(false);
        var first = leaf.Index * FormatLimits.NodeChildren;
        var chunks = (int)Math.Min(FormatLimits.NodeChildren, import.Shape.ChunkCount - first);
        for (var child = 0; child < chunks;)
        {
            var end = child;
            while (end < chunks && !leaf.Node.Has(end)) end++;
            await ZeroAsync(import, slot, (first + child) * import.Shape.ChunkSize,
                Math.Min((first + end) * import.Shape.ChunkSize, import.Shape.LengthBytes), cancellation).ConfigureAwait(false);
            child = end + 1;
        }
    }

    private static async ValueTask ZeroAsync(Import import, Memory<byte> slot, long from, long to, CancellationToken cancellation)
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
                var piece = slot[..(int)Math.Min(slot.Length, end - at)];
                await import.Target.ReadAsync(at, piece, cancellation).ConfigureAwait(false);
                if (piece.Span.ContainsAnyExcept((byte)0))
                    await import.Target.ZeroAsync(new(at, piece.Length), cancellation).ConfigureAwait(false);
                at += piece.Length;
            }
        }
    }
}
