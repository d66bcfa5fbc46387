using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using VBackup.Clouds.Libvirt.Nbd;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Nbd;

/// <summary>Servers that do not keep to the protocol, or fall silent: no real one does so when asked.</summary>
public sealed class LyingServerTests : IDisposable
{
    const int Length = 1 << 20;
    static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vbackup-liar-");
    readonly CancellationToken _none = CancellationToken.None;

    NbdAddress Address => new(Path.Combine(_folder.FullName, "s"), "disk", "the disk");

    public void Dispose() => _folder.Delete(recursive: true);

    static byte[] Big(params (int Size, ulong Value)[] fields)
    {
        var bytes = new byte[fields.Sum(field => field.Size)];
        var at = 0;
        foreach (var (size, value) in fields)
        {
            var whole = new byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(whole, value);
            whole.AsSpan(8 - size).CopyTo(bytes.AsSpan(at));
            at += size;
        }
        return bytes;
    }

    static byte[] Reply(uint option, uint kind, params byte[] payload) =>
        [.. Big((8, NbdWire.OptionReplyMagic), (4, option), (4, kind), (4, (ulong)payload.Length)), .. payload];

    static byte[] Chunk(ushort flags, ushort kind, ulong handle, params byte[] payload) =>
        [.. Big((4, NbdWire.StructuredReplyMagic), (2, flags), (2, kind), (8, handle), (4, (ulong)payload.Length)), .. payload];

    static readonly byte[] Greeting = Big((8, NbdWire.Magic), (8, NbdWire.OptionMagic), (2, NbdWire.FixedNewstyle | NbdWire.NoZeroes));
    static readonly byte[] Structured = Reply(NbdWire.OptionStructuredReply, NbdWire.ReplyAck);
    static readonly byte[] Context = [
        .. Reply(NbdWire.OptionSetMetaContext, NbdWire.ReplyMetaContext,
            [0, 0, 0, 7, .. Encoding.ASCII.GetBytes(NbdWire.AllocationContext)]),
        .. Reply(NbdWire.OptionSetMetaContext, NbdWire.ReplyAck)];
    static readonly byte[] Export = [
        .. Reply(NbdWire.OptionGo, NbdWire.ReplyInfo, Big((2, NbdWire.InfoExport), (8, Length), (2, NbdWire.HasFlags | NbdWire.SendFlush))),
        .. Reply(NbdWire.OptionGo, NbdWire.ReplyAck)];

