using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>
/// Finds out whether this client may write to an image, whoever uses it, without changing what it holds. Of its header: an advisory lock of
/// rados on that object, which nobody else looks at, is taken and given back. Of its data, which may lie in a pool of their own: an object
/// is removed that is never there, which the disk refuses by the capability before it looks for it. Blocking.
/// </summary>
internal static class WriteProbe
{
    private const string LockName = "vbackup.probe", Cookie = "";
    // Of one who dies in between nothing is left.
    private static readonly struct_timeval s_limit = new() { tv_sec = 10 };

    /// <exception cref="CloudException">It may not.</exception>
    public static void Require(CephConnection connection, RbdImage image)
    {
        RequireHeader(image);
        var poolId = image.DataPoolId();
        using var data = connection.OpenPool(poolId, image.Path.Namespace);
        // Called as the image's data are, as a capability may be for a prefix; theirs end in a number of sixteen digits.
        var code = Librados.rados_remove(data, $"{image.DataPrefix()}.{LockName}");
        if (code == CephFailure.NoSuchThing) return;
        CephFailure.Check(code, "write", $"{image.Subject}: data in the pool {connection.PoolName(poolId)}");
    }

    private static void RequireHeader(RbdImage image)
    {
        var header = image.HeaderObject();
        var code = Librados.rados_lock_exclusive(image.Context, header, LockName, Cookie, "", in s_limit, 0);
        // Another one asks just now, and whoever is told so may write.
        if (code is CephFailure.Busy or CephFailure.ThereAlready) return;
        CephFailure.Check(code, "rados_lock", image.Subject);
        code = Librados.rados_unlock(image.Context, header, LockName, Cookie);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rados_unlock", image.Subject);
    }
}
