using System.Buffers;
using System.IO.Hashing;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Spooling;

/// <summary>
/// A pack that is written to the spool first: commit makes it durable there; then it is sent to the store, and once only (F5 of
/// <c>docs/session-protocol.md</c>). Appends are not thread-safe.
/// </summary>
internal sealed class SpooledPack : IObjectWriter
{
    private const int PieceSize = 1024 * 1024;
    private readonly SpoolRun _run;
    private readonly IObjectWriter? _writer;
    private readonly XxHash128 _hash = new();
    private byte[]? _buffer;
    private int _buffered;
    private bool _isDurable;

    /// <summary>A new one.</summary>
    public SpooledPack(SpoolRun run, ObjectId id, IObjectWriter writer) => (_run, Id, _writer) = (run, id, writer);

    /// <summary>One that a run left, complete.</summary>
    public SpooledPack(SpoolRun run, ObjectId id, PackMark mark) =>
        (_run, Id, Mark, Length, _isDurable) = (run, id, mark, mark.Length, true);

    public SpoolRun Run => _run;
    public ObjectId Id { get; }

    /// <summary>As it stands in the spool once it is durable.</summary>
    public PackMark Mark { get; private set; }

    public long Length { get; private set; }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        _hash.Append(piece.Span);
        Length += piece.Length;
        // Each write to a distant folder costs a journey or two, whatever its length.
        _buffer ??= ArrayPool<byte>.Shared.Rent(PieceSize);
        while (!piece.IsEmpty)
        {
            var part = piece[..Math.Min(piece.Length, PieceSize - _buffered)];
            part.CopyTo(_buffer.AsMemory(_buffered));
            _buffered += part.Length;
            piece = piece[part.Length..];
            if (_buffered == PieceSize) await WriteOutAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteOutAsync(CancellationToken cancellation)
    {
        await _writer!.AppendAsync(_buffer.AsMemory(0, _buffered), cancellation).ConfigureAwait(false);
        _buffered = 0;
    }

    /// <summary>Makes it durable in the spool, from where it is sent. The mark comes first: a pack without one may be thrown away by
    /// anybody.</summary>
    public async ValueTask CommitAsync(CancellationToken cancellation)
    {
        if (!_isDurable) await CommitToSpoolAsync(cancellation).ConfigureAwait(false);
        await _run.Room.LeavingAsync().ConfigureAwait(false);
    }

    private async Task CommitToSpoolAsync(CancellationToken cancellation)
    {
        if (_buffered > 0) await WriteOutAsync(cancellation).ConfigureAwait(false);
        ReturnBuffer();
        Mark = new(IsSent: false, Length, _hash.GetCurrentHashAsUInt128());
        await _run.PutMarkAsync(Id, Mark, cancellation).ConfigureAwait(false);
        await _writer!.CommitAsync(cancellation).ConfigureAwait(false);
        _isDurable = true;
        await _run.Room.CompleteAsync(Length).ConfigureAwait(false);
    }

    /// <summary>Sends it to the store. REQUIRES: it was never sent.</summary>
    /// <exception cref="StoreException">Also when the spool gives back other bytes than were written.</exception>
    public async Task SendAsync(IObjectStore store, CancellationToken cancellation)
    {
        var name = ObjectNames.Pack(Id);
        var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            await _run.PutMarkAsync(Id, Mark with { IsSent = true }, cancellation).ConfigureAwait(false);
            var target = await store.OpenWriterAsync(name, cancellation).ConfigureAwait(false);
            await using (target.ConfigureAwait(false))
            {
                var hash = new XxHash128();
                for (long at = 0; at < Mark.Length;)
                {
                    var part = piece.AsMemory(0, (int)Math.Min(PieceSize, Mark.Length - at));
                    if (await _run.Store.ReadAsync(name, at, part, cancellation).ConfigureAwait(false) != part.Length) break;
                    hash.Append(part.Span);
                    await target.AppendAsync(part, cancellation).ConfigureAwait(false);
                    at += part.Length;
                }
                if (target.Length != Mark.Length || hash.GetCurrentHashAsUInt128() != Mark.Hash) throw Damaged(name);
                await target.CommitAsync(cancellation).ConfigureAwait(false);
            }
            await _run.Room.SentAsync().ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private StoreException Damaged(string name) => new(StoreFailure.Mismatch, "read", name,
        $"the spool {_run.Store.Description} gives back other bytes than were written to it");

    private void ReturnBuffer()
    {
        if (_buffer is not null) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }

    public async ValueTask DisposeAsync()
    {
        ReturnBuffer();
        if (_writer is null) return;
        await _writer.DisposeAsync().ConfigureAwait(false);
        if (!_isDurable) await _run.Room.GiveUpAsync().ConfigureAwait(false);
    }
}
