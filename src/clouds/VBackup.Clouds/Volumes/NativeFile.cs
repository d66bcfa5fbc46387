using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Clouds.Volumes;

/// <summary>What the kernel offers for files and devices and .NET does not. Numbers are Linux's.</summary>
internal static class NativeFile
{
    public const int Interrupted = 4;           // EINTR
    public const int NoSuchData = 6;            // ENXIO
    public const int Again = 11;                // EAGAIN, also EWOULDBLOCK
    public const int Busy = 16;                 // EBUSY
    public const int OtherDevice = 18;          // EXDEV
    public const int Invalid = 22;              // EINVAL
    public const int NotForDevice = 25;         // ENOTTY
    public const int NoSpace = 28;              // ENOSPC
    public const int NotSupported = 95;         // EOPNOTSUPP
    public const int NotImplemented = 38;       // ENOSYS

    public const int PathSizeMax = 4096;        // PATH_MAX

    private const int CurrentFolder = -100;     // AT_FDCWD
    private const uint BasicStatus = 0x7ff;     // STATX_BASIC_STATS
    private const int CloseOnExec = 0x80000;    // O_CLOEXEC, for reading
    private const int PathOnly = 0x200000;      // O_PATH
    private static readonly int s_noFollow =    // O_NOFOLLOW, another bit on each kind of machine, too
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 ? 0x8000 : 0x20000;
    private const int ReadWrite = 2;            // O_RDWR
    private const int Create = 0x40;            // O_CREAT
    private const int ForOwner = 0x180;         // S_IRUSR | S_IWUSR
    private const int Exclusive = 0x80;         // O_EXCL
    private static readonly int s_direct =      // O_DIRECT, which is another bit on each kind of machine
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 ? 0x10000 : 0x4000;
    private const int SeekEnd = 2;
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int KeepSize = 1;             // FALLOC_FL_KEEP_SIZE
    private const int PunchHole = 2;            // FALLOC_FL_PUNCH_HOLE
    private const uint ZeroOut = 0x127F;        // BLKZEROOUT, _IO(0x12, 127)
    private const uint CloneFile = 0x40049409;  // FICLONE, _IOW(0x94, 9, int)
    private const int LockShared = 1;           // LOCK_SH
    private const int LockExclusive = 2;        // LOCK_EX
    private const int LockNow = 4;              // LOCK_NB
    private const int LockEnds = 8;             // LOCK_UN

    /// <summary>The end of a file or device in bytes; below 0 with the error's number when it has none.</summary>
    public static long End(SafeFileHandle file, out int error) => Seek(file, 0, SeekEnd, out error);

    /// <summary>Opens whatever has a name to look at it: neither its bytes nor its other end are touched.</summary>
    /// <param name="followsLinks">Otherwise a link that has the name is what is opened.</param>
    /// <returns>Null with the error's number.</returns>
    public static SafeFileHandle? OpenToLook(string path, bool followsLinks, out int error)
    {
        var descriptor = open(path, PathOnly | CloseOnExec | (followsLinks ? 0 : s_noFollow));
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new(descriptor, ownsHandle: true);
    }

    /// <summary>Opens a device for writing so that nobody else can have it, mounted or as part of something.</summary>
    /// <returns>Null with the error's number.</returns>
    public static SafeFileHandle? OpenDevice(string path, out int error)
    {
        var descriptor = open(path, ReadWrite | Exclusive | CloseOnExec);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new(descriptor, ownsHandle: true);
    }

