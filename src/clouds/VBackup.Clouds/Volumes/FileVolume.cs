using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VBackup.Primitives;

namespace VBackup.Clouds.Volumes;

/// <summary>
/// A raw image file or a block device. Writes that are aligned in offset, length and memory go past the page cache where
/// the file system can do that: filling the cache costs more than decompressing what goes into it.
/// </summary>
public sealed class FileVolume : IVolumeReader, IVolumeWriter, IDisposable
{
    private const int ZeroPieceSize = 1024 * 1024;
    private const long ZeroSpan = 1L << 30;
    private const int DirectAlignment = 4096;   // No sector is larger; smaller ones divide it.
    private readonly SafeFileHandle _file;
    private readonly SafeFileHandle? _direct;
    private readonly bool _isDevice;
    private readonly long? _lengthAtTheEnd;
    private readonly Lock _seeking = new();
    private byte[]? _zeros;
    private volatile bool _wasWritten;

    private FileVolume(
        string path, SafeFileHandle file, SafeFileHandle? direct, bool isDevice, long lengthBytes, bool isAllZero, long? lengthAtTheEnd)
    {
        Description = path;
        _file = file;
        _direct = direct;
        _isDevice = isDevice;
        LengthBytes = lengthBytes;
        IsAllZero = isAllZero;
        _lengthAtTheEnd = lengthAtTheEnd;
    }

    public string Description { get; }
    public long LengthBytes { get; }
    public bool IsAllZero { get; }

    /// <summary>Whether the file was made when it was opened as a target.</summary>
    public bool IsNew => IsAllZero;

    /// <summary>Whether anything was written, or tried to be, since it was opened.</summary>
    public bool WasWritten => _wasWritten;

    /// <summary>A path by which a program that this process starts opens this very file, as long as it is open here. Its name may be
    /// another file's by then.</summary>
    public string PathForPrograms => NativeFile.PathForOthers(_file);

