using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

internal enum TransferKind
{
    Read,
    Write,
    Zero,
    Flush,
}

/// <summary>
/// One asynchronous operation of librbd at a time; used again when it is over. Invariant: it ends when librbd says so and never
/// before, not even when nobody wants the answer any more, because until then librbd reads or writes the caller's memory. That
/// it ends at all is what <c>rados_osd_op_timeout</c> is for.
/// </summary>
internal sealed unsafe class ImageTransfer : IValueTaskSource, IDisposable
{
    private const int SequentialOnce = 0x8 | 0x20;  // LIBRADOS_OP_FLAG_FADVISE_SEQUENTIAL, …_DONTNEED

    private readonly ImageTransfers _owner;
    private readonly SelfReference _self;
    // librbd's threads only queue what comes next.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private MemoryHandle _pin;
    private TransferKind _kind;
    private long _offset;
    private long _length;
    private long _result;
    private long _startedAt;

    public ImageTransfer(ImageTransfers owner)
    {
        _owner = owner;
        _self = new(this);
    }

    /// <summary>When it was given to librbd, as the caller counts time; 0 when librbd has it not.</summary>
    public long StartedAt => Interlocked.Read(ref _startedAt);

    public long Offset => _offset;

    /// <summary>For people.</summary>
    public string Description => $"{Described(_kind, _offset, _length)}: {CallOf(_kind)}";

    public ValueTask Start(
        ImageHandle image, TransferKind kind, long offset, long length, ReadOnlyMemory<byte> memory, long startedAt)
    {
        _core.Reset();
        _kind = kind;
        _offset = offset;
        _length = length;
        _pin = memory.Pin();
        Interlocked.Exchange(ref _startedAt, startedAt);
        // The completion belongs to librbd until it calls back, which it does exactly once; the call gives it free.
        var code = Librbd.rbd_aio_create_completion(_self.Pointer, &OnComplete, out var completion);
        if (code >= 0)
        {
            code = kind switch
            {
                TransferKind.Read => Librbd.rbd_aio_read2(image, (ulong)offset, (nuint)length, _pin.Pointer, completion, SequentialOnce),
                TransferKind.Write => Librbd.rbd_aio_write2(image, (ulong)offset, (nuint)length, _pin.Pointer, completion, SequentialOnce),
                TransferKind.Zero => Librbd.rbd_aio_write_zeroes(image, (ulong)offset, (nuint)length, completion, 0, 0),
                _ => Librbd.rbd_aio_flush(image, completion),
            };
            if (code < 0) Librbd.rbd_aio_release(completion);
        }
        if (code < 0) End(code);
        return new(this, _core.Version);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnComplete(nint completion, nint argument)
    {
        try
        {
            var result = Librbd.rbd_aio_get_return_value(completion);
            Librbd.rbd_aio_release(completion);
            SelfReference.Target<ImageTransfer>(argument).End(result);
        }
        catch (Exception e)
        {
            // Nothing can be thrown through librbd, and whoever waits for this operation would wait for ever.
            Environment.FailFast("An operation of librbd ended and could not be reported.", e);
        }
    }

    private void End(long result)
    {
        _result = result;
        Interlocked.Exchange(ref _startedAt, 0);
        _pin.Dispose();
        _core.SetResult(true);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        _core.GetResult(token);
        var (kind, offset, length, result) = (_kind, _offset, _length, _result);
        _owner.GiveBack(this);
        if (result < 0) throw CephFailure.Of(result, CallOf(kind), Described(kind, offset, length));
        if (kind == TransferKind.Read && result != length)
            throw new CloudException(CloudFailure.Other, CallOf(kind), Described(kind, offset, length),
                $"the volume became shorter while it was read: {result} bytes came");
    }

    private static string CallOf(TransferKind kind) => kind switch
    {
        TransferKind.Read => "rbd_aio_read",
        TransferKind.Write => "rbd_aio_write",
        TransferKind.Zero => "rbd_aio_write_zeroes",
        _ => "rbd_aio_flush",
    };

    private string Described(TransferKind kind, long offset, long length) =>
        kind == TransferKind.Flush ? _owner.Subject : $"{_owner.Subject}, {length} bytes at {offset}";

    public void Dispose() => _self.Dispose();
}
