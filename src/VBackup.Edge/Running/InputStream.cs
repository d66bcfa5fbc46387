namespace VBackup.Edge.Running;

/// <summary>
/// A file that a command reads once, from its begin to its end, and that may as well be a pipe. It is bounded by what is read,
/// because a pipe has no length; and whoever waits for the other end of one can be cancelled.
/// </summary>
public sealed class InputStream : Stream
{
    const int BufferSize = 64 * 1024;

    readonly FileStream _file;
    readonly long _sizeMax;
    readonly string _wayOut;
    // The reader's own memory is not lent out: a read that nobody waits for any more may still write to it.
    readonly byte[] _buffer = new byte[BufferSize];
    int _at, _end;
    long _read;

    InputStream(FileStream file, long sizeMax, string wayOut)
    {
        _file = file;
        _sizeMax = sizeMax;
        _wayOut = wayOut;
    }

    /// <param name="holds">What the file should hold, for the message when it is a folder.</param>
    /// <param name="sizeMax">Reading fails behind so many bytes.</param>
    /// <param name="wayOut">What to do when there are more.</param>
    public static async Task<InputStream> OpenAsync(
        string path, string holds, long sizeMax, string wayOut, CancellationToken cancellation)
    {
        if (Directory.Exists(path)) throw new RefusedException($"{path} is a folder: name the file with {holds}");
        // A pipe opens when somebody opens its other end, and only the thread that waits for that cannot be called back.
        var file = await Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0),
            CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false);
        return new(file, sizeMax, wayOut);
    }

    /// <summary>Passes over white space, and a byte order mark before it.</summary>
    /// <returns>The next byte, which stays unread; -1 at the end.</returns>
    public async ValueTask<int> PeekAsync(CancellationToken cancellation)
    {
        while (_at < _end || await FillAsync(cancellation).ConfigureAwait(false))
        {
            if (_read == _end && _at == 0 && _buffer.AsSpan(0, _end).StartsWith("\uFEFF"u8)) _at = 3;
            while (_at < _end && _buffer[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') _at++;
            if (_at < _end) return _buffer[_at];
        }
        return -1;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at == _end && !await FillAsync(cancellationToken).ConfigureAwait(false)) return 0;
        var length = Math.Min(buffer.Length, _end - _at);
        _buffer.AsMemory(_at, length).CopyTo(buffer);
        _at += length;
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        _at = _end = 0;
        _end = await Task.Run(() => _file.Read(_buffer), CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false);
        _read += _end;
        if (_read > _sizeMax) throw new RefusedException($"{_file.Name} has more than {Units.Size(_sizeMax)}: {_wayOut}");
        return _end > 0;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }
}
