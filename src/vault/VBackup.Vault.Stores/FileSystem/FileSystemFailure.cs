namespace VBackup.Vault.Stores;

static class FileSystemFailure
{
    public static StoreException Of(StoreOperation operation, string name, PosixException e) =>
        IsOfTheContent(operation, e.Errno)
            ? operation.Failed(StoreFailure.Unreadable, name, e.Message, e)
            : Of(operation.Verb(), name, e);

    public static StoreException Of(string operation, string name, PosixException e)
    {
        var failure = e.Errno switch
        {
            Libc.ENOENT or Libc.ENOTDIR or Libc.EISDIR => StoreFailure.NotFound,
            Libc.ENOSPC or Libc.EDQUOT => StoreFailure.Full,
            Libc.EACCES or Libc.EPERM or Libc.EROFS => StoreFailure.Refused,
            Libc.EAGAIN or Libc.ENFILE or Libc.EMFILE or Libc.ETIMEDOUT or Libc.ESTALE => StoreFailure.Transient,
            Libc.ENOTCONN or Libc.ESHUTDOWN or Libc.EHOSTDOWN or Libc.EHOSTUNREACH => StoreFailure.Unreachable,
            _ => StoreFailure.Other,
        };
        return new StoreException(failure, operation, name, e.Message, e);
    }

    // What disks say of a bad sector, and btrfs, ZFS and XFS of what does not fit its checksum. Of a write, of a folder or of a
    // listing it says that nothing can be relied on, and stays an error of the whole store.
    static bool IsOfTheContent(StoreOperation operation, int errno) =>
        operation is StoreOperation.Read or StoreOperation.ReadTail or StoreOperation.Get
            && errno is Libc.EIO or Libc.EUCLEAN or Libc.EBADMSG;
}
