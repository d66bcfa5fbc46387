using System.Buffers.Binary;

namespace VBackup.Vault.Format;

/// <summary>The last 16 bytes of a pack or an index object: how long its footer is, and how much it describes.</summary>
public readonly record struct ObjectTrailer(int FooterLength, int Count)
{
    public const int Size = 16;

    public static ReadOnlySpan<byte> PackMagic => "VBPKEND1"u8;
    public static ReadOnlySpan<byte> IndexMagic => "VBIXEND1"u8;

    public void Write(Span<byte> destination, ReadOnlySpan<byte> magic)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, FooterLength);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], Count);
        magic.CopyTo(destination[8..]);
    }

    /// <summary>Reads the trailer at the end of <paramref name="tail"/>.</summary>
    /// <exception cref="DamageException">The object does not end as one of its kind does.</exception>
    public static ObjectTrailer Read(ReadOnlySpan<byte> tail, ReadOnlySpan<byte> magic, string objectName)
    {
        if (tail.Length < Size || !tail[^8..].SequenceEqual(magic))
            throw new DamageException(objectName, "does not end as it should: it is cut short or overwritten");
        var trailer = tail[^Size..];
        var read = new ObjectTrailer(
            BinaryPrimitives.ReadInt32LittleEndian(trailer), BinaryPrimitives.ReadInt32LittleEndian(trailer[4..]));
        if (read.FooterLength < FormatLimits.TagSize || read.Count < 0)
            throw new DamageException(objectName, "its trailer's numbers make no sense");
        return read;
    }

    internal static byte[] Associated(ObjectCipher cipher, ReadOnlySpan<byte> trailer)
    {
        var associated = new byte[ObjectCipher.IdentitySize + Size];
        var at = cipher.WriteIdentity(associated);
        trailer.CopyTo(associated.AsSpan(at));
        return associated;
    }
}
