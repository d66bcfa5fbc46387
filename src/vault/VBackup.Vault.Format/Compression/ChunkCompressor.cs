using System.Runtime.InteropServices;

namespace VBackup.Vault.Format.Compression;

/// <summary>Compresses one chunk after another with Zstandard. Not thread-safe: one a lane.</summary>
public sealed class ChunkCompressor : SafeHandle
{
    public const int LevelDefault = 1;

    public ChunkCompressor(int level = LevelDefault) : base(0, ownsHandle: true)
    {
        SetHandle(Zstd.ZSTD_createCCtx());
        if (IsInvalid) throw new InsufficientMemoryException("libzstd could not make a compression context");
        if (Zstd.ZSTD_isError(Zstd.ZSTD_CCtx_setParameter(handle, Zstd.CompressionLevel, level)) != 0)
            throw new ArgumentOutOfRangeException(nameof(level), level, "libzstd does not know this level");
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Compresses <paramref name="content"/> as one frame.</summary>
    /// <returns>The frame's length, or 0 when it does not fit in <paramref name="destination"/>: it would not shrink.</returns>
    public int Compress(ReadOnlySpan<byte> content, Span<byte> destination)
    {
        if (content.IsEmpty || destination.IsEmpty) return 0;
        var length = Zstd.ZSTD_compress2(handle,
            ref MemoryMarshal.GetReference(destination), (nuint)destination.Length,
            ref MemoryMarshal.GetReference(content), (nuint)content.Length);
        // The one error that can happen here is "destination too small".
        return Zstd.ZSTD_isError(length) != 0 ? 0 : (int)length;
    }

    protected override bool ReleaseHandle()
    {
        _ = Zstd.ZSTD_freeCCtx(handle);
        return true;
    }
}
