using System.Buffers.Binary;

namespace VBackup.Clouds.Libvirt.Nbd;

/// <summary>The numbers of the NBD protocol that we use, as its description (<c>doc/proto.md</c>) names them. All are sent
/// with the most significant byte first.</summary>
internal static class NbdWire
{
    public const ulong Magic = 0x4e42444d41474943;              // "NBDMAGIC"
    public const ulong OptionMagic = 0x49484156454f5054;        // "IHAVEOPT"
    public const ulong OptionReplyMagic = 0x3e889045565a9;
    public const uint RequestMagic = 0x25609513;
    public const uint SimpleReplyMagic = 0x67446698;
    public const uint StructuredReplyMagic = 0x668e33ef;

    public const ushort FixedNewstyle = 1, NoZeroes = 2;

    public const uint OptionGo = 7, OptionStructuredReply = 8, OptionSetMetaContext = 10;
    public const uint ReplyAck = 1, ReplyInfo = 3, ReplyMetaContext = 4, ReplyErrorBit = 1u << 31;
    public const uint ReplyUnsupported = ReplyErrorBit | 1, ReplyUnknown = ReplyErrorBit | 6;
    public const ushort InfoExport = 0;

    public const ushort HasFlags = 1, ReadOnly = 2, SendFlush = 4, SendWriteZeroes = 64;

    public const ushort Read = 0, Write = 1, Disconnect = 2, Flush = 3, WriteZeroes = 6, BlockStatus = 7;
    public const ushort ChunkIsLast = 1;
    public const ushort ChunkNone = 0, ChunkData = 1, ChunkHole = 2, ChunkBlockStatus = 5, ChunkErrorBit = 1 << 15;

    public const string AllocationContext = "base:allocation";
    public const string DirtyBitmapPrefix = "qemu:dirty-bitmap:";

    /// <summary>Of <see cref="AllocationContext"/>: the range reads as zeros.</summary>
    public const uint IsZero = 2;

    /// <summary>Of a dirty bitmap: something in the range was written.</summary>
    public const uint IsDirty = 1;

    public const int OptionHeaderSize = 16, OptionReplyHeaderSize = 20, RequestSize = 28, SimpleReplySize = 16, ChunkHeaderSize = 20;

    /// <summary>Names and messages are strings of at most this many bytes.</summary>
    public const int StringBytesMax = 4096;

    /// <summary>Servers must take reads and writes of this length, whatever they say of themselves.</summary>
    public const int TransferBytesMax = 32 * 1024 * 1024;

    public static void PutRequest(Span<byte> target, ushort command, ulong handle, long offset, uint length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, RequestMagic);
        BinaryPrimitives.WriteUInt16BigEndian(target[4..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(target[6..], command);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], handle);
        BinaryPrimitives.WriteInt64BigEndian(target[16..], offset);
        BinaryPrimitives.WriteUInt32BigEndian(target[24..], length);
    }
}

/// <summary>The head of one piece of an answer: either all of a simple one, or a chunk of a structured one.</summary>
/// <param name="Error">Of a simple answer; 0 is none.</param>
/// <param name="Length">Bytes of payload that follow.</param>
internal readonly record struct NbdReplyHead(bool IsLast, ushort Kind, ulong Handle, uint Error, uint Length)
{
    /// <param name="head"><see cref="NbdWire.SimpleReplySize"/> bytes; a structured one has its length behind them.</param>
    /// <returns>Null when it is the head of no answer.</returns>
    public static NbdReplyHead? Parse(ReadOnlySpan<byte> head, out bool hasLength)
    {
        var magic = BinaryPrimitives.ReadUInt32BigEndian(head);
        var handle = BinaryPrimitives.ReadUInt64BigEndian(head[8..]);
        hasLength = magic == NbdWire.StructuredReplyMagic;
        return magic switch
        {
            NbdWire.SimpleReplyMagic => new(true, NbdWire.ChunkNone, handle, BinaryPrimitives.ReadUInt32BigEndian(head[4..]), 0),
            NbdWire.StructuredReplyMagic => new((BinaryPrimitives.ReadUInt16BigEndian(head[4..]) & NbdWire.ChunkIsLast) != 0,
                BinaryPrimitives.ReadUInt16BigEndian(head[6..]), handle, 0, 0),
            _ => null,
        };
    }
}
