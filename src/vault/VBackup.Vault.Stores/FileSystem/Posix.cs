using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>A system call that failed.</summary>
sealed class PosixException(string call, int errno)
    : Exception($"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    public int Errno { get; } = errno;
}

/// <summary>What statx(2) says of a file.</summary>
/// <param name="Identity">The device and the file on it, the same by whatever path it was reached.</param>
readonly record struct FileStatus(
    bool IsRegularFile, bool IsFolder, long LengthBytes, int Links, (long Device, long File) Identity);

/// <summary>System calls that finish what they began and throw <see cref="PosixException"/>.</summary>
static class Posix
{
    const uint FileMode = 0b110_110_110, FolderMode = 0b111_111_111; // less the umask

    /// <summary>Opens whatever has this name, and waits for nobody: a pipe that lies there would keep the caller until somebody
    /// writes to it. Of files and folders the flag means nothing.</summary>
    public static SafeFileHandle OpenForReading(string path) => Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK | Libc.O_CLOEXEC);

    /// <summary>Creates a file for writing that must not exist yet.</summary>
    public static SafeFileHandle Create(string path) =>
        Open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC);

    public static SafeFileHandle OpenOrCreate(string path) => Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC);

    /// <summary>Locks a file for whoever has opened it so, for as long as it is open.</summary>
    /// <returns>False when somebody else has the lock; never when it waits.</returns>
    public static bool TryLock(SafeFileHandle file, bool waits)
    {
        while (Libc.flock(file, waits ? Libc.LOCK_EX : Libc.LOCK_EX | Libc.LOCK_NB) != 0)
        {
            if (!waits && Marshal.GetLastPInvokeError() == Libc.EAGAIN)
                return false;
            ThrowUnlessInterrupted("flock");
        }
        return true;
    }

    /// <summary>Gives a lock up by whatever descriptor it is still open. Closing alone would not: a child that another thread is just
    /// starting has the file open until it runs its own program. If it fails the closing is left.</summary>
    public static void Unlock(SafeFileHandle file) => _ = Libc.flock(file, Libc.LOCK_UN);

    static SafeFileHandle Open(string path, int flags)
    {
        while (true)
        {
            int file = Libc.open(path, flags, FileMode);
            if (file >= 0)
                return new SafeFileHandle(file, ownsHandle: true);
            ThrowUnlessInterrupted("open");
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    public static int Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            var rest = buffer[done..];
            nint read = Libc.pread(file, ref MemoryMarshal.GetReference(rest), rest.Length, offset + done);
            if (read == 0)
                break;
            if (read < 0)
                ThrowUnlessInterrupted("pread");
            else
                done += (int)read;
        }
        return done;
    }

    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> content, long offset)
    {
        int done = 0;
        while (done < content.Length)
        {
            var rest = content[done..];
            nint written = Libc.pwrite(file, in MemoryMarshal.GetReference(rest), rest.Length, offset + done);
            if (written < 0)
                ThrowUnlessInterrupted("pwrite");
            else
                done += (int)written;
        }
    }

    /// <summary>After a failure here the file's content is unknown, even if a second fsync succeeds.</summary>
    public static void Sync(SafeFileHandle file)
    {
        while (Libc.fsync(file) != 0)
            ThrowUnlessInterrupted("fsync");
    }

    /// <summary>Makes the names in a folder durable.</summary>
    public static void SyncFolder(string path)
    {
        using var folder = OpenForReading(path);
        try
        {
            Sync(folder);
        }
        catch (PosixException e) when (e.Errno is Libc.EINVAL or Libc.EOPNOTSUPP)
        {
            // The file system cannot sync folders (some network ones): their names are as durable as it makes them.
        }
    }

    /// <returns>False when there is something of that name.</returns>
    public static bool TryMakeFolder(string path)
    {
        if (Libc.mkdir(path, FolderMode) == 0)
            return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Libc.EEXIST ? false : throw new PosixException("mkdir", errno);
    }

    public static void Rename(string from, string to)
    {
        if (Libc.rename(from, to) != 0)
            throw new PosixException("rename", Marshal.GetLastPInvokeError());
    }

    /// <returns>False when there is a file of that name already.</returns>
    public static bool TryLink(string from, string to)
    {
        if (Libc.link(from, to) == 0)
            return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Libc.EEXIST ? false : throw new PosixException("link", errno);
    }

    /// <returns>False when there was no such file.</returns>
    public static bool TryUnlink(string path)
    {
        if (Libc.unlink(path) == 0)
            return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno is Libc.ENOENT or Libc.ENOTDIR ? false : throw new PosixException("unlink", errno);
    }

    /// <summary>Null when there is nothing of that name. A network file system is asked, not its cache.</summary>
    public static FileStatus? Status(string path) => Status(Libc.AT_FDCWD, path, Libc.AT_STATX_FORCE_SYNC);

    public static FileStatus Status(SafeFileHandle file)
    {
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            return Status((int)file.DangerousGetHandle(), "", Libc.AT_EMPTY_PATH)
                ?? throw new PosixException("statx", Libc.ENOENT);
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
    }

    static FileStatus? Status(int folder, string path, int flags)
    {
        Span<byte> status = stackalloc byte[256];
        status.Clear();
        if (Libc.statx(folder, path, flags, Libc.STATX_BASIC_STATS, ref MemoryMarshal.GetReference(status)) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            return errno is Libc.ENOENT or Libc.ENOTDIR ? null : throw new PosixException("statx", errno);
        }
        const int Kind = 0xF000, RegularFile = 0x8000, Folder = 0x4000;
        int kind = BinaryPrimitives.ReadUInt16LittleEndian(status[28..]) & Kind;
        return new FileStatus(kind == RegularFile, kind == Folder,
            BinaryPrimitives.ReadInt64LittleEndian(status[40..]), BinaryPrimitives.ReadInt32LittleEndian(status[16..]),
            (BinaryPrimitives.ReadInt64LittleEndian(status[136..]), BinaryPrimitives.ReadInt64LittleEndian(status[32..])));
    }

    /// <summary>Whether a file lies on a disk of this machine, or in its memory, as far as its file system's kind tells (the numbers of
    /// <c>linux/magic.h</c>). One of an unknown kind may be anywhere.</summary>
    public static bool IsOnLocalDisk(SafeFileHandle file)
    {
        const long Ext = 0xEF53, Xfs = 0x58465342, Btrfs = 0x9123683E, Zfs = 0x2FC12FC1, F2fs = 0xF2F52010, Bcachefs = 0xCA451A4E,
            Overlay = 0x794C7630, Tmpfs = 0x01021994, Ramfs = 0x858458F6;
        Span<byte> status = stackalloc byte[256];
        status.Clear();
        return Libc.fstatfs(file, ref MemoryMarshal.GetReference(status)) == 0 && BinaryPrimitives.ReadInt64LittleEndian(status)
            is Ext or Xfs or Btrfs or Zfs or F2fs or Bcachefs or Overlay or Tmpfs or Ramfs;
    }

    static void ThrowUnlessInterrupted(string call)
    {
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Libc.EINTR)
            throw new PosixException(call, errno);
    }
}
