using System.Buffers.Binary;
using System.Net.Sockets;

namespace VBackup.Clouds.Libvirt.Nbd;

/// <summary>
/// Reads and writes an export, several requests at once; answers come in any order. Thread-safe; owns its session. A server
/// that does not answer in time, or not as the protocol says, ends the connection and all that waits for it.
/// </summary>
internal sealed class NbdTransfer : IAsyncDisposable
{
    /// <summary>As many requests are under way at most; QEMU handles 16 of one client at once.</summary>
    public const int RequestsMax = 16;

    private const int PieceBytesMax = 8 * 1024 * 1024;
    private const int ErrorBytesMax = NbdWire.StringBytesMax + 64;

    private readonly NbdSession _session;
    private readonly TimeSpan _limit;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _places = new(RequestsMax), _sending = new(1);
    private readonly Dictionary<ulong, Pending> _pending = [];
    private readonly Lock _lock = new();
    private readonly Task _receiving;
    private CloudException? _broken;
    private ulong _requests;

    /// <param name="session">Taken over.</param>
    /// <param name="limit">For each single request.</param>
    public NbdTransfer(NbdSession session, TimeSpan limit, TimeProvider clock)
    {
        (_session, _limit, _clock) = (session, limit, clock);
        _receiving = ReceiveAllAsync();
    }

    public long LengthBytes => _session.LengthBytes;
    public bool CanFlush => _session.CanFlush;
    public bool CanWriteZeroes => _session.CanWriteZeroes;

    private sealed record Request(ushort Command, string Operation, long Offset, uint Length);

    // Completed by the receiver alone: as long as it has not, the receiver may write into the target.
    private sealed class Pending(Request request, Memory<byte> target)
        : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Request Request => request;
        public Memory<byte> Target => target;

