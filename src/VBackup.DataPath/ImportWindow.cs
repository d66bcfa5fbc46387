using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.DataPath;

/// <summary>What one read fetches: chunks of a window that lie side by side in a pack.</summary>
/// <param name="At">The first one's place in the window's order.</param>
/// <param name="From">Where the first one lies.</param>
/// <param name="Length">Bytes in the pack, of all of them.</param>
internal readonly record struct FetchRun(int At, int Count, BlobLocation From, long Length);

/// <summary>
/// A few leaves of the tree that are imported together, their chunks ordered as they lie in their packs: lanes of the export
/// took turns at neighbouring leaves, so that long reads find the chunks of several. Reusable.
/// </summary>
internal sealed class ImportWindow(int leavesMax)
{
    private readonly List<ImportLeaf> _leaves = new(leavesMax);
    private readonly int[] _order = new int[leavesMax * FormatLimits.NodeChildren];
    private int _chunks;
    private int _next;
    private int _zeroed;
    private int _users;
    private int _hintChanges;

    public IReadOnlyList<ImportLeaf> Leaves => _leaves;

    /// <summary>Begins anew, used once, without leaves.</summary>
    public void Begin()
    {
        _leaves.Clear();
        (_chunks, _next, _zeroed, _users, _hintChanges) = (0, 0, 0, 1, 0);
    }

    public void Add(ImportLeaf leaf)
    {
        var first = _leaves.Count * FormatLimits.NodeChildren;
        _leaves.Add(leaf);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
            if (leaf.Lacks(child)) _order[_chunks++] = first + child;
    }

    /// <summary>Asks where the chunks lie now that nobody has taken yet, and orders them; first when the leaves are complete, and
    /// again when packs were found gone since.</summary>
    public async ValueTask RefreshAsync(BlobReader reader, CancellationToken cancellation)
    {
        if (_hintChanges == reader.HintChanges) return;
        _hintChanges = reader.HintChanges;
        await RefreshAsync(reader, _next, _chunks - _next, cancellation).ConfigureAwait(false);
        Sort();
    }

    /// <summary>Asks where some chunks lie now. REQUIRES: they are the caller's.</summary>
    /// <returns>Whether any lies elsewhere than it was thought to.</returns>
    public async ValueTask<bool> RefreshAsync(BlobReader reader, int at, int count, CancellationToken cancellation)
    {
        var moved = false;
        for (var place = at; place < at + count; place++)
        {
            var (leaf, child) = At(place);
            var now = await reader.RefreshedAsync(leaf.Node[child], cancellation).ConfigureAwait(false);
            if (now.Location == leaf.Node[child].Location) continue;
            leaf.Node.Set(child, now);
            moved = true;
        }
        return moved;
    }

    /// <summary>Orders the chunks that nobody has taken yet.</summary>
    public void Sort() => _order.AsSpan(_next, _chunks - _next).Sort((left, right) =>
    {
        var (one, other) = (LocationOf(left), LocationOf(right));
        return one.Pack.Value.CompareTo(other.Pack.Value) is var byPack && byPack != 0
            ? byPack : one.Offset.CompareTo(other.Offset);
    });

    /// <summary>The chunk at a place of the order, with the leaf that names it.</summary>
    public (ImportLeaf Leaf, int Child) At(int place) =>
        (_leaves[_order[place] / FormatLimits.NodeChildren], _order[place] % FormatLimits.NodeChildren);

    /// <summary>The next leaf of which nobody made zero yet what it lacks; null when there is none.</summary>
    public ImportLeaf? NextToZero() => _zeroed < _leaves.Count ? _leaves[_zeroed++] : null;

    /// <summary>The next chunks that one read of at most <paramref name="lengthMax"/> fetches; a larger one comes alone.</summary>
    public bool TryNextRun(int lengthMax, out FetchRun run)
    {
        run = default;
        if (_next == _chunks) return false;
        run = RunFrom(_next, _chunks, lengthMax);
        _next += run.Count;
        return true;
    }

    /// <summary>The chunks from a place of the order on that one read fetches.</summary>
    /// <param name="end">The run ends before this place.</param>
    public FetchRun RunFrom(int at, int end, int lengthMax)
    {
        var first = LocationOf(_order[at]);
        var length = (long)first.Length;
        var to = at + 1;
        for (; to < end; to++)
        {
            var next = LocationOf(_order[to]);
            if (next.Pack != first.Pack || next.Offset != first.Offset + length || length + next.Length > lengthMax) break;
            length += next.Length;
        }
        return new(at, to - at, first, length);
    }

    public void Use() => Interlocked.Increment(ref _users);

    /// <returns>True when nobody uses the window any more.</returns>
    public bool Release() => Interlocked.Decrement(ref _users) == 0;

    private BlobLocation LocationOf(int entry) =>
        _leaves[entry / FormatLimits.NodeChildren].Node[entry % FormatLimits.NodeChildren].Location;
}
