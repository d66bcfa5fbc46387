namespace VBackup.Vault.Format;

/// <summary>How a volume of some length hangs in a tree.</summary>
/// <param name="LengthBytes">Of the volume.</param>
public readonly record struct TreeShape(long LengthBytes, int ChunkSize)
{
    /// <summary>Chunks, the last one maybe shorter.</summary>
    public long ChunkCount => LengthBytes / ChunkSize + (LengthBytes % ChunkSize == 0 ? 0 : 1);

    /// <summary>Levels of the tree: 1 when a leaf is enough.</summary>
    public int Levels
    {
        get
        {
            var levels = 1;
            for (var span = ChunkCount; span > FormatLimits.NodeChildren; span = (span
                + FormatLimits.NodeChildren - 1) / FormatLimits.NodeChildren)
                levels++;
            return levels;
        }
    }

    public long LeafCount => (ChunkCount + FormatLimits.NodeChildren - 1) / FormatLimits.NodeChildren;

    /// <summary>Bytes of chunk <paramref name="chunk"/>.</summary>
    public int ChunkLength(long chunk) => (int)Math.Min(ChunkSize, LengthBytes - chunk * ChunkSize);

    /// <summary>Bytes of the volume below one leaf.</summary>
    public long LeafSpan => (long)ChunkSize * FormatLimits.NodeChildren;

    /// <summary>Chunks below one child of a node of <paramref name="level"/>.</summary>
    public static long ChunksPerChild(int level)
    {
        long chunks = 1;
        for (; level > 0; level--) chunks *= FormatLimits.NodeChildren;
        return chunks;
    }
}
