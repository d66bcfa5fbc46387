namespace VBackup.Clouds.Ceph.Images;

/// <summary>Reads and writes an image asynchronously, many at once. Thread-safe. Owns neither image nor memory.</summary>
internal sealed class ImageTransfers(RbdImage image, string subject)
{
    private readonly Lock _state = new();
    private readonly Stack<ImageTransfer> _idle = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _underWay;
    private bool _isClosed;

    public string Subject => subject;

    public ValueTask ReadAsync(long offset, Memory<byte> buffer) =>
        buffer.IsEmpty ? ValueTask.CompletedTask : Start(TransferKind.Read, offset, buffer.Length, buffer);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content) =>
        content.IsEmpty ? ValueTask.CompletedTask : Start(TransferKind.Write, offset, content.Length, content);

    public ValueTask ZeroAsync(long offset, long length) =>
        length == 0 ? ValueTask.CompletedTask : Start(TransferKind.Zero, offset, length, default);

    public ValueTask FlushAsync() => Start(TransferKind.Flush, 0, 0, default);

    private ValueTask Start(TransferKind kind, long offset, long length, ReadOnlyMemory<byte> memory)
    {
        ImageTransfer? transfer;
        lock (_state)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _underWay++;
            if (!_idle.TryPop(out transfer)) transfer = new(this);
        }
        return transfer.Start(image.Handle, kind, offset, length, memory);
    }

    /// <summary>Called when somebody has taken a transfer's result: librbd is done with it then.</summary>
    public void GiveBack(ImageTransfer transfer)
    {
        lock (_state)
        {
            if (_isClosed) transfer.Dispose();
            else _idle.Push(transfer);
            if (--_underWay == 0 && _isClosed) _drained.TrySetResult();
        }
    }

    /// <summary>Lets nothing new begin, and ends when all that began has ended and was awaited.</summary>
    public Task CloseAsync()
    {
        lock (_state)
        {
            _isClosed = true;
            while (_idle.TryPop(out var transfer)) transfer.Dispose();
            if (_underWay == 0) _drained.TrySetResult();
        }
        return _drained.Task;
    }
}
