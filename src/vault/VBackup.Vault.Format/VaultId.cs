using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VBackup.Vault.Format;

/// <summary>The random id of a vault; bound into everything that is sealed in it.</summary>
public readonly record struct VaultId(UInt128 Value)
{
    public const int Size = 16;

    public static VaultId New()
    {
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        return Read(bytes);
    }

    public static VaultId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
