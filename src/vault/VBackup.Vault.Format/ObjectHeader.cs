using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>The 40 bytes that every sealed object starts with.</summary>
public static class ObjectHeader
{
    public const int Size = 40;

    public static void Write(Span<byte> destination, ObjectKind kind, ObjectId id)
    {
        "VBKO"u8.CopyTo(destination);
        destination[4] = FormatLimits.FormatVersion;
        destination[5] = (byte)kind;
        destination[6] = destination[7] = 0;
        id.Value.Write(destination[8..]);
    }

    /// <summary>Reads and checks the header.</summary>
    /// <exception cref="DamageException">It is not that of an object of this kind and version.</exception>
    public static ObjectId Read(ReadOnlySpan<byte> bytes, ObjectKind kind, string objectName)
    {
        if (bytes.Length < Size || !bytes.StartsWith("VBKO"u8)) throw new DamageException(objectName, "is not an object of a vault");
        if (bytes[4] != FormatLimits.FormatVersion)
            throw new DamageException(objectName, $"has format version {bytes[4]}, not {FormatLimits.FormatVersion}");
        if (bytes[5] != (byte)kind || bytes[6] != 0 || bytes[7] != 0)
            throw new DamageException(objectName, $"says it is of kind {bytes[5]}, not {(byte)kind} ({kind})");
        return new(Bytes32.Read(bytes[8..]));
    }
}
