using System.Runtime.InteropServices;

namespace VBackup.Vault.Format.Compression;

/// <summary>Decompresses one chunk after another. Not thread-safe: one a lane. Bounded by the destination.</summary>
public sealed class ChunkDecompressor : SafeHandle
{
    public ChunkDecompressor() : base(0, ownsHandle: true)
    {
        SetHandle(Zstd.ZSTD_createDCtx());
        if (IsInvalid) throw new InsufficientMemoryException("libzstd could not make a decompression context");
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Whether the frame decompresses to exactly <paramref name="content"/>'s length; fills it if so.</summary>
    public bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> content)
    {
        if (frame.IsEmpty || content.IsEmpty) return false;
        var length = Zstd.ZSTD_decompressDCtx(handle,
            ref MemoryMarshal.GetReference(content), (nuint)content.Length,
            ref MemoryMarshal.GetReference(frame), (nuint)frame.Length);
        return Zstd.ZSTD_isError(length) == 0 && length == (nuint)content.Length;
    }

    protected override bool ReleaseHandle()
    {
        _ = Zstd.ZSTD_freeDCtx(handle);
        return true;
    }
}
