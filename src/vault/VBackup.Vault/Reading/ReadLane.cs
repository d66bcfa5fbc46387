using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;

namespace VBackup.Vault.Reading;

/// <summary>What one worker needs to open blobs: a decompressor, scratch space, the ciphers of the last few packs. Not
/// thread-safe. Allocates only when it meets a pack anew.</summary>
public sealed class ReadLane : IDisposable
{
    private const int CiphersKept = 8;
    private readonly BackupVault _vault;
    private readonly ChunkDecompressor _decompressor = new();
    private readonly ObjectCipher?[] _ciphers = new ObjectCipher?[CiphersKept];
    private readonly byte[] _scratch;
    private int _oldest;

    internal ReadLane(BackupVault vault)
    {
        _vault = vault;
        _scratch = GC.AllocateUninitializedArray<byte>(
            Blob.SizeMax(Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax)), pinned: true);
    }

    /// <summary>Opens a chunk and checks that its content has the id asked for.</summary>
    /// <param name="blob">The bytes that lie at the place.</param>
    /// <param name="content">Exactly the chunk's length.</param>
    public bool TryOpenChunk(in BlobPlace place, ReadOnlySpan<byte> blob, Span<byte> content) =>
        Blob.TryDecode(CipherOf(place.Location.Pack), place.Id, isNode: false, blob, _decompressor, _scratch, content)
        && _vault.Keys.ChunkId(content) == place.Id;

    /// <summary>Opens a node and checks that it has the id asked for.</summary>
    internal bool TryOpenNode(in BlobPlace place, int level, ReadOnlySpan<byte> blob, ManifestNode node)
    {
        if (blob.Length < BlobPrefix.Overhead) return false;
        var length = BlobPrefix.Read(blob).Shape.ContentLength;
        if (length > ManifestNode.EncodedSizeMax) return false;
        Span<byte> content = stackalloc byte[length];
        return Blob.TryDecode(CipherOf(place.Location.Pack), place.Id, isNode: true, blob, _decompressor, _scratch, content)
            && node.TryDecode(content, level)
            && node.ComputeId(_vault.Keys) == place.Id;
    }

    /// <summary>Opens any blob down to its plaintext, compressed or not, as a pack's footer describes it.</summary>
    internal bool TryOpenSealed(ObjectId pack, in PackEntry entry, ReadOnlySpan<byte> blob, Span<byte> plaintext, out int length) =>
        Blob.TryOpen(CipherOf(pack), entry.Id, blob, plaintext, out var shape, out length) && shape == entry.Shape;

    private ObjectCipher CipherOf(ObjectId pack)
    {
        foreach (var kept in _ciphers)
            if (kept?.ObjectId == pack) return kept;
        _ciphers[_oldest]?.Dispose();
        var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Pack, pack);
        _ciphers[_oldest] = cipher;
        _oldest = (_oldest + 1) % CiphersKept;
        return cipher;
    }

    public void Dispose()
    {
        _decompressor.Dispose();
        foreach (var cipher in _ciphers) cipher?.Dispose();
    }
}
