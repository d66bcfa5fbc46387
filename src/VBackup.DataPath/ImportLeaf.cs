using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>A leaf of the tree while its chunks are imported. Reusable.</summary>
internal sealed class ImportLeaf
{
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
    }

    public void Lose()
    {
        Node.Reset(0);
        IsLost = true;
    }
}
