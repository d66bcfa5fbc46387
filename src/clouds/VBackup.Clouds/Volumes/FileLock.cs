using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Clouds.Volumes;

/// <summary>
/// A lock on a file, shared or exclusive, against all others of this process and of others. The kernel gives it free when its
/// holder dies. Each holding is an opening of its own, so two holdings of one process exclude each other as those of two do.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly FileIdentity? _identity;

    private FileLock(SafeFileHandle file, string path)
    {
        _file = file;
        _path = path;
        _identity = FileIdentity.Of(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}"));
    }

    /// <summary>False once another file has the path: then somebody else may hold that one's lock.</summary>
    public bool IsCurrent => _identity is not null && FileIdentity.Of(_path) == _identity;

    /// <returns>Null when somebody holds it in a way that excludes this one.</returns>
    public static FileLock? TryHold(string path, bool isExclusive)
    {
        var file = NativeFile.OpenLockFile(path, out var error) ?? throw Failed(path, error);
        FileLock? held = null;
        try
        {
            error = NativeFile.Lock(file, isExclusive);
            if (error is not (0 or NativeFile.Again)) throw Failed(path, error);
            // The path may have been given to another file between opening and locking.
            if (error == 0 && new FileLock(file, path) is { IsCurrent: true } current) held = current;
            return held;
        }
        finally
        {
            if (held is null) file.Dispose();
        }
    }

    /// <summary>Puts a new file in the place of the one that may be locked, and holds the new one exclusively.</summary>
    /// <remarks>REQUIRES: nobody else does so at the same time.</remarks>
    public static FileLock Replace(string path)
    {
        var fresh = path + ".new";
        File.Delete(fresh);
        var file = NativeFile.OpenLockFile(fresh, out var error) ?? throw Failed(path, error);
        try
        {
            error = NativeFile.Lock(file, isExclusive: true);
            if (error != 0) throw Failed(path, error);
            File.Move(fresh, path, overwrite: true);
            return new(file, path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static IOException Failed(string path, int error) =>
        new($"{path} could not be locked: {Marshal.GetPInvokeErrorMessage(error)}");

    public void Dispose()
    {
        if (_file.IsClosed) return;
        NativeFile.Unlock(_file);
        _file.Dispose();
    }
}
