using System.Buffers;
using System.Buffers.Binary;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>One blob of a pack, as the pack's footer tells it.</summary>
public readonly record struct PackEntry(ContentId Id, uint Offset, uint Length, BlobShape Shape)
{
    public const int Size = Bytes32.Size + 12;

    internal static PackEntry Read(ReadOnlySpan<byte> bytes) => new(
        new(Bytes32.Read(bytes)),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[32..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]),
        new(BinaryPrimitives.ReadUInt32LittleEndian(bytes[40..])));

    internal void Write(Span<byte> destination)
    {
        Id.Value.Write(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[32..], Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], Shape.Word);
    }
}

/// <summary>The end of a pack: what lies in it, so that the index can be rebuilt.</summary>
public static class PackFooter
{
    /// <summary>Bytes from a pack's end that always hold footer and trailer.</summary>
    public const int TailSizeMax = FormatLimits.PackBlobsMax * PackEntry.Size + FormatLimits.TagSize + ObjectTrailer.Size;

    public static int Size(int entries) => entries * PackEntry.Size + FormatLimits.TagSize + ObjectTrailer.Size;

    /// <summary>Writes footer and trailer.</summary>
    /// <param name="destination">At least <see cref="Size"/> of the number of entries.</param>
    /// <returns>Bytes written.</returns>
    public static int Encode(ObjectCipher cipher, ReadOnlySpan<PackEntry> entries, Span<byte> destination)
    {
        var plaintextLength = entries.Length * PackEntry.Size;
        var footerLength = plaintextLength + FormatLimits.TagSize;
        for (var i = 0; i < entries.Length; i++) entries[i].Write(destination[(i * PackEntry.Size)..]);
        var trailer = destination.Slice(footerLength, ObjectTrailer.Size);
        new ObjectTrailer(footerLength, entries.Length).Write(trailer, ObjectTrailer.PackMagic);
        cipher.Seal(ObjectCipher.FooterCounter, ObjectTrailer.Associated(cipher, trailer), destination[..plaintextLength], destination);
        return footerLength + ObjectTrailer.Size;
    }

    /// <summary>Reads the footer from a pack's last bytes.</summary>
    /// <param name="tail">Ends where the pack ends; holds the whole footer.</param>
    /// <param name="packLength">The whole pack's length in bytes.</param>
    /// <exception cref="DamageException">The tail is not what was written.</exception>
    public static PackEntry[] Decode(ObjectCipher cipher, ReadOnlySpan<byte> tail, long packLength)
    {
        var entries = new PackEntry[tail.Length / PackEntry.Size];
        return entries[..Decode(cipher, tail, packLength, entries)];
    }

    /// <param name="entries">Takes the entries; at least as many as fit into the tail.</param>
    /// <returns>How many there are.</returns>
    /// <inheritdoc cref="Decode(ObjectCipher, ReadOnlySpan{byte}, long)"/>
    public static int Decode(ObjectCipher cipher, ReadOnlySpan<byte> tail, long packLength, Span<PackEntry> entries)
    {
        var name = ObjectNames.Pack(cipher.ObjectId);
        var trailer = ObjectTrailer.Read(tail, ObjectTrailer.PackMagic, name);
        var plaintextLength = trailer.FooterLength - FormatLimits.TagSize;
        if (trailer.Count > FormatLimits.PackBlobsMax || plaintextLength != (long)trailer.Count * PackEntry.Size
            || trailer.FooterLength > tail.Length - ObjectTrailer.Size)
            throw new DamageException(name, "its footer's length makes no sense");
        var rented = ArrayPool<byte>.Shared.Rent(plaintextLength);
        try
        {
            var plaintext = rented.AsSpan(0, plaintextLength);
            var footer = tail.Slice(tail.Length - ObjectTrailer.Size - trailer.FooterLength, trailer.FooterLength);
            if (!cipher.TryOpen(ObjectCipher.FooterCounter, ObjectTrailer.Associated(cipher, tail[^ObjectTrailer.Size..]), footer,
                plaintext))
                throw new DamageException(name, "its footer is not what was stored: its seal is broken");
            ReadEntries(name, plaintext, packLength - ObjectTrailer.Size - trailer.FooterLength, entries[..trailer.Count]);
            return trailer.Count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static void ReadEntries(string name, ReadOnlySpan<byte> plaintext, long blobsEnd, Span<PackEntry> entries)
    {
        // Blobs lie side by side, so that no byte of a pack escapes a check of its blobs.
        long expected = ObjectHeader.Size;
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = PackEntry.Read(plaintext[(i * PackEntry.Size)..]);
            if (entries[i].Offset != expected || entries[i].Length < BlobPrefix.Overhead)
                throw new DamageException(name, $"its footer says that bytes from {expected} on belong to no blob");
            expected += entries[i].Length;
        }
        if (expected != blobsEnd) throw new DamageException(name, $"its blobs end at {blobsEnd}, where its footer says {expected}");
    }
}
