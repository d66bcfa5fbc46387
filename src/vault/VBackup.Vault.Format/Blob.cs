using VBackup.Primitives;
using VBackup.Vault.Format.Compression;

namespace VBackup.Vault.Format;

/// <summary>A chunk or a node as it lies in a pack: prefix, ciphertext, tag. Allocates nothing.</summary>
public static class Blob
{
    /// <summary>Bytes that a blob of <paramref name="contentLength"/> may take at most.</summary>
    public static int SizeMax(int contentLength) => BlobPrefix.Overhead + contentLength;

    /// <summary>Compresses (where it shrinks) and seals content.</summary>
    /// <param name="destination">At least <see cref="SizeMax"/> of the content's length.</param>
    /// <returns>The blob's length and shape.</returns>
    public static (int Length, BlobShape Shape) Encode(
        ObjectCipher cipher, uint counter, ContentId id, bool isNode, ReadOnlySpan<byte> content,
        ChunkCompressor? compressor, Span<byte> destination)
    {
        var body = destination[BlobPrefix.Size..];
        // A frame that is not shorter is not worth the decompression.
        var frameLength = compressor is null || content.IsEmpty ? 0 : compressor.Compress(content, body[..(content.Length - 1)]);
        var shape = new BlobShape(content.Length, isNode, isCompressed: frameLength > 0);
        ReadOnlySpan<byte> plaintext = frameLength > 0 ? body[..frameLength] : content;
        return (Seal(cipher, counter, id, shape, plaintext, destination), shape);
    }

    /// <summary>Seals a plaintext that is compressed already, or not to be compressed. It may lie in place.</summary>
    public static int Seal(
        ObjectCipher cipher, uint counter, ContentId id, BlobShape shape, ReadOnlySpan<byte> plaintext, Span<byte> destination)
    {
        var prefix = new BlobPrefix(counter, shape);
        Span<byte> associated = stackalloc byte[AssociatedSize];
        WriteAssociated(cipher, id, prefix, associated);
        prefix.Write(destination);
        return BlobPrefix.Size + cipher.Seal(counter, associated, plaintext, destination[BlobPrefix.Size..]);
    }

    /// <summary>Opens a blob down to its plaintext: the content, or its Zstandard frame.</summary>
    /// <param name="plaintext">At least the blob's length less <see cref="BlobPrefix.Overhead"/>.</param>
    /// <returns>False when the bytes are not the blob of that id, sealed in that pack.</returns>
    public static bool TryOpen(
        ObjectCipher cipher, ContentId id, ReadOnlySpan<byte> blob, Span<byte> plaintext, out BlobShape shape, out int length)
    {
        shape = default;
        length = 0;
        if (blob.Length < BlobPrefix.Overhead) return false;
        var prefix = BlobPrefix.Read(blob);
        length = blob.Length - BlobPrefix.Overhead;
        if (plaintext.Length < length || (!prefix.Shape.IsCompressed && prefix.Shape.ContentLength != length)) return false;
        Span<byte> associated = stackalloc byte[AssociatedSize];
        WriteAssociated(cipher, id, prefix, associated);
        shape = prefix.Shape;
        return cipher.TryOpen(prefix.Counter, associated, blob[BlobPrefix.Size..], plaintext[..length]);
    }

    /// <summary>Opens and decompresses a blob whose content's length is known.</summary>
    /// <param name="scratch">For the compressed form; at least as long as the blob.</param>
    /// <returns>False when the bytes are not the blob of that id, or its content is of another kind or length.</returns>
    public static bool TryDecode(
        ObjectCipher cipher, ContentId id, bool isNode, ReadOnlySpan<byte> blob,
        ChunkDecompressor decompressor, Span<byte> scratch, Span<byte> content)
    {
        if (blob.Length < BlobPrefix.Overhead) return false;
        var claimed = BlobPrefix.Read(blob).Shape;
        if (claimed.ContentLength != content.Length || claimed.IsNode != isNode) return false;
        if (!claimed.IsCompressed) return TryOpen(cipher, id, blob, content, out _, out _);
        return TryOpen(cipher, id, blob, scratch, out _, out var length)
            && decompressor.TryDecompress(scratch[..length], content);
    }

    private const int AssociatedSize = ObjectCipher.IdentitySize + Bytes32.Size + BlobPrefix.Size;

    private static void WriteAssociated(ObjectCipher cipher, ContentId id, BlobPrefix prefix, Span<byte> associated)
    {
        var at = cipher.WriteIdentity(associated);
        id.Value.Write(associated[at..]);
        prefix.Write(associated[(at + Bytes32.Size)..]);
    }
}