    /// <summary>By this path the open file is opened once more, whatever has its name by now.</summary>
    public static string PathOf(SafeFileHandle file) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}");

    /// <summary>The same for another process of this user.</summary>
    public static string PathForOthers(SafeFileHandle file) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}");

    /// <summary>Opens an open file once more, to write past the page cache.</summary>
    /// <returns>Null where its file system offers no such thing.</returns>
    public static SafeFileHandle? OpenDirect(SafeFileHandle file)
    {
        var descriptor = open(PathOf(file), ReadWrite | s_direct | CloseOnExec);
        return descriptor < 0 ? null : new(descriptor, ownsHandle: true);
    }

    /// <returns>0, or the error's number; then nobody knows how much was written.</returns>
    public static int Write(SafeFileHandle file, ReadOnlySpan<byte> content, long offset)
    {
        while (!content.IsEmpty)
        {
            var written = pwrite(file, in MemoryMarshal.GetReference(content), content.Length, offset);
            if (written < 0)
            {
                if (Marshal.GetLastPInvokeError() is not Interrupted and var error) return error;
                continue;
            }
            // POSIX lets a write of some bytes write none only on things that are neither files nor devices.
            if (written == 0) return NoSpace;
            content = content[(int)written..];
            offset += written;
        }
        return 0;
    }

    /// <summary>The next data at or after an offset; below 0 with the error's number when there is none.</summary>
    public static long NextData(SafeFileHandle file, long offset, out int error) => Seek(file, offset, SeekData, out error);

    /// <summary>The next hole at or after an offset; the end counts as one.</summary>
    public static long NextHole(SafeFileHandle file, long offset, out int error) => Seek(file, offset, SeekHole, out error);

    /// <returns>0, or the error's number.</returns>
    public static int Punch(SafeFileHandle file, long offset, long length) =>
        fallocate(file, KeepSize | PunchHole, offset, length) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <returns>0, or the error's number.</returns>
    public static int ZeroOutDevice(SafeFileHandle device, long offset, long length)
    {
        var range = new DeviceRange { Offset = (ulong)offset, Length = (ulong)length };
        return ioctl(device, ZeroOut, ref range) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Makes a file share all blocks of another; both then change by themselves.</summary>
    /// <returns>0, or the error's number: <see cref="NotSupported"/>, <see cref="OtherDevice"/>, <see cref="Invalid"/> or
    /// <see cref="NotForDevice"/> where the file system has no such thing.</returns>
    public static int Clone(SafeFileHandle target, SafeFileHandle source) =>
        ioctl(target, CloneFile, source) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Opens a file to lock it, and makes it where there is none. .NET's own opening would lock it by itself.</summary>
    /// <returns>Null with the error's number.</returns>
    public static SafeFileHandle? OpenLockFile(string path, out int error)
    {
        var descriptor = open(path, ReadWrite | Create | CloseOnExec, ForOwner);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new(descriptor, ownsHandle: true);
    }

    /// <summary>Locks an open file against whoever opened it elsewhere, in this process or another, without waiting.</summary>
    /// <returns>0, <see cref="Again"/>, or another error's number.</returns>
    public static int Lock(SafeFileHandle file, bool isExclusive)
    {
        while (flock(file, (isExclusive ? LockExclusive : LockShared) | LockNow) != 0)
        {
            if (Marshal.GetLastPInvokeError() is not Interrupted and var error) return error;
        }
        return 0;
    }

    /// <summary>Gives a lock up by whatever descriptor it is still open. Closing alone would not: a child that another thread is just
    /// starting has the file open until it runs its own program. If it fails the closing is left.</summary>
    public static void Unlock(SafeFileHandle file) => _ = flock(file, LockEnds);

    /// <summary>Fills a <c>struct statx</c> of 256 bytes, following links.</summary>
    /// <returns>0, or the error's number.</returns>
    public static int Status(string path, byte[] status) =>
        statx(CurrentFolder, path, 0, BasicStatus, status) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>The path without links, with a zero behind it.</summary>
    public static bool RealPath(string path, byte[] resolved) => realpath(path, resolved) != 0;

    /// <returns>0, or the error's number.</returns>
    public static int SyncFolder(string folder)
    {
        var descriptor = open(folder, CloseOnExec);
        if (descriptor < 0) return Marshal.GetLastPInvokeError();
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        return fsync(handle) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    private static long Seek(SafeFileHandle file, long offset, int whence, out int error)
    {
        var result = lseek(file, offset, whence);
        error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
        return result;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct DeviceRange
    {
        public ulong Offset;
        public ulong Length;
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern long lseek(SafeFileHandle file, long offset, int whence);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint pwrite(SafeFileHandle file, in byte content, nint length, long offset);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fallocate(SafeFileHandle file, int mode, long offset, long length);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(SafeFileHandle file, nuint request, ref DeviceRange range);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(SafeFileHandle file, nuint request, SafeFileHandle argument);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int flock(SafeFileHandle file, int operation);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int statx(
        int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] status);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint realpath([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [Out] byte[] resolved);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fsync(SafeFileHandle file);
}
