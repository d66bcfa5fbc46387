namespace VBackup.Edge.Backups;

/// <summary>How a server's volumes were caught at one instant, as points and messages say it.</summary>
public static class InstantKinds
{
    /// <summary>There is one volume only.</summary>
    public const string OneVolume = "single";

    /// <summary>The storage took all of them at once, or the server was shut down.</summary>
    public const string Group = "group";

    /// <summary>The storage took one after another, and stops nobody who writes meanwhile: the guest was frozen, or paused, from the first
    /// to the last. How far they are apart was measured.</summary>
    public const string Frozen = "frozen";
}
