using System.Security.Cryptography;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>The keys that come from a vault's data key. Thread-safe. Wipes what it can when disposed.</summary>
public sealed class VaultKeys : IDisposable
{
    public const int KeySize = 32;

    private readonly byte[] _dataKey;
    private readonly byte[] _headerKey;
    private readonly byte[] _chunkIdKey;
    private readonly byte[] _nodeIdKey;

    /// <summary>Copies the data key; the caller may wipe its own.</summary>
    public VaultKeys(ReadOnlySpan<byte> dataKey, VaultId vaultId)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(dataKey.Length, KeySize);
        VaultId = vaultId;
        _dataKey = dataKey.ToArray();
        var salt = vaultId.ToArray();
        _headerKey = Derive(_dataKey, salt, "vbackup header v1"u8);
        _chunkIdKey = Derive(_dataKey, salt, "vbackup chunk id v1"u8);
        _nodeIdKey = Derive(_dataKey, salt, "vbackup node id v1"u8);
    }

    public VaultId VaultId { get; }

    /// <summary>For wrapping anew under another key.</summary>
    public ReadOnlySpan<byte> DataKey => _dataKey;

    /// <summary>The id of a chunk's content. Allocates nothing.</summary>
    public ContentId ChunkId(ReadOnlySpan<byte> content) => Digest(_chunkIdKey, content);

    /// <summary>The id of a node from its identifying bytes (<see cref="ManifestNode.ComputeId"/>).</summary>
    internal ContentId NodeId(ReadOnlySpan<byte> identifyingBytes) => Digest(_nodeIdKey, identifyingBytes);

    internal void SignHeader(ReadOnlySpan<byte> header, Span<byte> signature) =>
        HMACSHA256.HashData(_headerKey, header, signature);

    /// <summary>Vouches for a key slot, so that one nobody opens for years can be checked all the same.</summary>
    internal byte[] SealSlot(string objectName, ReadOnlySpan<byte> bytes)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _headerKey);
        hash.AppendData("vbackup key slot seal v1"u8);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(objectName));
        hash.AppendData("\0"u8);
        hash.AppendData(bytes);
        return hash.GetHashAndReset();
    }

    /// <summary>Derives an object's own key.</summary>
    internal void DeriveObjectKey(ObjectKind kind, ObjectId objectId, Span<byte> key)
    {
        var label = "vbackup object v1"u8;
        Span<byte> salt = stackalloc byte[Bytes32.Size];
        objectId.Value.Write(salt);
        Span<byte> purpose = stackalloc byte[label.Length + 1];
        label.CopyTo(purpose);
        purpose[^1] = (byte)kind;
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _dataKey, key, salt, purpose);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_dataKey);
        CryptographicOperations.ZeroMemory(_headerKey);
        CryptographicOperations.ZeroMemory(_chunkIdKey);
        CryptographicOperations.ZeroMemory(_nodeIdKey);
    }

    private static ContentId Digest(byte[] key, ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[Bytes32.Size];
        HMACSHA256.HashData(key, content, digest);
        return new(Bytes32.Read(digest));
    }

    private static byte[] Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> purpose)
    {
        var derived = new byte[KeySize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived, salt, purpose);
        return derived;
    }
}
