using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Snapshots;

/// <summary>How several volumes were caught at one instant.</summary>
public enum InstantKind
{
    /// <summary>One volume only: any snapshot of it is an instant.</summary>
    OneVolume,
    /// <summary>The storage held all of them at once.</summary>
    Group,
}

/// <summary>One or more volumes as they were at one instant.</summary>
/// <param name="IsComplete">False for what an interrupted taking or removing left: it can be removed, nothing else.</param>
/// <param name="IsReadable">False for one of which only what changed since is known: a base, and nothing to go back to.</param>
public sealed record Instant(
    string Name, InstantKind Kind, DateTimeOffset TakenAt, IReadOnlyList<VolumeId> Volumes, bool IsComplete, bool IsReadable = true);

/// <summary>What is known about changes between two instants.</summary>
public abstract record ChangeAnswer
{
    private ChangeAnswer() { }

    /// <summary>Only these ranges changed.</summary>
    public sealed record Known(Extents Extents) : ChangeAnswer;

    /// <summary>Tracking is lost: everything must be read.</summary>
    /// <param name="Reason">Why, for people.</param>
    public sealed record Lost(string Reason) : ChangeAnswer;
}
