using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>
/// A lock on a file, which is made for it. The kernel gives it up when the process is gone, however it ended, and keeps it while the
/// process stands still. A file that was removed by whoever held it before is not taken for the one of that name now.
/// </summary>
public sealed class FileLock : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _file;

    private FileLock(string path, SafeFileHandle file) => (_path, _file) = (path, file);

    /// <summary>The file is removed when the lock is given up: nobody needs it any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Takes the lock, or says that somebody else has it.</summary>
    /// <exception cref="StoreException">The file cannot be made, or the file system has no locks.</exception>
    public static FileLock? TryTake(string path) => Take(path, waits: false);

    /// <summary>Takes the lock of a name that nobody has a use for but to look whether it is left over: waits until they have
    /// looked.</summary>
    /// <inheritdoc cref="TryTake" path="/exception"/>
    public static FileLock Take(string path) => Take(path, waits: true)!;

    private static FileLock? Take(string path, bool waits)
    {
        try
        {
            while (true)
            {
                var file = Posix.OpenOrCreate(path);
                if (!Posix.TryLock(file, waits))
                {
                    file.Dispose();
                    return null;
                }
                if (Posix.Status(path) is { } now && now.Identity == Posix.Status(file).Identity) return new(path, file);
                // Removed between the opening and the lock. The name is free, or another file's.
                file.Dispose();
            }
        }
        catch (PosixException failure) when (failure.Errno is Libc.ENOLCK or Libc.EOPNOTSUPP or Libc.ENOSYS or Libc.EBADF)
        {
            throw new StoreException(StoreFailure.Refused, "lock", path,
                "the file system has no locks (flock): use one that has, such as CephFS", failure);
        }
        catch (PosixException failure)
        {
            throw FileSystemFailure.Of("lock", path, failure);
        }
    }

    public void Dispose()
    {
        // While it is held: whoever waits for it sees that the name is not this file's any more.
        if (_file.IsClosed) return;
        if (IsOver) FileSystemStore.TryRemove(_path);
        Posix.Unlock(_file);
        _file.Dispose();
    }
}
