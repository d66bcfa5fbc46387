using System.Buffers.Binary;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>Where a blob lies.</summary>
/// <param name="Offset">From the pack's start, in bytes.</param>
/// <param name="Length">With prefix and tag, in bytes.</param>
public readonly record struct BlobLocation(ObjectId Pack, uint Offset, uint Length)
{
    /// <summary>Whether a pack can hold such a range at all; what comes from outside is checked with it.</summary>
    public bool IsPlausible =>
        Offset >= ObjectHeader.Size && Length >= BlobPrefix.Overhead && (ulong)Offset + Length <= FormatLimits.PackSizeMax;
}

/// <summary>A blob's id and where it lies.</summary>
public readonly record struct BlobPlace(ContentId Id, BlobLocation Location);

/// <summary>The second word of a blob's prefix: what it holds and how.</summary>
public readonly record struct BlobShape(uint Word)
{
    private const uint LengthMask = (1u << 30) - 1;
    private const uint NodeBit = 1u << 30;
    private const uint CompressedBit = 1u << 31;

    public BlobShape(int contentLength, bool isNode, bool isCompressed)
        : this((uint)contentLength | (isNode ? NodeBit : 0) | (isCompressed ? CompressedBit : 0)) { }

    /// <summary>Bytes of the content, uncompressed.</summary>
    public int ContentLength => (int)(Word & LengthMask);
    public bool IsNode => (Word & NodeBit) != 0;
    public bool IsCompressed => (Word & CompressedBit) != 0;
}

/// <summary>The 8 bytes in front of a blob's ciphertext.</summary>
public readonly record struct BlobPrefix(uint Counter, BlobShape Shape)
{
    public const int Size = 8;

    /// <summary>What a blob is longer than its plaintext.</summary>
    public const int Overhead = Size + FormatLimits.TagSize;

    public static BlobPrefix Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt32LittleEndian(bytes), new(BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Counter);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Shape.Word);
    }
}
