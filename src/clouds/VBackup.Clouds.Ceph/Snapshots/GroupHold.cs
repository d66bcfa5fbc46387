using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>
/// Keeps a group that is prepared, and of which there is no snapshot yet, from being removed as one that somebody left. Whoever takes an
/// instant holds all its images, beside others who do so too; whoever removes an empty group holds one of its images alone. Nobody waits
/// for a hold while having one, and those who take never exclude each other: so there is no deadlock. The hold of one who
/// died ends by itself; the cluster's clock counts.
/// </summary>
/// <remarks>An advisory lock of rados on the image's header object. Blocking. REQUIRES: an image that is held for the first time is open
/// for writing, so that nobody removes it and a header is made anew.</remarks>
internal static unsafe class GroupHold
{
    /// <summary>Longer than a guest may be held for a snapshot.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private const string LockName = "vbackup.group", Tag = "";
    private const byte MayRenew = 1, MustRenew = 2;     // LIBRADOS_LOCK_FLAG_…
    private static readonly struct_timeval s_limit = new() { tv_sec = (long)Limit.TotalSeconds };

    /// <summary>By whoever takes an instant of that name.</summary>
    /// <returns>False while somebody holds the image alone.</returns>
    public static bool TryHold(RbdImage image, string instant) => IsGiven(Share(image, instant, MayRenew), image);

    /// <summary>By whoever is about to remove an empty group.</summary>
    /// <returns>False while somebody else holds the image.</returns>
    public static bool TryHoldAlone(RbdImage image, string cookie) => IsGiven(
        Librados.rados_lock_exclusive(image.Context, image.HeaderObject(), LockName, cookie, "", in s_limit, MayRenew), image);

    /// <summary>Whether the image was held all the time; it is from now on for as long again.</summary>
    public static bool StillHolds(RbdImage image, string instant)
    {
        var code = Share(image, instant, MustRenew);
        return code != CephFailure.NoSuchThing && IsGiven(code, image);
    }

    /// <summary>What is not held is no error.</summary>
    public static void LetGo(RbdImage image, string cookie)
    {
        var code = Librados.rados_unlock(image.Context, image.HeaderObject(), LockName, cookie);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rados_unlock", image.Subject);
    }

    /// <summary>By whoever removes an instant: nobody is taking it any more, also one who died at it or does not know yet.</summary>
    public static void Break(RbdImage image, string instant)
    {
        var header = image.HeaderObject();
        var holders = LockHolder.Listed(
            (byte* tag, ref nuint tagSize, byte* clients, ref nuint clientsSize, byte* cookies, ref nuint cookiesSize, byte* addresses,
                ref nuint addressesSize) => Librados.rados_list_lockers(image.Context, header, LockName, out _, tag, ref tagSize, clients,
                ref clientsSize, cookies, ref cookiesSize, addresses, ref addressesSize), "rados_list_lockers", image.Subject);
        foreach (var holder in holders.Where(holder => holder.Cookie == instant))
        {
            var code = Librados.rados_break_lock(image.Context, header, LockName, holder.Client, instant);
            // Let go meanwhile: then there is nothing to break.
            if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rados_break_lock", image.Subject);
        }
    }

    private static int Share(RbdImage image, string instant, byte flags) =>
        Librados.rados_lock_shared(image.Context, image.HeaderObject(), LockName, instant, Tag, "", in s_limit, flags);

    private static bool IsGiven(int code, RbdImage image)
    {
        if (code == CephFailure.Busy) return false;
        CephFailure.Check(code, "rados_lock", image.Subject);
        return true;
    }
}

/// <summary>Somebody else is about to take an instant with a group, or removes one: to be tried again.</summary>
internal sealed class GroupHeldException(string subject, string reason) : Exception($"{subject}: {reason}")
{
    public CloudException AsFailure() => new(CloudFailure.InUse, "take", subject, reason, this);
}
