using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>
/// Calls of 64-bit Linux, with C's names and no logic. The base library has no link(2), cannot sync a folder, and turns
/// error numbers into exception types that lose them.
/// </summary>
static class Libc
{
    public const int O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0x40, O_EXCL = 0x80, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    public const int AT_FDCWD = -100, AT_STATX_FORCE_SYNC = 0x2000, AT_EMPTY_PATH = 0x1000;
    public const uint STATX_BASIC_STATS = 0x7ff;

    public const int LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8;

    public const int EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, ENXIO = 6, EBADF = 9, EAGAIN = 11, EACCES = 13, EEXIST = 17,
        ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOSPC = 28, EROFS = 30, EMLINK = 31, ENOLCK = 37,
        ENOSYS = 38, ELOOP = 40, EBADMSG = 74, EOPNOTSUPP = 95, ENOTCONN = 107, ESHUTDOWN = 108, ETIMEDOUT = 110, EHOSTDOWN = 112,
        EHOSTUNREACH = 113, ESTALE = 116, EUCLEAN = 117, EDQUOT = 122;

    [DllImport("libc", SetLastError = true)]
    public static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern nint pread(SafeFileHandle file, ref byte buffer, nint count, long offset);

    [DllImport("libc", SetLastError = true)]
    public static extern nint pwrite(SafeFileHandle file, ref readonly byte buffer, nint count, long offset);

    [DllImport("libc", SetLastError = true)]
    public static extern int fsync(SafeFileHandle file);

    [DllImport("libc", SetLastError = true)]
    public static extern int mkdir([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int link(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    [DllImport("libc", SetLastError = true)]
    public static extern int rename(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    [DllImport("libc", SetLastError = true)]
    public static extern int unlink([MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [DllImport("libc", SetLastError = true)]
    public static extern int flock(SafeFileHandle file, int operation);

    /// <param name="file">Anything on the file system.</param>
    /// <param name="status">A <c>struct statfs</c>, 120 bytes on 64-bit machines: the file system's kind in 8 bytes at 0.</param>
    [DllImport("libc", SetLastError = true)]
    public static extern int fstatfs(SafeFileHandle file, ref byte status);

    /// <param name="folder">A folder's descriptor, or <see cref="AT_FDCWD"/>.</param>
    /// <param name="path">The file.</param>
    /// <param name="flags">AT_…</param>
    /// <param name="mask">STATX_…</param>
    /// <param name="status">A <c>struct statx</c>, 256 bytes, laid out alike on every machine: links in 4 bytes at 16,
    /// mode in 2 at 28, inode in 8 at 32, size in 8 at 40, device in 8 at 136.</param>
    [DllImport("libc", SetLastError = true)]
    public static extern int statx(
        int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, ref byte status);
}
