using System.Collections.Concurrent;
using System.Threading.Channels;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Writing;

namespace VBackup.DataPath;

/// <summary>What is to be exported of one volume.</summary>
/// <param name="Name">The volume's name in the point.</param>
/// <param name="Base">The same volume in the point that the run builds on; null for a full.</param>
/// <param name="Changed">What changed since the base, if something tells; null to read everything that is allocated.</param>
public sealed record VolumeExport(string Name, IVolumeReader Source, VolumeDocument? Base, Extents? Changed);

/// <summary>
/// Source → vault. Workers each take one leaf of the volume's tree after the other (256 chunks) and do all of it: read, find
/// zeros, hash, compare with the base, compress, seal, append to their lane's pack. There are no queues between stages. All
/// block memory is taken at the start; nothing is allocated per chunk.
/// </summary>
public sealed class ExportPipeline : IDisposable
{
    private readonly BackupWriter _run;
    private readonly DataPathOptions _options;
    private readonly SlotPool _slots;
    private readonly Channel<ChunkLane> _freeLanes;
    private readonly ChunkLane[] _lanes;
    private readonly Worker[] _workers;
    private readonly ConcurrentBag<ManifestNode> _freeNodes = [];

    /// <param name="slots">Where its memory comes from, and goes back to; null for memory of its own.</param>
    public ExportPipeline(BackupWriter run, DataPathOptions options, SlotPool? slots = null)
    {
        _run = run;
        _options = options;
        _freeLanes = Channel.CreateUnbounded<ChunkLane>();
        _lanes = new ChunkLane[options.Lanes];
        for (var i = 0; i < _lanes.Length; i++) _freeLanes.Writer.TryWrite(_lanes[i] = run.OpenLane());
        var slotSize = Math.Max(options.SlotSize, run.Vault.ChunkSize) / run.Vault.ChunkSize * run.Vault.ChunkSize;
        _slots = slots ?? new(slotSize);
        _workers = new Worker[Math.Max(options.Workers, 1)];
        for (var i = 0; i < _workers.Length; i++) _workers[i] = new(_slots.Rent(slotSize));
    }

    /// <summary>A leaf of the base and where it lies; no place when all below it is zero.</summary>
    private sealed record BaseLeaf(ManifestNode Node, BlobPlace? Place);

    /// <summary>What one worker owns for the whole run.</summary>
    private sealed class Worker(Memory<byte> slot)
    {
        public Memory<byte> Slot { get; } = slot;
        public ManifestNode Leaf { get; } = new();
        public long ReadBytes { get; set; }
    }

    /// <summary>The state of one volume's export, shared by the workers.</summary>
    private sealed class Export(VolumeExport order, TreeShape shape, VolumeTree? baseTree, TreeWriter tree, IEnumerator<LeafWork> plan,
        long storedBefore)
    {
        public VolumeExport Order { get; } = order;
        public TreeShape Shape { get; } = shape;
        public VolumeTree? BaseTree { get; } = baseTree;
        public TreeWriter Tree { get; } = tree;
        public IEnumerator<LeafWork> Plan { get; } = plan;
        public long StoredBefore { get; } = storedBefore;
        public SemaphoreSlim PlanGate { get; } = new(1);

        private long _doneBytes, _nextLeaf;

        /// <summary>Stored, or not to be looked at.</summary>
        public long DoneBytes => Math.Min(Interlocked.Read(ref _doneBytes), Shape.LengthBytes);

        public void CountDone(long chunks) => Interlocked.Add(ref _doneBytes, chunks * Shape.ChunkSize);

        /// <summary>Nobody looks at what lies between this leaf and the one that was taken before it. REQUIRES: the gate is held.</summary>
        public void CountSkippedBefore(long leaf)
        {
            CountDone((leaf - _nextLeaf) * FormatLimits.NodeChildren);
            _nextLeaf = leaf + 1;
        }

        /// <summary>Leaves that are planned, with the base's leaf on its way.</summary>
        public Queue<(LeafWork Work, Task<BaseLeaf> Base)> Ahead { get; } = [];

        /// <summary>Chunks that were not read are as in the base; otherwise they are zero.</summary>
        public bool KeepsUnread => Order.Changed is not null;
    }

