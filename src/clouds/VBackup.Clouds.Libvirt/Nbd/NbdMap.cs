using System.Buffers.Binary;
using VBackup.Primitives;

namespace VBackup.Clouds.Libvirt.Nbd;

/// <summary>
/// What a server says of an export's blocks under one context: which hold data, or which changed. Asked piece by piece, as
/// far as the caller reads on. Thread-safe; owns its session.
/// </summary>
internal sealed class NbdMap(NbdSession session) : IDisposable
{
    private const string Operation = "ask for the map of blocks";

    // Servers describe as much of it as they like at once.
    private const long RequestBytesMax = 2L << 30;
    private const int EntrySize = 8, EntriesMax = 1024 * 1024;

    private readonly Lock _lock = new();
    private ulong _requests;

    public long LengthBytes => session.LengthBytes;

    public static NbdMap Open(NbdAddress address, string context, TimeSpan limit) => new(NbdSession.Open(address, context, limit));

    /// <summary>The ranges whose flags are as wanted, ordered and apart.</summary>
    /// <param name="mask">Which flags count.</param>
    /// <param name="wanted">What they must be.</param>
    /// <exception cref="CloudException">The server failed.</exception>
    public IEnumerable<Extent> Where(uint mask, uint wanted, long from)
    {
        Extent? open = null;
        for (var at = from; at < LengthBytes;)
        {
            foreach (var (length, flags) in Ask(at))
            {
                // The last one may reach past what was asked for.
                var range = new Extent(at, Math.Min(length, LengthBytes - at));
                at = range.End;
                if (range.Length == 0) break;
                if ((flags & mask) == wanted)
                {
                    open = open is { } known ? known with { Length = range.End - known.Offset } : range;
                }
                else if (open is { } done)
                {
                    open = null;
                    yield return done;
                }
            }
        }
        if (open is { } last) yield return last;
    }

    private List<(uint Length, uint Flags)> Ask(long offset)
    {
        lock (_lock)
        {
            Span<byte> request = stackalloc byte[NbdWire.RequestSize];
            var handle = ++_requests;
            NbdWire.PutRequest(
                request, NbdWire.BlockStatus, handle, offset, (uint)Math.Min(RequestBytesMax, LengthBytes - offset));
            session.Send(request, Operation);
            List<(uint, uint)> entries = [];
            Span<byte> head = stackalloc byte[NbdWire.ChunkHeaderSize];
            CloudException? failure = null;
            for (var isLast = false; !isLast;)
            {
                session.Receive(head[..NbdWire.SimpleReplySize], Operation);
                if (NbdReplyHead.Parse(head, out var hasLength) is not { } reply || reply.Handle != handle)
                    throw session.Failure.Protocol(Operation, "what it sends is no answer to the request");
                isLast = reply.IsLast;
                if (!hasLength) throw session.Failure.Refused(Operation, reply.Error, null);
                session.Receive(head[NbdWire.SimpleReplySize..], Operation);
                var payload = TakePayload(BinaryPrimitives.ReadUInt32BigEndian(head[NbdWire.SimpleReplySize..]));
                if ((reply.Kind & NbdWire.ChunkErrorBit) != 0) failure ??= session.Failure.Chunk(Operation, payload);
                else if (reply.Kind == NbdWire.ChunkBlockStatus) Add(entries, payload);
                else if (reply.Kind != NbdWire.ChunkNone) throw session.Failure.Protocol(Operation, $"a chunk of kind {reply.Kind}");
            }
            if (failure is not null) throw failure;
            return entries.Count > 0 ? entries : throw session.Failure.Protocol(Operation, $"it says nothing of the blocks at {offset}");
        }
    }

    private byte[] TakePayload(uint length)
    {
        if (length > 4 + EntriesMax * EntrySize) throw session.Failure.Protocol(Operation, $"a chunk of {length} bytes");
        var payload = new byte[length];
        session.Receive(payload, Operation);
        return payload;
    }

    private void Add(List<(uint, uint)> entries, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 4 + EntrySize || (payload.Length - 4) % EntrySize != 0)
            throw session.Failure.Protocol(Operation, $"a description of blocks of {payload.Length} bytes");
        if (BinaryPrimitives.ReadUInt32BigEndian(payload) != session.ContextId || entries.Count > 0)
            throw session.Failure.Protocol(Operation, "a description of blocks that was not asked for");
        for (var rest = payload[4..]; rest.Length > 0; rest = rest[EntrySize..])
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length == 0) throw session.Failure.Protocol(Operation, "a description of no blocks");
            entries.Add((length, BinaryPrimitives.ReadUInt32BigEndian(rest[4..])));
        }
    }

    public void Dispose() => session.Dispose();
}
