using System.Runtime.CompilerServices;
using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Reading;

/// <summary>A volume's tree in the vault. Thread-safe. Keeps a bounded number of inner nodes.</summary>
public sealed class VolumeTree
{
    private const int InnerNodesKept = 64;
    private readonly BlobReader _reader;
    private readonly BlobPlace? _root;
    private readonly Dictionary<(int Level, long Index), Task<ManifestNode>> _inner = [];
    private readonly Queue<(int Level, long Index)> _innerOrder = [];
    private readonly Lock _lock = new();

    internal VolumeTree(BlobReader reader, TreeShape shape, BlobPlace? root)
    {
        _reader = reader;
        Shape = shape;
        _root = root;
    }

    /// <summary>Opens the tree of a point's volume.</summary>
    /// <exception cref="DamageException">The point's numbers do not fit each other.</exception>
    public static VolumeTree Open(BlobReader reader, PointDocument point, VolumeDocument volume)
    {
        var name = ObjectNames.Points + point.Id;
        if (volume.LengthBytes < 0) throw new DamageException(name, $"volume {volume.Name} has a negative length");
        var shape = new TreeShape(volume.LengthBytes, reader.Vault.ChunkSize);
        if (shape.Levels != volume.Levels)
            throw new DamageException(name, $"volume {volume.Name} says {volume.Levels} levels where its length needs {shape.Levels}");
        return new(reader, shape, volume.Root?.ToPlace(name));
    }

    public TreeShape Shape { get; }

    /// <summary>Where the root lies; null when all is zero.</summary>
    public BlobPlace? Root => _root;

    /// <summary>Reads a leaf.</summary>
    /// <returns>False when all below it is zero; the leaf is then empty.</returns>
    public async ValueTask<bool> ReadLeafAsync(long leafIndex, ManifestNode leaf, CancellationToken cancellation)
    {
        leaf.Reset(0);
        if (await PlaceOfAsync(0, leafIndex, cancellation).ConfigureAwait(false) is not { } place) return false;
        await _reader.ReadNodeAsync(place, 0, leaf, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Where a node lies; null when all below it is zero. A leaf has level 0.</summary>
    public async ValueTask<BlobPlace?> PlaceOfAsync(int level, long index, CancellationToken cancellation)
    {
        if (level == Shape.Levels - 1) return index == 0 ? _root : null;
        var parent = await InnerAsync(level + 1, index / FormatLimits.NodeChildren, cancellation).ConfigureAwait(false);
        var child = (int)(index % FormatLimits.NodeChildren);
        return parent is not null && parent.Has(child) ? parent[child] : null;
    }

    /// <summary>An inner node; null when all below it is zero. Not to be changed.</summary>
    internal async ValueTask<ManifestNode?> InnerAsync(int level, long index, CancellationToken cancellation)
    {
        Task<ManifestNode>? reading;
        lock (_lock) _inner.TryGetValue((level, index), out reading);
        if (reading is null)
        {
            if (await PlaceOfAsync(level, index, cancellation).ConfigureAwait(false) is not { } place) return null;
            lock (_lock)
            {
                // Of several workers that want the same node, one reads it.
                if (!_inner.TryGetValue((level, index), out reading))
                {
                    reading = ReadInnerAsync(place, level, cancellation);
                    _inner.Add((level, index), reading);
                    _innerOrder.Enqueue((level, index));
                    if (_innerOrder.Count > InnerNodesKept) _inner.Remove(_innerOrder.Dequeue());
                }
            }
        }
        return await reading.ConfigureAwait(false);
    }

    /// <summary>The leaves that are not all zero, in order.</summary>
    public async IAsyncEnumerable<long> PresentLeavesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        if (_root is null) yield break;
        for (long leaf = 0; leaf < Shape.LeafCount;)
        {
            var next = await NextPresentAsync(leaf, cancellation).ConfigureAwait(false);
            if (next < 0) yield break;
            yield return next;
            leaf = next + 1;
        }
    }

    // Goes down from the root to the first present leaf at or after `leaf`; absent subtrees are skipped whole.
    private async ValueTask<long> NextPresentAsync(long leaf, CancellationToken cancellation)
    {
        while (leaf < Shape.LeafCount)
        {
            var level = Shape.Levels - 1;
            long index = 0;
            for (; level > 0; level--)
            {
                var node = await InnerAsync(level, index, cancellation).ConfigureAwait(false);
                var leavesPerChild = TreeShape.ChunksPerChild(level) / FormatLimits.NodeChildren;
                var child = (int)(leaf / leavesPerChild % FormatLimits.NodeChildren);
                if (node is null || !node.Has(child))
                {
                    leaf = (leaf / leavesPerChild + 1) * leavesPerChild;
                    break;
                }
                index = index * FormatLimits.NodeChildren + child;
            }
            if (level == 0) return leaf;
        }
        return -1;
    }

    private async Task<ManifestNode> ReadInnerAsync(BlobPlace place, int level, CancellationToken cancellation)
    {
        var node = new ManifestNode();
        await _reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        return node;
    }
}
