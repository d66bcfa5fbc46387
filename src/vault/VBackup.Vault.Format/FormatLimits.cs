using System.Diagnostics;

namespace VBackup.Vault.Format;

/// <summary>The sizes of format version 1. See <c>docs/vault-format.md</c>.</summary>
public static class FormatLimits
{
    public const int FormatVersion = 1;

    public const int ChunkSizeMin = 4 * 1024;
    public const int ChunkSizeMax = 4 * 1024 * 1024;
    public const int ChunkSizeDefault = 128 * 1024;

    /// <summary>Children of a manifest node.</summary>
    public const int NodeChildren = 256;

    /// <summary>Levels that a tree may have: enough for 2^63 bytes of the smallest chunks.</summary>
    public const int TreeLevelsMax = 7;

    public const int PackBlobsMax = 8192;

    /// <summary>A pack is closed when it has grown past this.</summary>
    public const int PackSizeTarget = 32 * 1024 * 1024;

    /// <summary>No pack is longer, so every offset in one fits.</summary>
    public const int PackSizeMax = PackSizeTarget + ChunkSizeMax + 1024 * 1024;

    public const int IndexBlockEntries = 512;
    public const int IndexObjectEntriesMax = 1 << 20;

    /// <summary>No small object (a point, a session, …) is longer.</summary>
    public const int SmallObjectSizeMax = 16 * 1024 * 1024;

    public const int TagSize = 16;

    static FormatLimits()
    {
        // A node's places must fit what a chunk may be, and a full pack's footer what a reader is ready to hold.
        Debug.Assert(ManifestNode.EncodedSizeMax < PackSizeTarget);
        Debug.Assert(PackBlobsMax * PackEntry.Size < PackSizeTarget);
    }
}
