using System.Buffers.Binary;
using System.Security.Cryptography;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>
/// Seals and opens the pieces of one object: AES-256-GCM under the object's own key, a counter as nonce. Not
/// thread-safe. Whoever seals must use each counter once only.
/// </summary>
public sealed class ObjectCipher : IDisposable
{
    /// <summary>The counter of a pack's or an index object's footer.</summary>
    public const uint FooterCounter = uint.MaxValue;

    private const int NonceSize = 12;
    private readonly AesGcm _cipher;

    public ObjectCipher(VaultKeys keys, ObjectKind kind, ObjectId objectId)
    {
        VaultId = keys.VaultId;
        Kind = kind;
        ObjectId = objectId;
        Span<byte> key = stackalloc byte[VaultKeys.KeySize];
        keys.DeriveObjectKey(kind, objectId, key);
        _cipher = new AesGcm(key, FormatLimits.TagSize);
        CryptographicOperations.ZeroMemory(key);
    }

    public VaultId VaultId { get; }
    public ObjectKind Kind { get; }
    public ObjectId ObjectId { get; }

    /// <summary>Writes ciphertext and tag to the start of <paramref name="destination"/>. The plaintext may be there already.</summary>
    /// <returns>Bytes written.</returns>
    public int Seal(uint counter, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plaintext, Span<byte> destination)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, counter);
        _cipher.Encrypt(nonce, plaintext, destination[..plaintext.Length],
            destination.Slice(plaintext.Length, FormatLimits.TagSize), associated);
        return plaintext.Length + FormatLimits.TagSize;
    }

    /// <summary>Opens ciphertext with its tag into <paramref name="plaintext"/>, whose length must fit exactly.</summary>
    /// <returns>False when the bytes are not what was sealed.</returns>
    public bool TryOpen(uint counter, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> sealedBytes, Span<byte> plaintext)
    {
        if (sealedBytes.Length != plaintext.Length + FormatLimits.TagSize) return false;
        Span<byte> nonce = stackalloc byte[NonceSize];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, counter);
        try
        {
            _cipher.Decrypt(nonce, sealedBytes[..plaintext.Length], sealedBytes[plaintext.Length..], plaintext, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            // The caller knows the object's name and turns this into damage.
            return false;
        }
    }

    /// <summary>Writes vault id, kind and object id, the start of most associated data.</summary>
    internal int WriteIdentity(Span<byte> destination)
    {
        VaultId.Write(destination);
        destination[VaultId.Size] = (byte)Kind;
        ObjectId.Value.Write(destination[(VaultId.Size + 1)..]);
        return IdentitySize;
    }

    internal const int IdentitySize = VaultId.Size + 1 + Bytes32.Size;

    public void Dispose() => _cipher.Dispose();
}
