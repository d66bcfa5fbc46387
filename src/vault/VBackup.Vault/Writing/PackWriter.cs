using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>A pack that is complete in the store, and what lies in it.</summary>
/// <param name="Spooled">Its copy in the spool, if it came from there.</param>
internal sealed record FinishedPack(ObjectId Id, PackEntry[] Entries, SpooledPack? Spooled = null);

/// <summary>
/// Fills packs, one after another. Full ones are committed in the background by the <see cref="PackCommitter"/>. Not
/// thread-safe: one a lane.
/// </summary>
internal sealed class PackWriter(BackupVault vault, PackCommitter committer) : IAsyncDisposable
{
    private readonly byte[] _header = new byte[ObjectHeader.Size];
    private byte[] _blob = [];
    private PackEntry[] _entries = new PackEntry[512];
    private int _count;
    private ObjectCipher? _cipher;
    private IObjectWriter? _writer;
    private StoreException? _failure;
    private (ObjectId Id, Task<IObjectWriter> Writer)? _ahead;
    private readonly CancellationTokenSource _aheadUnused = new();

    /// <summary>
    /// Opens each pack while the one before is on its way, so that a distant store costs no wait. One is opened in vain.
    /// </summary>
    public bool OpensAllAhead { get; init; }

    /// <summary>Compresses, seals and appends content.</summary>
    /// <returns>Where it will lie once the pack is committed.</returns>
    public ValueTask<BlobLocation> AddAsync(
        ContentId id, bool isNode, ReadOnlyMemory<byte> content, ChunkCompressor? compressor, CancellationToken cancellation) =>
        _writer is null
            ? OpenAndAddAsync(id, isNode, content, compressor, cancellation)
            : EncodeAndAppendAsync(id, isNode, content, compressor, cancellation);

    /// <summary>Seals a plaintext that another pack held and appends it, as it is compressed already.</summary>
    public async ValueTask<BlobLocation> AddSealedAsync(
        ContentId id, BlobShape shape, ReadOnlyMemory<byte> plaintext, CancellationToken cancellation)
    {
        if (_writer is null) await OpenAsync(cancellation).ConfigureAwait(false);
        var length = Blob.Seal(_cipher!, (uint)_count, id, shape, plaintext.Span, Buffer(plaintext.Length));
        return await AppendAsync(id, shape, length, cancellation).ConfigureAwait(false);
    }

    /// <summary>Closes the pack that is being filled, if any, and hands it to the committer.</summary>
    public async ValueTask CloseAsync(CancellationToken cancellation)
    {
        if (_writer is null) return;
        var tail = new byte[PackFooter.Size(_count)];
        PackFooter.Encode(_cipher!, _entries.AsSpan(0, _count), tail);
        await SendAsync(tail, cancellation).ConfigureAwait(false);
        var pack = new FinishedPack(_cipher!.ObjectId, _entries.AsSpan(0, _count).ToArray());
        var writer = _writer;
        _writer = null;
        _cipher.Dispose();
        _cipher = null;
        await committer.CommitAsync(writer, pack, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<BlobLocation> OpenAndAddAsync(
        ContentId id, bool isNode, ReadOnlyMemory<byte> content, ChunkCompressor? compressor, CancellationToken cancellation)
    {
        await OpenAsync(cancellation).ConfigureAwait(false);
        return await EncodeAndAppendAsync(id, isNode, content, compressor, cancellation).ConfigureAwait(false);
    }

    private ValueTask<BlobLocation> EncodeAndAppendAsync(
        ContentId id, bool isNode, ReadOnlyMemory<byte> content, ChunkCompressor? compressor, CancellationToken cancellation)
    {
        var (length, shape) = Blob.Encode(
            _cipher!, (uint)_count, id, isNode, content.Span, compressor, Buffer(content.Length));
        return AppendAsync(id, shape, length, cancellation);
    }

    /// <summary>Begins to open the first pack now, so that nobody waits for a distant store later.</summary>
    public void OpenAhead() => _ahead = BeginOpening(_aheadUnused.Token);

    private (ObjectId Id, Task<IObjectWriter> Writer) BeginOpening(CancellationToken cancellation)
    {
        var id = ObjectId.New(vault.Runtime.FillRandom);
        return (id, committer.OpenAsync(id, cancellation));
    }

    private async ValueTask OpenAsync(CancellationToken cancellation)
    {
        var (id, opening) = _ahead ?? BeginOpening(cancellation);
        var writer = await opening.WaitAsync(cancellation).ConfigureAwait(false);
        _ahead = null;
        _writer = writer;
        _cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, id);
        _count = 0;
        ObjectHeader.Write(_header, ObjectKind.Pack, id);
        await SendAsync(_header, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<BlobLocation> AppendAsync(ContentId id, BlobShape shape, int length, CancellationToken cancellation)
    {
        var offset = (uint)_writer!.Length;
        await SendAsync(_blob.AsMemory(0, length), cancellation).ConfigureAwait(false);
        if (_count == _entries.Length) Array.Resize(ref _entries, _count * 2);
        _entries[_count++] = new(id, offset, (uint)length, shape);
        var location = new BlobLocation(_cipher!.ObjectId, offset, (uint)length);
        if (_writer.Length < vault.Runtime.PackSizeTarget && _count < FormatLimits.PackBlobsMax) return location;
        await CloseAsync(cancellation).ConfigureAwait(false);
        if (OpensAllAhead) OpenAhead();
        return location;
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        // A lane goes from worker to worker: the next says the same, and not that the writer is of no use any more.
        if (_failure is { } was) throw new StoreException(was.Failure, was.Operation, was.ObjectName, was.Reason, was);
        try
        {
            await _writer!.AppendAsync(piece, cancellation).ConfigureAwait(false);
        }
        catch (StoreException failure)
        {
            _failure = failure;
            // A collector that took the run for dead discards what it left unfinished.
            if (failure.Failure == StoreFailure.NotFound) await committer.ThrowIfRevokedAsync(cancellation).ConfigureAwait(false);
            throw;
        }
    }

    private Span<byte> Buffer(int contentLength)
    {
        if (_blob.Length < Blob.SizeMax(contentLength))
            _blob = GC.AllocateUninitializedArray<byte>(Blob.SizeMax(contentLength), pinned: true);
        return _blob;
    }

    public async ValueTask DisposeAsync()
    {
        _cipher?.Dispose();
        if (_writer is not null) await _writer.DisposeAsync().ConfigureAwait(false);
        await _aheadUnused.CancelAsync().ConfigureAwait(false);
        _aheadUnused.Dispose();
        if (_ahead is not { } unused) return;
        // It was not needed; and if it could not be opened, nobody missed it.
        await ((Task)unused.Writer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (unused.Writer.IsCompletedSuccessfully)
            await (await unused.Writer.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }
}
