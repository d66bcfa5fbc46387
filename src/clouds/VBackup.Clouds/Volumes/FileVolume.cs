using Microsoft.Win32.SafeHandles;
using VBackup.Primitives;

namespace VBackup.Clouds.Volumes;

/// <summary>A raw image file or a block device.</summary>
public sealed class FileVolume : IVolumeReader, IVolumeWriter
{
    private const int ZeroPieceSize = 1024 * 1024;
    private readonly SafeFileHandle _file;
    private readonly bool _isDevice;
    private readonly long? _lengthAtTheEnd;
    private readonly Lock _seeking = new();
    private byte[]? _zeros;

    private FileVolume(string path, SafeFileHandle file, bool isDevice, long lengthBytes, bool isAllZero, long? lengthAtTheEnd)
    {
        Description = path;
        _file = file;
        _isDevice = isDevice;
        LengthBytes = lengthBytes;
        IsAllZero = isAllZero;
        _lengthAtTheEnd = lengthAtTheEnd;
    }

    public string Description { get; }
    public long LengthBytes { get; }
    public bool IsAllZero { get; }

    /// <summary>Opens a source.</summary>
    /// <exception cref="IOException">No such file, or it cannot be read.</exception>
    public static FileVolume OpenSource(string path)
    {
        RefuseOtherThanFilesAndDevices(path);
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.None);
        return new(path, file, IsDevice(file), NativeFile.End(file), isAllZero: false, lengthAtTheEnd: null);
    }

    /// <summary>Opens a target of at least <paramref name="lengthBytes"/>; a file that does not exist is made.</summary>
    /// <exception cref="IOException">It is too small, or cannot be written.</exception>
    public static FileVolume OpenTarget(string path, long lengthBytes)
    {
        RefuseOtherThanFilesAndDevices(path);
        var isNew = !File.Exists(path);
        var file = File.OpenHandle(
            path, isNew ? FileMode.CreateNew : FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, FileOptions.None);
        try
        {
            var end = NativeFile.End(file);
            var isDevice = IsDevice(file);
            if (isNew) RandomAccess.SetLength(file, lengthBytes);
            else if (end < lengthBytes)
                throw new IOException($"{path} has {end} bytes, the volume {lengthBytes}: the target is smaller than the volume");
            // A larger file becomes as long as the volume; a larger device keeps what lies behind it.
            return new(path, file, isDevice, lengthBytes, isAllZero: isNew, isDevice || end <= lengthBytes ? null : lengthBytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public IEnumerable<Extent> AllocatedExtents()
    {
        for (long at = 0; at < LengthBytes;)
        {
            long data, hole;
            var length = LengthBytes;
            int error;
            // The file's position is shared; seeking moves it, reading by offset does not.
            lock (_seeking)
            {
                data = NativeFile.NextData(_file, at, out error);
                hole = data < 0 ? data : NativeFile.NextHole(_file, data, out var holeError) is var found && holeError == 0 ? found : LengthBytes;
                if (data < 0 && error == NativeFile.NoSuchData) length = NativeFile.End(_file);
            }
            // What was cut off meanwhile must not pass for a hole at the end.
            if (length < LengthBytes) throw new IOException($"{Description} became shorter while it was read: it ends at {length}");
            if (data < 0 && error == NativeFile.NoSuchData) yield break;
            if (data < 0)
            {
                // Not every file system and device knows its holes; then everything counts as data.
                yield return new(at, LengthBytes - at);
                yield break;
            }
            var end = Math.Min(hole, LengthBytes);
            if (data >= end) yield break;
            yield return new(data, end - data);
            at = end;
        }
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        for (var done = 0; done < buffer.Length;)
        {
            var read = RandomAccess.Read(_file, buffer.Span[done..], offset + done);
            if (read == 0) throw new IOException($"{Description} became shorter while it was read: it ends at {offset + done}");
            done += read;
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        RandomAccess.Write(_file, content.Span, offset);
        return ValueTask.CompletedTask;
    }

    public ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (range.Length == 0) return ValueTask.CompletedTask;
        var error = _isDevice
            ? NativeFile.ZeroOutDevice(_file, range.Offset, range.Length)
            : NativeFile.Punch(_file, range.Offset, range.Length);
        if (error is NativeFile.NotSupported or NativeFile.NotImplemented or NativeFile.Invalid)
        {
            WriteZeros(range, cancellation);
            return ValueTask.CompletedTask;
        }
        return error == 0
            ? ValueTask.CompletedTask
            : throw new IOException($"{Description}: {range.Length} bytes at {range.Offset} could not be made zero (error {error})");
    }

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_lengthAtTheEnd is { } length) RandomAccess.SetLength(_file, length);
        RandomAccess.FlushToDisk(_file);
        // A file that was made here is only durable with its name.
        if (IsAllZero) FileIdentity.SyncFolderOf(Description);
        return ValueTask.CompletedTask;
    }

    private void WriteZeros(Extent range, CancellationToken cancellation)
    {
        _zeros ??= new byte[ZeroPieceSize];
        for (var at = range.Offset; at < range.End;)
        {
            cancellation.ThrowIfCancellationRequested();
            var length = (int)Math.Min(ZeroPieceSize, range.End - at);
            RandomAccess.Write(_file, _zeros.AsSpan(0, length), at);
            at += length;
        }
    }

    // Opening a pipe would wait for its other end, and a character device has no length.
    private static void RefuseOtherThanFilesAndDevices(string path)
    {
        if (FileIdentity.Of(path) is { Kind: not (FileKind.RegularFile or FileKind.BlockDevice) } other)
            throw new IOException(
                $"{path} is {(other.Kind == FileKind.Folder ? "a folder" : "neither a file nor a block device")}; name a file or a block device");
    }

    // A device has an end but, for fstat, no size.
    private static bool IsDevice(SafeFileHandle file) => RandomAccess.GetLength(file) == 0 && NativeFile.End(file) > 0;

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }
}