    /// <summary>Opens a source.</summary>
    /// <param name="followsLinks">As of <see cref="NamedFile.OpenToRead"/>.</param>
    /// <exception cref="IOException">No such file, it cannot be read, or nobody knows where it ends.</exception>
    public static FileVolume OpenSource(string path, bool followsLinks = true)
    {
        var file = NamedFile.OpenToRead(path, allowsDevices: true, followsLinks);
        try
        {
            var end = EndOf(path, file);
            // What the kernel makes up while it is read, as below /proc, is nothing to back up, least of all as an empty volume.
            if (end == 0 && RandomAccess.Read(file, new byte[1], 0) > 0)
                throw new IOException($"{path} holds bytes but has no length: name an image file or a block device");
            return new(path, file, direct: null, IsDevice(NativeFile.PathOf(file)), end, isAllZero: false, lengthAtTheEnd: null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>That the file, which stays as it is, may be written by this process.</summary>
    /// <exception cref="UnauthorizedAccessException">It may not.</exception>
    internal static void RequireWritable(string path)
    {
        RefuseOtherThanFilesAndDevices(path);
        File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite).Dispose();
    }

    /// <summary>The <see cref="Exception.HResult"/> of a file that its file system does not allow to be so long: EFBIG.</summary>
    public const int TooLong = 27;

    /// <summary>Opens a target of at least <paramref name="lengthBytes"/>; a file that does not exist is made, for its owner's
    /// eyes only. When this fails, nothing was made.</summary>
    /// <exception cref="IOException">It is too small, in use, or cannot be written.</exception>
    public static FileVolume OpenTarget(string path, long lengthBytes) => OpenTarget(path, lengthBytes, isShared: false);

    /// <param name="isShared">Others may have it open too, because something else than the file sees to it that one writes.</param>
    internal static FileVolume OpenTarget(string path, long lengthBytes, bool isShared)
    {
        RefuseOtherThanFilesAndDevices(path);
        var identity = FileIdentity.Of(path);
        var isDevice = identity is { Kind: FileKind.BlockDevice };
        var isNew = identity is null && !File.Exists(path);
        if (identity is null && new FileInfo(path).LinkTarget is { } nowhere)
            throw new IOException($"{path} is a link to {nowhere}, which is not there: remove the link, or name another target");
        using var made = isNew ? MakeForOwner(path) : null;
        // Where others may write to the folder, the name may be a link by now, to whatever they want to be overwritten.
        var at = made is null ? path : NativeFile.PathOf(made.SafeFileHandle);
        SafeFileHandle? file = null;
        try
        {
            file = isDevice
                ? OpenDevice(path, identity!.Value)
                : isShared ? File.OpenHandle(at, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite)
                : OpenForOneWriter(at, path);
            // Whoever tidies up may have taken it for one that was left, before it was locked.
            if (isNew && FileIdentity.Of(path) != FileIdentity.Of(at))
                throw new TargetInUseException($"{path} was taken away while it was made: name another target, or try again");
            var end = EndOf(path, file);
            if (isNew) SetLength(file, path, lengthBytes);
            else if (end < lengthBytes)
                throw new IOException($"{path} has {end} bytes, the volume {lengthBytes}: the target is smaller than the volume");
            // A larger file becomes as long as the volume; a larger device keeps what lies behind it.
            return new(path, file, NativeFile.OpenDirect(file), isDevice, lengthBytes, isAllZero: isNew,
                isDevice || end <= lengthBytes ? null : lengthBytes);
        }
        catch (Exception failure)
        {
            file?.Dispose();
            // Somebody who was quicker has it now.
            if (isNew && failure is not TargetInUseException) File.Delete(path);
            throw;
        }
    }

    /// <exception cref="IOException"><see cref="TooLong"/>: its file system has no files of that length.</exception>
    internal static void SetLength(SafeFileHandle file, string path, long lengthBytes)
    {
        try
        {
            RandomAccess.SetLength(file, lengthBytes);
        }
        catch (ArgumentOutOfRangeException tooLong)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture,
                $"{path}: its file system has no files of {lengthBytes} bytes ({lengthBytes / (double)(1L << 40):0.#} TiB): ext4 ends at "
                    + $"16 TiB, XFS at 8 EiB"), tooLong) { HResult = TooLong };
        }
    }

    // Two restores into one file would make a mixture, and both be told that all is well. A device is opened for one as well.
    private static SafeFileHandle OpenForOneWriter(string at, string path)
    {
        try
        {
            return File.OpenHandle(at, FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.None);
        }
        catch (IOException busy) when (busy.HResult == NativeFile.Again)
        {
            throw new TargetInUseException($"{path} is being written or read by another program: wait for it, or name another target");
        }
    }

    private sealed class TargetInUseException(string message) : IOException(message);

    public IEnumerable<Extent> AllocatedExtents(long from = 0)
    {
        for (var at = from; at < LengthBytes;)
        {
            long data, hole;
            var length = LengthBytes;
            int error;
            // The file's position is shared; seeking moves it, reading by offset does not.
            lock (_seeking)
            {
                data = NativeFile.NextData(_file, at, out error);
                hole = data < 0 ? data : NativeFile.NextHole(_file, data, out var holeError) is var found && holeError == 0 ? found
                    : LengthBytes;
                if (data < 0 && error == NativeFile.NoSuchData) length = EndOf(Description, _file);
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
        _wasWritten = true;
        if (_direct is null || !IsAligned(offset) || !IsAligned(content.Length) || !TryWriteDirect(offset, content.Span))
            RandomAccess.Write(_file, content.Span, offset);
        return ValueTask.CompletedTask;
    }

    private static bool IsAligned(long value) => value % DirectAlignment == 0;

    private bool TryWriteDirect(long offset, ReadOnlySpan<byte> content) => NativeFile.Write(_direct!, content, offset) switch
    {
        0 => true,
        // The memory or the range is not as this file system wants it; the piece is written again, through the cache.
        NativeFile.Invalid => false,
        var error => throw new IOException(
            $"{Description}: {content.Length} bytes could not be written at {offset}: {Marshal.GetPInvokeErrorMessage(error)}", error),
    };

    public ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        for (var at = range.Offset; at < range.End;)
        {
            // A device without a command for it writes zeros; that may take hours, and nothing stops the kernel at it.
            cancellation.ThrowIfCancellationRequested();
            _wasWritten = true;
            var end = Math.Min(at + ZeroSpan - at % ZeroSpan, range.End);
            // Devices take whole sectors. What is left of the last one is small enough to be written.
            var whole = _isDevice && end % DirectAlignment != 0 && end - end % DirectAlignment > at ? end - end % DirectAlignment : end;
            ZeroPiece(new(at, whole - at), cancellation);
            at = whole;
        }
        return ValueTask.CompletedTask;
    }

    private void ZeroPiece(Extent range, CancellationToken cancellation)
    {
        var error = _isDevice
            ? NativeFile.ZeroOutDevice(_file, range.Offset, range.Length)
            : NativeFile.Punch(_file, range.Offset, range.Length);
        if (error is NativeFile.NotSupported or NativeFile.NotImplemented or NativeFile.Invalid) WriteZeros(range, cancellation);
        else if (error != 0)
            throw new IOException(
                $"{Description}: {range.Length} bytes at {range.Offset} could not be made zero: {Marshal.GetPInvokeErrorMessage(error)}",
                    error);
    }

    // Nobody can take over a plain file: its writers know of each other no more than those of any.
    public Task<bool> IsShutOutAsync(CancellationToken cancellation) => Task.FromResult(false);

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_lengthAtTheEnd is { } length)
        {
            _wasWritten = true;
            RandomAccess.SetLength(_file, length);
        }
        RandomAccess.FlushToDisk(_file);
        // A file that was made here is only durable with its name.
        if (IsAllZero) FileIdentity.SyncFolderOf(Description);
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes an empty file share all blocks of this one.</summary>
    /// <returns>As <see cref="NativeFile.Clone"/>.</returns>
    internal int CloneTo(SafeFileHandle target) => NativeFile.Clone(target, _file);

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
                $"{path} is {(other.Kind == FileKind.Folder ? "a folder" : "neither a file nor a block device")}; name a file or a block "
                    + "device");
    }

    private static bool IsDevice(string path) => FileIdentity.Of(path) is { Kind: FileKind.BlockDevice };

    private static long EndOf(string path, SafeFileHandle file) => NativeFile.End(file, out var error) is >= 0 and var end
        ? end
        : throw new IOException(
            $"{path} has no length ({Marshal.GetPInvokeErrorMessage(error)}): name an image file or a block device");

    // A volume may hold anybody's secrets. The file is empty until it is opened again.
    private static FileStream MakeForOwner(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var made = new FileStream(path, options);
        // So that it can be locked by its second opening.
        NativeFile.Unlock(made.SafeFileHandle);
        return made;
    }

    // Writing below a mounted file system would destroy it, and both sides would be told that all is well.
    private static SafeFileHandle OpenDevice(string path, FileIdentity device)
    {
        if (IsReadOnly(device)) throw new IOException($"{path} is a read-only device: name one that can be written");
        return NativeFile.OpenDevice(path, out var error) ?? throw new IOException(error == NativeFile.Busy
            ? $"{path} is in use or mounted: unmount it first, or name another target"
            : $"{path} cannot be opened for writing: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    // Opening one would fail as if only this user might not write to it, and not on every kernel.
    private static bool IsReadOnly(FileIdentity device)
    {
        var flag = string.Create(CultureInfo.InvariantCulture, $"/sys/dev/block/{device.Major}:{device.Minor}/ro");
        return File.Exists(flag) && File.ReadAllText(flag).StartsWith('1');
    }

    public void Dispose()
    {
        _direct?.Dispose();
        _file.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
