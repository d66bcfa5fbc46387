using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.Vault.Writing;

/// <summary>
/// Builds a volume's tree from leaves that are begun in order and finished in any order. Inner nodes are stored as soon as
/// the last leaf below them is finished, so only a few are in memory. With a base, branches in which no leaf was begun are
/// taken over as they stand. Thread-safe.
/// </summary>
public sealed class TreeWriter
{
    private sealed class OpenNode(ManifestNode node, BlobPlace? was)
    {
        public ManifestNode Node { get; } = node;

        /// <summary>Where the base has this node.</summary>
        public BlobPlace? Was { get; } = was;

        /// <summary>Children begun and not finished, and one more while further children may be begun.</summary>
        public int Pending { get; set; } = 1;
    }

    private readonly BackupWriter _run;
    private readonly VolumeTree? _base;
    private readonly bool _keepsUntouched;
    private readonly TreeShape _shape;
    private readonly Dictionary<(int Level, long Index), OpenNode> _open = [];
    private readonly long[] _current;
    private readonly Lock _lock = new();
    private long _lastLeaf = -1;
    private BlobPlace? _root;
    private long _storedBytes;

    /// <param name="baseTree">Whose nodes are reused where nothing differs; null when there is none.</param>
    /// <param name="keepsUntouched">Whether branches in which no leaf is begun stay as the base has them; else they are zero.</param>
    public TreeWriter(BackupWriter run, TreeShape shape, VolumeTree? baseTree, bool keepsUntouched)
    {
        _run = run;
        _shape = shape;
        _base = baseTree;
        _keepsUntouched = keepsUntouched;
        _root = keepsUntouched ? baseTree?.Root : null;
        _current = new long[shape.Levels];
        Array.Fill(_current, -1);
    }

    /// <summary>Bytes of the nodes that were new.</summary>
    public long StoredBytes => Interlocked.Read(ref _storedBytes);

    /// <summary>Announces a leaf. Leaves are announced one at a time, in ascending order.</summary>
    public async ValueTask BeginLeafAsync(long leaf, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(leaf, _lastLeaf);
        _lastLeaf = leaf;
        // From the top down: a parent is open before its child counts on it.
        for (var level = _shape.Levels - 1; level > 0; level--)
        {
            var index = leaf / (TreeShape.ChunksPerChild(level));
            if (_current[level] == index)
            {
                if (level == 1) lock (_lock) _open[(level, index)].Pending++;
                continue;
            }
            if (_current[level] >= 0) await ReleaseAsync(level, _current[level], cancellation).ConfigureAwait(false);
            await OpenAsync(level, index, cancellation).ConfigureAwait(false);
            _current[level] = index;
        }
    }

    /// <summary>Takes a finished leaf.</summary>
    /// <param name="was">Where the base has this leaf, to be reused when nothing differs.</param>
    public async ValueTask FinishLeafAsync(long index, ManifestNode leaf, BlobPlace? was, CancellationToken cancellation)
    {
        var place = await StoreAsync(leaf, was, cancellation).ConfigureAwait(false);
        await SetChildAsync(1, index, place, cancellation).ConfigureAwait(false);
    }

    /// <summary>The root, when every leaf is finished; null when all is zero.</summary>
    public async ValueTask<BlobPlace?> FinishAsync(CancellationToken cancellation)
    {
        for (var level = 1; level < _shape.Levels; level++)
            if (_current[level] >= 0) await ReleaseAsync(level, _current[level], cancellation).ConfigureAwait(false);
        return _open.Count == 0 ? _root : throw new InvalidOperationException("a leaf that was begun was not finished");
    }

    private async ValueTask OpenAsync(int level, long index, CancellationToken cancellation)
    {
        var node = new ManifestNode();
        node.Reset(level);
        BlobPlace? was = null;
        if (_base is not null && await _base.InnerAsync(level, index, cancellation).ConfigureAwait(false) is { } old)
        {
            if (_keepsUntouched) node.CopyFrom(old);
            was = await _base.PlaceOfAsync(level, index, cancellation).ConfigureAwait(false);
        }
        lock (_lock)
        {
            // For the leaf that opens it.
            var open = new OpenNode(node, was);
            if (level == 1) open.Pending++;
            _open.Add((level, index), open);
            if (level < _shape.Levels - 1) _open[(level + 1, index / FormatLimits.NodeChildren)].Pending++;
        }
    }

    // No further child of the node will be begun.
    private ValueTask ReleaseAsync(int level, long index, CancellationToken cancellation) =>
        CountDownAsync(level, index, cancellation);

    private async ValueTask SetChildAsync(int level, long childIndex, BlobPlace? place, CancellationToken cancellation)
    {
        if (level == _shape.Levels)
        {
            _root = place;
            return;
        }
        var index = childIndex / FormatLimits.NodeChildren;
        var child = (int)(childIndex % FormatLimits.NodeChildren);
        lock (_lock)
        {
            var node = _open[(level, index)].Node;
            if (place is { } present) node.Set(child, present);
            else node.Clear(child);
        }
        await CountDownAsync(level, index, cancellation).ConfigureAwait(false);
    }

    private async ValueTask CountDownAsync(int level, long index, CancellationToken cancellation)
    {
        OpenNode open;
        lock (_lock)
        {
            open = _open[(level, index)];
            if (--open.Pending > 0) return;
            _open.Remove((level, index));
        }
        var place = await StoreAsync(open.Node, open.Was, cancellation).ConfigureAwait(false);
        await SetChildAsync(level + 1, index, place, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<BlobPlace?> StoreAsync(ManifestNode node, BlobPlace? was, CancellationToken cancellation)
    {
        if (node.Count == 0) return null;
        if (was is { } old && old.Id == node.ComputeId(_run.Vault.Keys)) return old;
        var (place, stored) = await _run.StoreNodeAsync(node, cancellation).ConfigureAwait(false);
        Interlocked.Add(ref _storedBytes, stored);
        return place;
    }
}
