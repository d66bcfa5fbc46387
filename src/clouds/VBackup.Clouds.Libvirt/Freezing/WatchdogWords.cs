namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>What watchdog and holder say to each other, a line each.</summary>
internal static class WatchdogWords
{
    /// <summary>To the holder: from now on the guest will be let go. It may be frozen.</summary>
    public const string Armed = "armed";

    /// <summary>To the holder: the guest is being let go now.</summary>
    public const string Thawing = "thawing";

    /// <summary>To the holder: the guest was let go and says so itself.</summary>
    public const string Thawed = "thawed";

    /// <summary>To the holder, followed by the reason: nothing watches.</summary>
    public const string Failed = "failed: ";

    /// <summary>To the watchdog: the guest is not frozen, for certain, and nobody will freeze it; go.</summary>
    public const string Release = "release";
}
