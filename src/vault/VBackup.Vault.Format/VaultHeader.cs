using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace VBackup.Vault.Format;

/// <summary>The object <c>vault</c>: what a vault is, in 96 bytes that the data key vouches for.</summary>
public sealed record VaultHeader(VaultId VaultId, int ChunkSize, DateTimeOffset CreatedAt)
{
    public const int Size = 96;
    private const int SignedSize = 64;
    private static ReadOnlySpan<byte> Magic => "VBACKUP\0"u8;

    /// <summary>The 96 bytes, signed with the vault's header key.</summary>
    public byte[] Encode(VaultKeys keys)
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), FormatLimits.FormatVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), (uint)ChunkSize);
        VaultId.Write(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), CreatedAt.ToUnixTimeMilliseconds());
        keys.SignHeader(bytes.AsSpan(0, SignedSize), bytes.AsSpan(SignedSize));
        return bytes;
    }

    /// <summary>Reads the header; nothing in it is vouched for until <see cref="Verify"/>.</summary>
    /// <exception cref="UnusableVaultException">It is no vault, or of a version that this program does not know.</exception>
    public static VaultHeader Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 12 || !bytes.StartsWith(Magic))
            throw new UnusableVaultException("there is an object named 'vault' but it is not a vBackup vault's header");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != FormatLimits.FormatVersion)
            throw new UnusableVaultException(
                $"the vault has format version {version}; this program knows version {FormatLimits.FormatVersion}: use a newer vbackup");
        if (bytes.Length != Size) throw new DamageException(ObjectNames.Header, $"has {bytes.Length} bytes instead of {Size}");
        var chunkSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (chunkSize is < FormatLimits.ChunkSizeMin or > FormatLimits.ChunkSizeMax || !BitOperations.IsPow2(chunkSize))
            throw new DamageException(ObjectNames.Header, $"the chunk size {chunkSize} is not a power of two from 4 KiB to 4 MiB");
        var created = BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]);
        if (created < 0 || created > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            throw new DamageException(ObjectNames.Header, "the creation time is out of range");
        return new(VaultId.Read(bytes[16..]), (int)chunkSize, DateTimeOffset.FromUnixTimeMilliseconds(created));
    }

    /// <summary>Checks the header's signature with the data key.</summary>
    /// <exception cref="DamageException">The header was altered.</exception>
    public static void Verify(ReadOnlySpan<byte> bytes, VaultKeys keys)
    {
        Span<byte> signature = stackalloc byte[HMACSHA256.HashSizeInBytes];
        keys.SignHeader(bytes[..SignedSize], signature);
        if (!CryptographicOperations.FixedTimeEquals(signature, bytes[SignedSize..]))
            throw new DamageException(ObjectNames.Header, "its signature is wrong: it was altered");
    }
}

/// <summary>A vault cannot be used, for a reason that the user can understand and mend.</summary>
public sealed class UnusableVaultException(string message) : Exception(message);