    /// <summary>Exports a volume. The point is not visible before the run publishes it.</summary>
    /// <exception cref="IOException">The source failed.</exception>
    /// <exception cref="DamageException">The base is damaged.</exception>
    public async Task<VolumeDocument> ExportAsync(
        VolumeExport order, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        if (order.Changed is not null && order.Base is null) throw new ArgumentException("changes need a base", nameof(order));
        var shape = new TreeShape(order.Source.LengthBytes, _run.Vault.ChunkSize);
        if (order.Base is not null && order.Base.LengthBytes != shape.LengthBytes)
            throw new ArgumentException("the base has another length", nameof(order));
        if (order.Base is null) await _run.LookEverywhereAsync(cancellation).ConfigureAwait(false);
        var baseTree = order.Base is null ? null : _run.BaseTree(order.Base);
        var tree = new TreeWriter(_run, shape, baseTree, keepsUntouched: order.Changed is not null);
        using var plan = LeafPlan.Of(order.Changed?.Ranges ?? order.Source.AllocatedExtents(), shape).GetEnumerator();
        var storedBefore = StoredBytes();
        var export = new Export(order, shape, baseTree, tree, plan, storedBefore);
        foreach (var worker in _workers) worker.ReadBytes = 0;

        try
        {
            await WorkerTeam.RunAsync(_workers.Length,
                (worker, stop) => WorkAsync(export, _workers[worker], progress, stop), cancellation).ConfigureAwait(false);
        }
        finally
        {
            // What was read ahead when it failed must not use the run's reader after its end.
            foreach (var (_, ahead) in export.Ahead) await ((Task)ahead).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var root = await tree.FinishAsync(cancellation).ConfigureAwait(false);
        progress?.Report(new(shape.LengthBytes, shape.LengthBytes, StoredBytes() - storedBefore + tree.StoredBytes));
        export.PlanGate.Dispose();
        return new()
        {
            Name = order.Name,
            LengthBytes = shape.LengthBytes,
            Levels = shape.Levels,
            Root = root is { } place ? PlaceDocument.From(place) : null,
            Type = order.Base is null ? PointType.Full : PointType.Incremental,
            ReadBytes = _workers.Sum(worker => worker.ReadBytes),
            StoredBytes = StoredBytes() - storedBefore + tree.StoredBytes,
        };
    }

    /// <summary>REQUIRES: no export is under way.</summary>
    public void Dispose()
    {
        foreach (var worker in _workers) _slots.Return(worker.Slot);
    }

    private long StoredBytes()
    {
        long bytes = 0;
        foreach (var lane in _lanes) bytes += lane.StoredBytes;
        return bytes;
    }

    private async Task WorkAsync(
        Export export, Worker worker, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        while (await TakeLeafAsync(export, cancellation).ConfigureAwait(false) is { } taken)
        {
            var work = taken.Work;
            var (baseLeaf, was) = await taken.Base.ConfigureAwait(false);
            if (export.KeepsUnread) worker.Leaf.CopyFrom(baseLeaf);
            else worker.Leaf.Reset(0);

            var chunksPerSlot = worker.Slot.Length / export.Shape.ChunkSize;
            for (var next = 0; work.TryNextRun(next, chunksPerSlot, out var first, out var count); next = first + count)
                await StoreRunAsync(export, worker, baseLeaf, work.Leaf * FormatLimits.NodeChildren, first, count, progress, cancellation)
                    .ConfigureAwait(false);

            await export.Tree.FinishLeafAsync(work.Leaf, worker.Leaf, was, cancellation).ConfigureAwait(false);
            _freeNodes.Add(baseLeaf);
            export.CountDone(FormatLimits.NodeChildren - work.Count);
            Tell(export, progress);
        }
    }

    private void Tell(Export export, IProgress<TransferProgress>? progress) => progress?.Report(new(
        export.DoneBytes, export.Shape.LengthBytes, StoredBytes() - export.StoredBefore + export.Tree.StoredBytes));

    private async ValueTask<(LeafWork Work, Task<BaseLeaf> Base)?> TakeLeafAsync(Export export, CancellationToken cancellation)
    {
        await export.PlanGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // Without a base there is nothing to read ahead; a single worker does one thing after the other.
            var ahead = export.BaseTree is null || _workers.Length == 1 ? 1 : _options.LeavesAhead;
            while (export.Ahead.Count < ahead && export.Plan.MoveNext())
            {
                var leaf = export.Plan.Current.Leaf;
                export.Ahead.Enqueue((export.Plan.Current, ReadBaseLeafAsync(export.BaseTree, leaf, cancellation)));
            }
            if (!export.Ahead.TryDequeue(out var next)) return null;
            export.CountSkippedBefore(next.Work.Leaf);
            await export.Tree.BeginLeafAsync(next.Work.Leaf, cancellation).ConfigureAwait(false);
            return next;
        }
        finally
        {
            export.PlanGate.Release();
        }
    }

    private async Task<BaseLeaf> ReadBaseLeafAsync(VolumeTree? tree, long leaf, CancellationToken cancellation)
    {
        if (!_freeNodes.TryTake(out var node)) node = new();
        node.Reset(0);
        if (tree is null || !await tree.ReadLeafAsync(leaf, node, cancellation).ConfigureAwait(false)) return new(node, null);
        return new(node, await tree.PlaceOfAsync(0, leaf, cancellation).ConfigureAwait(false));
    }

    // Reads a run of neighbouring chunks into the worker's slot, then takes a lane for what costs processor time.
    private async ValueTask StoreRunAsync(
        Export export, Worker worker, ManifestNode baseLeaf, long leafStart, int first, int count, IProgress<TransferProgress>? progress,
        CancellationToken cancellation)
    {
        var chunkSize = export.Shape.ChunkSize;
        var offset = (leafStart + first) * chunkSize;
        var length = (int)Math.Min((long)count * chunkSize, export.Shape.LengthBytes - offset);
        await export.Order.Source.ReadAsync(offset, worker.Slot[..length], cancellation).ConfigureAwait(false);
        worker.ReadBytes += length;

        var lane = await _freeLanes.Reader.ReadAsync(cancellation).ConfigureAwait(false);
        try
        {
            for (var i = 0; i < count; i++)
            {
                var child = first + i;
                var content = worker.Slot.Slice(i * chunkSize, Math.Min(chunkSize, length - i * chunkSize));
                if (!content.Span.ContainsAnyExcept((byte)0))
                {
                    worker.Leaf.Clear(child);
                    export.CountDone(1);
                    continue;
                }
                var id = _run.Vault.ChunkId(content.Span);
                var isAsInBase = baseLeaf.Has(child) && baseLeaf[child].Id == id
                    && await _run.MayReuseAsync(baseLeaf[child], cancellation).ConfigureAwait(false);
                worker.Leaf.Set(child, isAsInBase
                    ? baseLeaf[child]
                    : await lane.StoreAsync(id, content, cancellation).ConfigureAwait(false));
                export.CountDone(1);
                // A leaf may take long where the way to the store is narrow.
                if (!isAsInBase) Tell(export, progress);
            }
        }
        finally
        {
            _freeLanes.Writer.TryWrite(lane);
        }
    }
}
