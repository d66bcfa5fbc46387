using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>Finds out whether this client may write to an image, whoever uses it: an advisory lock of rados on the image's header object,
/// which nobody else looks at, is taken and given back. Blocking.</summary>
internal static class WriteProbe
{
    private const string LockName = "vbackup.probe", Cookie = "";
    // Of one who dies in between nothing is left.
    private static readonly struct_timeval s_limit = new() { tv_sec = 10 };

    /// <exception cref="CloudException">It may not.</exception>
    public static void Require(RbdImage image)
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