        /// <summary>How much of the target is filled. Pieces must come in order, so that none is missing at the end.</summary>
        public int FilledBytes { get; set; }
        public CloudException? Failure { get; set; }
    }

    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        RefuseOutside("read", offset, buffer.Length);
        cancellation.ThrowIfCancellationRequested();
        for (var done = 0; done < buffer.Length;)
        {
            var piece = buffer.Slice(done, Math.Min(PieceBytesMax, buffer.Length - done));
            await CallAsync(new(NbdWire.Read, "read", offset + done, (uint)piece.Length), default, piece, cancellation)
                .ConfigureAwait(false);
            done += piece.Length;
        }
    }

    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        RefuseOutside("write", offset, content.Length);
        cancellation.ThrowIfCancellationRequested();
        for (var done = 0; done < content.Length;)
        {
            var piece = content.Slice(done, Math.Min(PieceBytesMax, content.Length - done));
            await CallAsync(new(NbdWire.Write, "write", offset + done, (uint)piece.Length), piece, default, cancellation)
                .ConfigureAwait(false);
            done += piece.Length;
        }
    }

    public async ValueTask WriteZeroesAsync(long offset, long length, CancellationToken cancellation)
    {
        const long most = 1L << 30;
        RefuseOutside("write zeros", offset, length);
        cancellation.ThrowIfCancellationRequested();
        for (long done = 0; done < length;)
        {
            var piece = (uint)Math.Min(most, length - done);
            await CallAsync(new(NbdWire.WriteZeroes, "write zeros", offset + done, piece), default, default, cancellation)
                .ConfigureAwait(false);
            done += piece;
        }
    }

    public async ValueTask FlushAsync(CancellationToken cancellation) =>
        await CallAsync(new(NbdWire.Flush, "flush", 0, 0), default, default, cancellation).ConfigureAwait(false);

    private async Task CallAsync(Request request, ReadOnlyMemory<byte> content, Memory<byte> target, CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var pending = new Pending(request, target);
            var running = RunAsync(pending, content);
            try
            {
                // What is sent must be waited for: the answer goes into the caller's memory.
                await running.WaitAsync(_limit, _clock, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException late)
            {
                Break(new(CloudFailure.TimedOut, request.Operation, _session.Failure.Subject,
                    $"no answer from the NBD server within {_limit.TotalSeconds:0.#} s", late));
                await running.ConfigureAwait(false);
            }
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task RunAsync(Pending pending, ReadOnlyMemory<byte> content)
    {
        var request = pending.Request;
        var head = new byte[NbdWire.RequestSize];
        lock (_lock)
        {
            if (_broken is not null) throw _broken;
            NbdWire.PutRequest(head, request.Command, ++_requests, request.Offset, request.Length);
            _pending.Add(_requests, pending);
        }
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            await SendAsync(head).ConfigureAwait(false);
            await SendAsync(content).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            Break(_session.Failure.Lost(request.Operation, failure));
        }
        finally
        {
            _sending.Release();
        }
        await pending.Task.ConfigureAwait(false);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[await _session.Socket.SendAsync(bytes).ConfigureAwait(false)..];
    }

    private async Task ReceiveAllAsync()
    {
        try
        {
            var head = new byte[NbdWire.ChunkHeaderSize];
            while (true) await ReceiveOneAsync(head).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is CloudException or SocketException or ObjectDisposedException)
        {
            Break(failure as CloudException ?? _session.Failure.Lost("receive", failure));
        }
        Pending[] left;
        lock (_lock)
        {
            left = [.. _pending.Values];
            _pending.Clear();
        }
        foreach (var pending in left) pending.TrySetException(_broken!);
    }

    private async ValueTask ReceiveOneAsync(byte[] head)
    {
        await ReceiveAsync(head.AsMemory(0, NbdWire.SimpleReplySize)).ConfigureAwait(false);
        if (NbdReplyHead.Parse(head, out var hasLength) is not { } reply || Find(reply.Handle) is not { } pending)
            throw _session.Failure.Protocol("receive", "what it sends is no answer to a request");
        if (!hasLength)
        {
            // Its data would follow it without a length: reads are answered in chunks only.
            if (reply.Error == 0 && pending.Target.Length > 0)
                throw _session.Failure.Protocol("receive", "a read is answered without chunks");
            if (reply.Error != 0) pending.Failure ??= _session.Failure.Refused(pending.Request.Operation, reply.Error, null);
        }
        else
        {
            await ReceiveAsync(head.AsMemory(NbdWire.SimpleReplySize)).ConfigureAwait(false);
            var length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(NbdWire.SimpleReplySize));
            await TakeChunkAsync(pending, reply.Kind, length).ConfigureAwait(false);
        }
        if (reply.IsLast) Complete(reply.Handle, pending);
    }

    private async ValueTask TakeChunkAsync(Pending pending, ushort kind, uint length)
    {
        switch (kind)
        {
            case NbdWire.ChunkNone when length == 0:
                break;
            case NbdWire.ChunkData when length > 8 && length - 8 <= pending.Target.Length:
                var data = await TakePlaceAsync(pending, (int)length - 8).ConfigureAwait(false);
                await ReceiveAsync(data).ConfigureAwait(false);
                pending.FilledBytes += data.Length;
                break;
            case NbdWire.ChunkHole when length == 12:
                var hole = await TakePlaceAsync(pending, null).ConfigureAwait(false);
                hole.Span.Clear();
                pending.FilledBytes += hole.Length;
                break;
            case var _ when (kind & NbdWire.ChunkErrorBit) != 0 && length <= ErrorBytesMax:
                var payload = new byte[length];
                await ReceiveAsync(payload).ConfigureAwait(false);
                pending.Failure ??= _session.Failure.Chunk(pending.Request.Operation, payload);
                break;
            default:
                throw _session.Failure.Protocol(pending.Request.Operation, $"a chunk of kind {kind} with {length} bytes");
        }
    }

    /// <param name="lengthBytes">Null when it follows the offset, as a hole's does.</param>
    private async ValueTask<Memory<byte>> TakePlaceAsync(Pending pending, int? lengthBytes)
    {
        var place = new byte[lengthBytes is null ? 12 : 8];
        await ReceiveAsync(place).ConfigureAwait(false);
        var offset = BinaryPrimitives.ReadUInt64BigEndian(place);
        long length = lengthBytes is { } known ? known : BinaryPrimitives.ReadUInt32BigEndian(place.AsSpan(8));
        if (offset != (ulong)(pending.Request.Offset + pending.FilledBytes) || length > pending.Target.Length - pending.FilledBytes
            || length == 0)
            throw _session.Failure.Protocol(
                pending.Request.Operation, $"{length} bytes at {offset}, where those at {pending.Request.Offset + pending.FilledBytes} "
                    + "come next");
        return pending.Target.Slice(pending.FilledBytes, (int)length);
    }

    private async ValueTask ReceiveAsync(Memory<byte> target)
    {
        while (target.Length > 0)
        {
            var count = await _session.Socket.ReceiveAsync(target).ConfigureAwait(false);
            if (count == 0) throw _session.Failure.Lost("receive", null);
            target = target[count..];
        }
    }

    private Pending? Find(ulong handle)
    {
        lock (_lock) return _pending.GetValueOrDefault(handle);
    }

    private void Complete(ulong handle, Pending pending)
    {
        if (pending.Failure is null && pending.FilledBytes != pending.Target.Length)
            throw _session.Failure.Protocol(
                pending.Request.Operation, $"{pending.FilledBytes} bytes in place of {pending.Target.Length}");
        lock (_lock) _pending.Remove(handle);
        if (pending.Failure is { } failure) pending.TrySetException(failure);
        else pending.TrySetResult();
    }

    // The first reason is the one that counts. Without its socket the receiver ends, and with it all that waits.
    private void Break(CloudException reason)
    {
        lock (_lock) _broken ??= reason;
        _session.Dispose();
    }

    private void RefuseOutside(string operation, long offset, long length)
    {
        if (offset < 0 || length < 0 || length > LengthBytes - offset)
            throw new CloudException(
                CloudFailure.Other, operation, _session.Failure.Subject,
                    $"{length} bytes at {offset} are not within its {LengthBytes} bytes");
    }

    /// <summary>REQUIRES: nothing is under way. Tells the server goodbye, so that it does not take this for a failure.</summary>
    public async ValueTask DisposeAsync()
    {
        var isWhole = false;
        lock (_lock) isWhole = _broken is null;
        if (isWhole)
        {
            var head = new byte[NbdWire.RequestSize];
            NbdWire.PutRequest(head, NbdWire.Disconnect, ulong.MaxValue, 0, 0);
            try
            {
                await _session.Socket.SendAsync(head.AsMemory()).AsTask().WaitAsync(_limit, _clock).ConfigureAwait(false);
            }
            catch (Exception gone) when (gone is SocketException or TimeoutException or ObjectDisposedException)
            {
                // It does not listen any more: nothing is left to be said to it.
            }
        }
        Break(new(CloudFailure.Other, "use", _session.Failure.Subject, "it is closed"));
        await _receiving.ConfigureAwait(false);
        _places.Dispose();
        _sending.Dispose();
    }
}
