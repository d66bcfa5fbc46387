namespace VBackup.Clouds.Ceph.Images;

/// <summary>Reads and writes an image asynchronously, many at once. Thread-safe. Owns neither image nor memory.</summary>
internal sealed class ImageTransfers
{
    // How many looks there are in the time after which a transfer is said to wait.
    private const int LooksMax = 5;
    private readonly RbdImage _image;
    private readonly WaitingNotes? _notes;
    private readonly Lock _state = new();
    private readonly Stack<ImageTransfer> _idle = new();
    private readonly List<ImageTransfer> _all = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IDisposable? _watching;
    private int _underWay;
    private bool _isClosed;

    /// <param name="notes">Told when a transfer waits; null where nobody listens.</param>
    public ImageTransfers(RbdImage image, string subject, WaitingNotes? notes = null)
    {
        (_image, Subject, _notes) = (image, subject, notes);
        _watching = notes?.Watch(notes.After / LooksMax, FindWaiting);
    }

    public string Subject { get; }

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
            if (!_idle.TryPop(out transfer)) _all.Add(transfer = new(this));
        }
        return transfer.Start(_image.Handle, kind, offset, length, memory, _notes?.Clock.GetTimestamp() ?? 0);
    }

    private Waiting? FindWaiting()
    {
        ImageTransfer? oldest = null;
        lock (_state)
            foreach (var transfer in _all)
                if (transfer.StartedAt is > 0 and var at && at < (oldest?.StartedAt ?? long.MaxValue)) oldest = transfer;
        if (oldest?.StartedAt is not (> 0 and var since) || _notes!.Clock.GetElapsedTime(since) < _notes.After) return null;
        var offset = oldest.Offset;
        return new(oldest.Description, () => Task.FromResult<string?>(_image.DiskOf(offset)));
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
    public async Task CloseAsync()
    {
        lock (_state)
        {
            _isClosed = true;
            while (_idle.TryPop(out var transfer)) transfer.Dispose();
            if (_underWay == 0) _drained.TrySetResult();
        }
        await _drained.Task.ConfigureAwait(false);
        _watching?.Dispose();
    }
}
