using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;

namespace VBackup.Vault.Writing;

/// <summary>
/// One worker's way into the vault: it owns a compression context and the pack that it fills. Not thread-safe. Allocates
/// nothing per chunk.
/// </summary>
public sealed class ChunkLane : IAsyncDisposable
{
    private readonly BackupWriter _run;
    private readonly ChunkCompressor _compressor;
    private readonly PackWriter _packs;

    internal ChunkLane(BackupWriter run, PackWriter packs, int level)
    {
        _run = run;
        _packs = packs;
        _compressor = new(level);
    }

    /// <summary>Bytes of the blobs that this lane stored.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Stores a chunk unless the vault is known to have it; its content may be reused at once.</summary>
    public ValueTask<BlobPlace> StoreAsync(ContentId id, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        _run.TryFind(id, out var known) ? new(new BlobPlace(id, known)) : StoreNewAsync(id, content, isNode: false, cancellation);

    internal async ValueTask<BlobPlace> StoreNewAsync(
        ContentId id, ReadOnlyMemory<byte> content, bool isNode, CancellationToken cancellation)
    {
        var location = await _packs.AddAsync(id, isNode, content, _compressor, cancellation).ConfigureAwait(false);
        var place = new BlobPlace(id, location);
        StoredBytes += location.Length;
        _run.Remember(place);
        return place;
    }

    /// <summary>Closes the pack being filled. Nothing may be stored afterwards but into a new one.</summary>
    internal ValueTask CloseAsync(CancellationToken cancellation) => _packs.CloseAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        _compressor.Dispose();
        await _packs.DisposeAsync().ConfigureAwait(false);
    }
}