    /// <summary>Says the first whatever it is told, the second to the first request, and then reads on without a word.</summary>
    async Task WithServerAsync(byte[] handshake, byte[] answer, Func<Task> act)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Address.SocketPath));
        listener.Listen();
        var serving = Task.Run(async () =>
        {
            using var client = await listener.AcceptAsync();
            await client.SendAsync(handshake);
            var buffer = new byte[4096];
            try
            {
                for (var heard = 0; await client.ReceiveAsync(buffer.AsMemory(heard)) is > 0 and var count;)
                {
                    heard += count;
                    if (buffer.AsSpan(0, heard).IndexOf(Big((4, NbdWire.RequestMagic))) < 0) continue;
                    await client.SendAsync(answer);
                    heard = 0;
                }
            }
            catch (SocketException)
            {
                // The client has given up.
            }
        });
        await act();
        await serving;
    }

    public static TheoryData<string, byte[]> WrongHandshakes => new()
    {
        { "greet", Big((8, 1), (8, 2), (2, 1)) },
        { "newstyle", Big((8, NbdWire.Magic), (8, NbdWire.OptionMagic), (2, 0)) },
        { "no answer to it", [.. Greeting, .. Reply(99, NbdWire.ReplyAck)] },
        { "structured replies", [.. Greeting, .. Reply(NbdWire.OptionStructuredReply, NbdWire.ReplyUnsupported)] },
        { "bytes to option", [.. Greeting,
            .. Big((8, NbdWire.OptionReplyMagic), (4, NbdWire.OptionStructuredReply), (4, 1), (4, uint.MaxValue))] },
        { "kind 3", [.. Greeting, .. Reply(NbdWire.OptionStructuredReply, NbdWire.ReplyInfo)] },
        { "length", [.. Greeting, .. Structured, .. Reply(NbdWire.OptionGo, NbdWire.ReplyAck)] },
        { "volume's length", [.. Greeting, .. Structured,
            .. Reply(NbdWire.OptionGo, NbdWire.ReplyInfo, Big((2, 0), (8, ulong.MaxValue), (2, 1)))] },
        { "go away", [.. Greeting, .. Structured, .. Reply(NbdWire.OptionGo, NbdWire.ReplyErrorBit | 2, "go\naway"u8.ToArray())] },
        { "have no end", [.. Greeting, .. Structured,
            .. Enumerable.Repeat(Reply(NbdWire.OptionGo, NbdWire.ReplyInfo, 0, 9), 100).SelectMany(x => x)] },
        { "does not answer", Greeting },
    };

    [Theory]
    [MemberData(nameof(WrongHandshakes))]
    public Task A_wrong_handshake_is_refused_with_the_reason(string reason, byte[] words) => WithServerAsync(words, [], async () =>
    {
        var failure = await Assert.ThrowsAsync<CloudException>(() => Task.Run(() => NbdSession.Open(Address, null, Short)));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.StartsWith("the disk: ", failure.Message, StringComparison.Ordinal);
    });

    public static TheoryData<string, byte[]> WrongReads => new()
    {
        { "no answer to a request", Chunk(1, NbdWire.ChunkData, 77, [.. Big((8, 0)), .. new byte[100]]) },
        { "no answer to a request", Big((4, 123), (4, 0), (8, 1)) },
        { "a read is answered without chunks", Big((4, NbdWire.SimpleReplyMagic), (4, 0), (8, 1)) },
        { "kind 1 with 1009 bytes", Chunk(1, NbdWire.ChunkData, 1, new byte[1009]) },
        { "1 bytes at 5", Chunk(0, NbdWire.ChunkData, 1, [.. Big((8, 5)), 1]) },
        { "at 0, where those at 60", [.. Chunk(0, NbdWire.ChunkData, 1, [.. Big((8, 0)), .. new byte[60]]),
            .. Chunk(1, NbdWire.ChunkHole, 1, Big((8, 0), (4, 100)))] },
        { "41 bytes at 60", [.. Chunk(0, NbdWire.ChunkHole, 1, Big((8, 0), (4, 60))),
            .. Chunk(1, NbdWire.ChunkHole, 1, Big((8, 60), (4, 41)))] },
        { "60 bytes in place of 100", Chunk(1, NbdWire.ChunkHole, 1, Big((8, 0), (4, 60))) },
        { "kind 5", Chunk(1, NbdWire.ChunkBlockStatus, 1, new byte[12]) },
        { "error 5: broken disk", Chunk(1, NbdWire.ChunkErrorBit | 1, 1, [.. Big((4, 5), (2, 11)), .. "broken disk"u8]) },
        { "without a number", Chunk(1, NbdWire.ChunkErrorBit | 1, 1, 0) },
        { "no answer from the NBD server within", [] },
    };

    [Theory]
    [MemberData(nameof(WrongReads))]
    public Task A_wrong_answer_to_a_read_is_refused_with_the_reason(string reason, byte[] words) =>
        WithServerAsync([.. Greeting, .. Structured, .. Export], words, async () =>
        {
            await using var transfer = new NbdTransfer(
                await Task.Run(() => NbdSession.Open(Address, null, TimeSpan.FromSeconds(30))), Short, TimeProvider.System);
            var failure = await Assert.ThrowsAsync<CloudException>(async () => await transfer.ReadAsync(0, new byte[100], _none));
            Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        });

    public static TheoryData<string, byte[]> WrongMaps => new()
    {
        { "no answer to the request", Chunk(1, NbdWire.ChunkBlockStatus, 9, Big((4, 7), (4, Length), (4, 0))) },
        { "not asked for", Chunk(1, NbdWire.ChunkBlockStatus, 1, Big((4, 8), (4, Length), (4, 0))) },
        { "of 13 bytes", Chunk(1, NbdWire.ChunkBlockStatus, 1, new byte[13]) },
        { "of no blocks", Chunk(1, NbdWire.ChunkBlockStatus, 1, Big((4, 7), (4, 0), (4, 0))) },
        { "says nothing", Chunk(1, NbdWire.ChunkNone, 1) },
        { "4294967295 bytes", Big((4, NbdWire.StructuredReplyMagic), (2, 1), (2, NbdWire.ChunkBlockStatus), (8, 1), (4, uint.MaxValue)) },
        { "error 22", Big((4, NbdWire.SimpleReplyMagic), (4, 22), (8, 1)) },
        { "does not answer", [] },
    };

    [Theory]
    [MemberData(nameof(WrongMaps))]
    public Task A_wrong_map_is_refused_with_the_reason(string reason, byte[] words) =>
        WithServerAsync([.. Greeting, .. Structured, .. Context, .. Export], words, async () =>
        {
            using var map = await Task.Run(() => NbdMap.Open(Address, NbdWire.AllocationContext, Short));
            var failure = await Assert.ThrowsAsync<CloudException>(() => Task.Run(() => map.Where(NbdWire.IsZero, 0, 0).ToList()));
            Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        });
}
