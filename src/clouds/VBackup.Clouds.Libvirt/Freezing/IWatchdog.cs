namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>The holder's end of an armed watchdog; the other is another process.</summary>
internal interface IWatchdog : IAsyncDisposable
{
    /// <summary>Whether it has begun to let the guest go.</summary>
    bool HasFired { get; }

    /// <summary>Completes when it has ended, for whatever reason; never fails.</summary>
    Task Ended { get; }

    /// <summary>Ends it. REQUIRES: the guest is not frozen, and no freeze is on its way to it.</summary>
    Task ReleaseAsync();

    /// <summary>Leaves the guest to it: it lets it go now, and makes sure.</summary>
    void LeaveAlone();
}
