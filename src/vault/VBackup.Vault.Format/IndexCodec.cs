using System.Buffers.Binary;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>An entry of an index object: a blob and where it lies; the pack is an ordinal in some table.</summary>
public readonly record struct IndexEntry(ContentId Id, int Pack, uint Offset, uint Length)
{
    public const int Size = Bytes32.Size + 12;

    public static IndexEntry Read(ReadOnlySpan<byte> bytes) => new(
        new(Bytes32.Read(bytes)),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[32..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[40..]));

    public void Write(Span<byte> destination)
    {
        Id.Value.Write(destination);
        BinaryPrimitives.WriteInt32LittleEndian(destination[32..], Pack);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], Length);
    }
}

/// <summary>The end of an index object: its packs, and where each block starts in the order of ids.</summary>
/// <param name="Packs">What the entries' ordinals mean.</param>
/// <param name="Fences">For each block, the first 8 bytes of its first id, as <see cref="Bytes32.Prefix"/> has them.</param>
public sealed record IndexFooter(long EntryCount, ObjectId[] Packs, ulong[] Fences)
{
    public int EntriesIn(int block) =>
        (int)Math.Min(FormatLimits.IndexBlockEntries, EntryCount - (long)block * FormatLimits.IndexBlockEntries);
}

/// <summary>The bytes of index objects: blocks of sorted entries, a footer, a trailer.</summary>
public static class IndexCodec
{
    public const int BlockSizeMax = FormatLimits.IndexBlockEntries * IndexEntry.Size + FormatLimits.TagSize;

    /// <summary>No index object names more packs: its footer stays small.</summary>
    public const int PacksMax = 1 << 20;

    /// <summary>No footer is longer: with as many packs, it has the fences of two thousand million entries.</summary>
    public const int FooterSizeMax = 2 * PacksMax * Bytes32.Size;

    public static long BlockOffset(int block) => ObjectHeader.Size + (long)block * BlockSizeMax;

    public static int BlockSize(int entries) => entries * IndexEntry.Size + FormatLimits.TagSize;

    /// <summary>Seals the entries of one block.</summary>
    /// <returns>Bytes written.</returns>
    public static int EncodeBlock(ObjectCipher cipher, int block, ReadOnlySpan<IndexEntry> entries, Span<byte> destination)
    {
        for (var i = 0; i < entries.Length; i++) entries[i].Write(destination[(i * IndexEntry.Size)..]);
        Span<byte> associated = stackalloc byte[BlockAssociatedSize];
        WriteBlockAssociated(cipher, block, associated);
        return cipher.Seal((uint)block, associated, destination[..(entries.Length * IndexEntry.Size)], destination);
    }

    /// <summary>Opens one block; its entries can then be read with <see cref="IndexEntry.Read"/>.</summary>
    /// <param name="plaintext">Exactly the entries' length.</param>
    /// <exception cref="DamageException">The block is not what was stored.</exception>
    public static void OpenBlock(ObjectCipher cipher, int block, ReadOnlySpan<byte> sealedBytes, Span<byte> plaintext)
    {
        Span<byte> associated = stackalloc byte[BlockAssociatedSize];
        WriteBlockAssociated(cipher, block, associated);
        if (!cipher.TryOpen((uint)block, associated, sealedBytes, plaintext))
            throw new DamageException(ObjectNames.Index(cipher.ObjectId), $"block {block} is not what was stored: its seal is broken");
    }

    /// <summary>Footer and trailer.</summary>
    public static byte[] EncodeFooter(ObjectCipher cipher, IndexFooter footer)
    {
        var plaintextLength = 16 + footer.Packs.Length * Bytes32.Size + footer.Fences.Length * 8;
        var bytes = new byte[plaintextLength + FormatLimits.TagSize + ObjectTrailer.Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, footer.EntryCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), footer.Packs.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), footer.Fences.Length);
        var at = 16;
        foreach (var pack in footer.Packs)
        {
            pack.Value.Write(bytes.AsSpan(at));
            at += Bytes32.Size;
        }
        foreach (var fence in footer.Fences)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at), fence);
            at += 8;
        }
        var trailer = bytes.AsSpan(bytes.Length - ObjectTrailer.Size);
        new ObjectTrailer(plaintextLength + FormatLimits.TagSize, footer.Fences.Length).Write(trailer, ObjectTrailer.IndexMagic);
        cipher.Seal(ObjectCipher.FooterCounter, ObjectTrailer.Associated(cipher, trailer), bytes.AsSpan(0, plaintextLength), bytes);
        return bytes;
    }

    /// <summary>Reads the footer from an index object's last bytes.</summary>
    /// <param name="tail">Ends where the object ends; holds the whole footer.</param>
    /// <param name="objectLength">The whole object's length in bytes.</param>
    /// <exception cref="DamageException">The tail is not what was written.</exception>
    public static IndexFooter DecodeFooter(ObjectCipher cipher, ReadOnlySpan<byte> tail, long objectLength)
    {
        var name = ObjectNames.Index(cipher.ObjectId);
        var trailer = ObjectTrailer.Read(tail, ObjectTrailer.IndexMagic, name);
        var plaintextLength = trailer.FooterLength - FormatLimits.TagSize;
        if (plaintextLength < 16 || trailer.FooterLength > tail.Length - ObjectTrailer.Size)
            throw new DamageException(name, "its footer's length makes no sense");
        var plaintext = new byte[plaintextLength];
        var footer = tail.Slice(tail.Length - ObjectTrailer.Size - trailer.FooterLength, trailer.FooterLength);
        if (!cipher.TryOpen(ObjectCipher.FooterCounter, ObjectTrailer.Associated(cipher, tail[^ObjectTrailer.Size..]), footer, plaintext))
            throw new DamageException(name, "its footer is not what was stored: its seal is broken");
        var entryCount = BinaryPrimitives.ReadInt64LittleEndian(plaintext);
        var packCount = BinaryPrimitives.ReadInt32LittleEndian(plaintext.AsSpan(8));
        var blockCount = BinaryPrimitives.ReadInt32LittleEndian(plaintext.AsSpan(12));
        var blocks = (entryCount + FormatLimits.IndexBlockEntries - 1) / FormatLimits.IndexBlockEntries;
        if (entryCount < 0 || packCount is < 0 or > PacksMax || blockCount != trailer.Count || blockCount != blocks
            || plaintextLength != 16 + (long)packCount * Bytes32.Size + (long)blockCount * 8
            || objectLength != ObjectHeader.Size + entryCount * IndexEntry.Size + blocks * FormatLimits.TagSize
                + trailer.FooterLength + ObjectTrailer.Size)
            throw new DamageException(name, "its footer does not fit the object");
        var packs = new ObjectId[packCount];
        for (var i = 0; i < packCount; i++) packs[i] = new(Bytes32.Read(plaintext.AsSpan(16 + i * Bytes32.Size)));
        var fences = new ulong[blockCount];
        for (var i = 0; i < blockCount; i++)
            fences[i] = BinaryPrimitives.ReadUInt64BigEndian(plaintext.AsSpan(16 + packCount * Bytes32.Size + i * 8));
        return new(entryCount, packs, fences);
    }

    private const int BlockAssociatedSize = ObjectCipher.IdentitySize + 4;

    private static void WriteBlockAssociated(ObjectCipher cipher, int block, Span<byte> associated)
    {
        var at = cipher.WriteIdentity(associated);
        BinaryPrimitives.WriteInt32LittleEndian(associated[at..], block);
    }
}
