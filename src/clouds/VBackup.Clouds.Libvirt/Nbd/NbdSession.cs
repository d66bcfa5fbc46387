using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace VBackup.Clouds.Libvirt.Nbd;

/// <summary>Where an NBD server listens, and which of its exports is meant.</summary>
/// <param name="Subject">What a user calls the volume, for messages.</param>
internal sealed record NbdAddress(string SocketPath, string Export, string Subject);

/// <summary>
/// A connection over a unix socket on which an export is open, with structured replies. Synchronous, and every wait is
/// limited. Not thread-safe; owns its socket.
/// </summary>
internal sealed class NbdSession : IDisposable
{
    private const string Operation = "connect";

    private NbdSession(Socket socket, NbdFailure failure) => (Socket, Failure) = (socket, failure);

    public Socket Socket { get; }
    public NbdFailure Failure { get; }
    public long LengthBytes { get; private set; }
    public bool IsReadOnly { get; private set; }
    public bool CanFlush { get; private set; }
    public bool CanWriteZeroes { get; private set; }

    /// <summary>The number of the context that was asked for.</summary>
    public uint? ContextId { get; private set; }

    /// <param name="context">What blocks are to be described by; null for a session that does not ask.</param>
    /// <param name="limit">For each single wait.</param>
    /// <exception cref="CloudException">Nobody listens, there is no such export or context, or no answer came.</exception>
    public static NbdSession Open(NbdAddress address, string? context, TimeSpan limit)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)limit.TotalMilliseconds, SendTimeout = (int)limit.TotalMilliseconds,
        };
        var session = new NbdSession(socket, new(address.Subject));
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(address.SocketPath));
            session.Greet();
            session.AskForStructuredReplies();
            if (context is not null) session.ChooseContext(address.Export, context);
            session.Go(address.Export);
            return session;
        }
        catch (Exception failure)
        {
            socket.Dispose();
            if (failure is SocketException or ArgumentException) throw session.Failure.Lost(Operation, failure);
            throw;
        }
    }

    private void Greet()
    {
        Span<byte> greeting = stackalloc byte[18];
        Receive(greeting, Operation);
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting) != NbdWire.Magic
            || BinaryPrimitives.ReadUInt64BigEndian(greeting[8..]) != NbdWire.OptionMagic)
            throw Failure.Protocol(Operation, "it does not greet as one of the newstyle");
        var flags = BinaryPrimitives.ReadUInt16BigEndian(greeting[16..]);
        if ((flags & NbdWire.FixedNewstyle) == 0) throw Failure.Protocol(Operation, "it has no fixed newstyle");
        Span<byte> answer = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(answer, (uint)(flags & (NbdWire.FixedNewstyle | NbdWire.NoZeroes)));
        Send(answer, Operation);
    }

    private void AskForStructuredReplies() =>
        Negotiate(NbdWire.OptionStructuredReply, [], "it has no structured replies", static (_, _, _) => false);

    private void ChooseContext(string export, string context)
    {
        byte[] name = Encoding.UTF8.GetBytes(export), query = Encoding.UTF8.GetBytes(context);
        var data = new byte[4 + name.Length + 8 + query.Length];
        PutText(data, name);
        var rest = data.AsSpan(4 + name.Length);
        BinaryPrimitives.WriteUInt32BigEndian(rest, 1);
        PutText(rest[4..], query);
        Negotiate(NbdWire.OptionSetMetaContext, data, "it describes no blocks", (session, kind, payload) =>
        {
            if (kind != NbdWire.ReplyMetaContext || payload.Length < 4) return false;
            if (payload[4..].SequenceEqual(query)) session.ContextId = BinaryPrimitives.ReadUInt32BigEndian(payload);
            return true;
        });
        if (ContextId is null)
            throw new CloudException(CloudFailure.NotFound, Operation, Failure.Subject, $"the NBD server knows no {context}");
    }

    private void Go(string export)
    {
        var name = Encoding.UTF8.GetBytes(export);
        var data = new byte[4 + name.Length + 2];
        PutText(data, name);
        var isDescribed = false;
        Negotiate(NbdWire.OptionGo, data, "it cannot open exports by option", (session, kind, payload) =>
        {
            if (kind != NbdWire.ReplyInfo || payload.Length < 2) return false;
            // Others may come unasked; they are to be passed over.
            if (BinaryPrimitives.ReadUInt16BigEndian(payload) != NbdWire.InfoExport) return true;
            if (payload.Length != 12) return false;
            isDescribed = true;
            session.TakeExport(BinaryPrimitives.ReadUInt64BigEndian(payload[2..]), BinaryPrimitives.ReadUInt16BigEndian(payload[10..]));
            return true;
        });
        if (!isDescribed) throw Failure.Protocol(Operation, "it does not tell the export's length");
    }

    private void TakeExport(ulong length, ushort flags)
    {
        if (length > long.MaxValue) throw Failure.Protocol(Operation, $"{length} bytes are no volume's length");
        LengthBytes = (long)length;
        if ((flags & NbdWire.HasFlags) == 0) flags = 0;
        IsReadOnly = (flags & NbdWire.ReadOnly) != 0;
        CanFlush = (flags & NbdWire.SendFlush) != 0;
        CanWriteZeroes = (flags & NbdWire.SendWriteZeroes) != 0;
    }

    /// <summary>Looks at a reply that is neither the last nor an error; false when it does not belong there.</summary>
    private delegate bool ReplyReader(NbdSession session, uint kind, ReadOnlySpan<byte> payload);

    private void Negotiate(uint option, byte[] data, string whenUnsupported, ReplyReader read)
    {
        var request = new byte[NbdWire.OptionHeaderSize + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(request, NbdWire.OptionMagic);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(8), option);
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(12), data.Length);
        data.CopyTo(request, NbdWire.OptionHeaderSize);
        Send(request, Operation);
        var head = new byte[NbdWire.OptionReplyHeaderSize];
        // A server that never comes to an end is one that we do not wait for.
        for (var replies = 0; replies < 64; replies++)
        {
            Receive(head, Operation);
            if (BinaryPrimitives.ReadUInt64BigEndian(head) != NbdWire.OptionReplyMagic
                || BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(8)) != option)
                throw Failure.Protocol(Operation, $"what it answers to option {option} is no answer to it");
            var kind = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12));
            var length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(16));
            if (length > NbdWire.StringBytesMax + 64) throw Failure.Protocol(Operation, $"an answer of {length} bytes to option {option}");
            var payload = new byte[length];
            Receive(payload, Operation);
            if (kind == NbdWire.ReplyAck) return;
            if ((kind & NbdWire.ReplyErrorBit) != 0) throw Refused(kind, whenUnsupported, NbdFailure.TextOf(payload));
            if (!read(this, kind, payload)) throw Failure.Protocol(Operation, $"an answer of kind {kind} to option {option}");
        }
        throw Failure.Protocol(Operation, $"its answers to option {option} have no end");
    }

    private CloudException Refused(uint kind, string whenUnsupported, string message) => kind switch
    {
        NbdWire.ReplyUnsupported => new(CloudFailure.NotSupported, Operation, Failure.Subject,
            $"the NBD server is not usable: {whenUnsupported}"),
        NbdWire.ReplyUnknown => new(CloudFailure.NotFound, Operation, Failure.Subject, $"the NBD server has no such export: {message}"),
        _ => new(CloudFailure.Other, Operation, Failure.Subject,
            $"the NBD server refused with error {kind & ~NbdWire.ReplyErrorBit}: {message}"),
    };

    private static void PutText(Span<byte> target, byte[] text)
    {
        BinaryPrimitives.WriteInt32BigEndian(target, text.Length);
        text.CopyTo(target[4..]);
    }

    public void Send(ReadOnlySpan<byte> bytes, string operation)
    {
        try
        {
            while (bytes.Length > 0) bytes = bytes[Socket.Send(bytes)..];
        }
        catch (SocketException failure)
        {
            throw Failure.Lost(operation, failure);
        }
    }

    public void Receive(Span<byte> target, string operation)
    {
        try
        {
            while (target.Length > 0)
            {
                var count = Socket.Receive(target);
                if (count == 0) throw Failure.Lost(operation, null);
                target = target[count..];
            }
        }
        catch (SocketException failure)
        {
            throw Failure.Lost(operation, failure);
        }
    }

    public void Dispose() => Socket.Dispose();
}
