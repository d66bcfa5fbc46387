using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>A leaf of the tree while its chunks are imported. Reusable.</summary>
internal sealed class ImportLeaf
{
    private readonly bool[] _held = new bool[FormatLimits.NodeChildren];

    public ManifestNode Node { get; } = new();

    public long Index { get; private set; }

    /// <summary>Nothing below the leaf can be read.</summary>
    public bool IsLost { get; private set; }

    /// <summary>The end of the leaf before; all from there to this leaf is zero.</summary>
    public long GapStart { get; set; }

    /// <summary>Begins anew with an empty node.</summary>
    public void Begin(long index)
    {
        (Index, IsLost) = (index, false);
        Node.Reset(0);
        Array.Clear(_held);
    }

    /// <summary>Notes that the target has a chunk already.</summary>
    public void Hold(int child) => _held[child] = true;

    /// <summary>Whether a chunk is to be fetched.</summary>
    public bool Lacks(int child) => Node.Has(child) && !_held[child];

    /// <summary>The chunks that the leaf has.</summary>
    public LeafWork Present()
    {
        var work = new LeafWork(Index);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
            if (Node.Has(child)) work.Add(child, child);
        return work;
    }

    public void Lose()
    {
        Node.Reset(0);
        IsLost = true;
    }
}
