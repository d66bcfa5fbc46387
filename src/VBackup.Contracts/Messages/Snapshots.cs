using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

[JsonConverter(typeof(JsonStringEnumConverter<SnapshotPurpose>))]
public enum SnapshotPurpose
{
    /// <summary>A backup is made of it, and the next one asks what changed since.</summary>
    [JsonStringEnumMemberName("backup")] Backup,
    /// <summary>What a restore in place can be taken back to.</summary>
    [JsonStringEnumMemberName("safety")] Safety,
    /// <summary>A user took it.</summary>
    [JsonStringEnumMemberName("manual")] Manual,
}

[JsonConverter(typeof(JsonStringEnumConverter<SnapshotState>))]
public enum SnapshotState
{
    [JsonStringEnumMemberName("taking")] Taking,
    /// <summary>It can be read and gone back to.</summary>
    [JsonStringEnumMemberName("ready")] Ready,
    /// <summary>Only what changed since can be asked for.</summary>
    [JsonStringEnumMemberName("base")] Base,
    [JsonStringEnumMemberName("removing")] Removing,
    [JsonStringEnumMemberName("removed")] Removed,
    [JsonStringEnumMemberName("failed")] Failed,
}

/// <summary>Take a server's volumes at one instant.</summary>
/// <param name="Run">Whose it is; null for one that a user asked for.</param>
/// <param name="SnapshotName">Unique in project and region.</param>
/// <param name="Disks">Names of its disks; null for all that it has.</param>
/// <param name="KeptUntil">When it goes by itself; null for never.</param>
public sealed record TakeServerSnapshot(
    SnapshotId Snapshot, RunId? Run, ProjectId Project, ServerRef Server, string SnapshotName, IReadOnlyList<string>? Disks, SnapshotPurpose Purpose,
    DateTimeOffset? KeptUntil) : IMessage
{
    public static string Name => "take-server-snapshot";
}

/// <summary>Nobody reads it any more, and what changed since is still to be told.</summary>
public sealed record KeepSnapshotAsBase(SnapshotId Snapshot) : IMessage
{
    public static string Name => "keep-snapshot-as-base";
}

/// <summary>Remove a snapshot. One that is gone is gone.</summary>
public sealed record RemoveSnapshot(SnapshotId Snapshot, ProjectId Project) : IMessage
{
    public static string Name => "remove-snapshot";
}

/// <summary>Make a server's volumes what they were.</summary>
public sealed record RollBackSnapshot(SnapshotId Snapshot, ProjectId Project) : IMessage
{
    public static string Name => "roll-back-snapshot";
}

/// <summary>A snapshot was taken for a run, or could not be.</summary>
/// <param name="Error">Why it was not; null when it was.</param>
/// <param name="Configuration">The server's, in the words of its hypervisor.</param>
/// <param name="HeldSeconds">For how long the guest stood still; null when it was not held.</param>
public sealed record SnapshotTaken(
    SnapshotId Snapshot, RunId Run, string? Error, DateTimeOffset? TakenAt, string? Consistency, double? HeldSeconds, string? ServerName,
    string? ServerState, IReadOnlyList<DiskView>? Disks, string? ConfigurationKind, string? Configuration, IReadOnlyList<string>? Notes) : IMessage
{
    public static string Name => "snapshot-taken";
}

/// <summary>A snapshot as it is now.</summary>
public sealed record SnapshotChanged(
    SnapshotId Snapshot, long Version, ProjectId Project, ServerRef Server, string SnapshotName, SnapshotPurpose Purpose, SnapshotState State,
    IReadOnlyList<DiskView> Disks, DateTimeOffset? TakenAt, DateTimeOffset? KeptUntil, string? Error) : IMessage
{
    public static string Name => "snapshot-changed";
}
