using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph;

/// <summary>The one place where what Ceph's libraries return becomes an exception. Numbers are Linux's, negative.</summary>
internal static class CephFailure
{
    public const int NoPermission = -1;         // EPERM
    public const int NoSuchThing = -2;          // ENOENT
    public const int Denied = -13;              // EACCES
    public const int Busy = -16;                // EBUSY
    public const int ThereAlready = -17;        // EEXIST
    public const int Invalid = -22;             // EINVAL
    public const int NoSpace = -28;             // ENOSPC
    public const int ReadOnly = -30;            // EROFS
    public const int OutOfRange = -34;          // ERANGE
    public const int NotImplemented = -38;      // ENOSYS
    public const int NotEmpty = -39;            // ENOTEMPTY
    public const int NotSupported = -95;        // EOPNOTSUPP
    public const int ShutOut = -108;            // ESHUTDOWN, which Ceph calls EBLOCKLISTED
    public const int TimedOut = -110;           // ETIMEDOUT
    public const int OverQuota = -122;          // EDQUOT

    /// <summary>Passes on what is no error.</summary>
    /// <param name="call">The library's function.</param>
    /// <param name="subject">What it was called for, as a user names it.</param>
    public static int Check(int code, string call, string subject)
    {
        BoundedCalls.Advance();
        return code >= 0 ? code : throw Of(code, call, subject);
    }

    public static CloudException Of(long code, string call, string subject)
    {
        var (failure, reason) = code switch
        {
            NoSuchThing => (CloudFailure.NotFound, "there is no such thing"),
            ThereAlready => (CloudFailure.Exists, "there is one already"),
            Busy => (CloudFailure.InUse, "somebody uses it"),
            NotEmpty => (CloudFailure.InUse, "it has snapshots"),
            ReadOnly => (CloudFailure.InUse, "somebody else holds its lock"),
            ShutOut => (CloudFailure.InUse, "the cluster has shut this client out (blocklisted): an operator did, or who broke its lock"),
            NoPermission or Denied => (CloudFailure.NotAllowed, "the Ceph user may not do that, or its key is wrong"),
            NoSpace => (CloudFailure.Full, "the pool is full"),
            OverQuota => (CloudFailure.Full, "the pool's quota is used up"),
            TimedOut => (CloudFailure.TimedOut, "the cluster gave no answer in time"),
            NotSupported or NotImplemented => (CloudFailure.NotSupported, "this image or cluster cannot do that"),
            _ => (CloudFailure.Other, Marshal.GetPInvokeErrorMessage((int)-code)),
        };
        return new(failure, call, subject, $"{reason} (error {-code})") { HResult = (int)code };
    }
}
