namespace VBackup.Vault.Stores;

static class FileSystemFailure
{
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
}
