using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

[JsonConverter(typeof(EnumNameConverter<SnapshotPurpose>))]
public enum SnapshotPurpose
{
    /// <summary>A backup is made of it, and the next one asks what changed since.</summary>
    [JsonStringEnumMemberName("backup")] Backup,
    /// <summary>What a restore in place can be taken back to.</summary>
    [JsonStringEnumMemberName("safety")] Safety,
    /// <summary>A user took it.</summary>
    [JsonStringEnumMemberName("manual")] Manual,
}

[JsonConverter(typeof(EnumNameConverter<SnapshotState>))]
public enum SnapshotState
{
    [JsonStringEnumMemberName("taking")] Taking,
    /// <summary>It can be read and gone back to.</summary>
    [JsonStringEnumMemberName("ready")] Ready,
    /// <summary>What changed since can be asked for. It can be gone back to only where the storage still has its bytes.</summary>
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
    SnapshotId Snapshot, RunId? Run, ProjectId Project, ServerRef Server, string SnapshotName, IReadOnlyList<string>? Disks,
        SnapshotPurpose Purpose,
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

/// <summary>Make a server's volumes what they were, after a safety snapshot of what they are.</summary>
/// <param name="Disks">Names of those that are wanted; null for all that the snapshot has.</param>
public sealed record RollBackSnapshot(SnapshotId Snapshot, ProjectId Project, IReadOnlyList<string>? Disks = null) : IMessage
{
    public static string Name => "roll-back-snapshot";
}

/// <summary>A snapshot was taken for a run, or could not be.</summary>
/// <param name="Error">Why it was not; null when it was.</param>
/// <param name="Configuration">The server's, in the words of its hypervisor.</param>
/// <param name="HeldSeconds">For how long the guest stood still; null when it was not held, or nobody knows.</param>
/// <param name="Instant">What the storage calls it.</param>
/// <param name="InstantKind"><c>single</c>, <c>group</c> or <c>frozen</c>. Null of a service of an earlier version, as all that
/// follow.</param>
/// <param name="SkewSeconds">So far apart at most are the instants of two volumes.</param>
/// <param name="Processors">The server's; null too where its hypervisor does not tell.</param>
/// <param name="MemoryBytes">The server's; null too where its hypervisor does not tell.</param>
public sealed record SnapshotTaken(
    SnapshotId Snapshot, RunId Run, string? Error, DateTimeOffset? TakenAt, string? Consistency, double? HeldSeconds, string? ServerName,
    string? ServerState, IReadOnlyList<DiskView>? Disks, string? ConfigurationKind, string? Configuration, IReadOnlyList<string>? Notes,
    string? Instant = null, string? InstantKind = null, double? SkewSeconds = null, int? Processors = null, long? MemoryBytes = null)
    : IMessage
{
    public static string Name => "snapshot-taken";
}

/// <summary>A snapshot as it is now.</summary>
/// <param name="IsRollingBack">The volumes are about to be made what they were.</param>
/// <param name="RolledBackAt">When that was done last.</param>
/// <param name="Instant">What the storage calls it; null of one that is not there, and never was.</param>
public sealed record SnapshotChanged(
    SnapshotId Snapshot, long Version, ProjectId Project, ServerRef Server, string SnapshotName, SnapshotPurpose Purpose,
        SnapshotState State,
    IReadOnlyList<DiskView> Disks, DateTimeOffset? TakenAt, DateTimeOffset? KeptUntil, string? Error, bool IsRollingBack = false,
    DateTimeOffset? RolledBackAt = null, string? Instant = null) : IMessage
{
    public static string Name => "snapshot-changed";
}

/// <summary>Give a server's volumes free for deletion: what backups keep of them on the storage goes, so that the next one is
/// full.</summary>
/// <param name="Volumes">What the storage calls them; null for all. A snapshot that has any of them goes as a whole.</param>
/// <param name="RemovesAll">Also what users took, and what restores can be taken back to.</param>
public sealed record FreeVolumes(ProjectId Project, ServerRef Server, IReadOnlyList<string>? Volumes, bool RemovesAll) : IMessage
{
    public static string Name => "free-volumes";
}

/// <summary>Compare what the storage has with what is known, now.</summary>
public sealed record SurveySnapshots(string Region) : IMessage
{
    public static string Name => "survey-snapshots";
}

/// <summary>A snapshot on the storage that nobody knows of.</summary>
/// <param name="Instant">What the storage calls it.</param>
/// <param name="Volumes">What the storage calls them.</param>
/// <param name="IsOurs">Its name says that this system took it; else another one did, or one whose database is lost.</param>
/// <param name="RemovedAfter">When it is removed, if nobody knows of it by then; null for never.</param>
/// <param name="Error">Why it could not be.</param>
public sealed record OrphanView(ServerRef Server, string ServerName, string Instant, IReadOnlyList<string> Volumes, DateTimeOffset TakenAt,
    DateTimeOffset FirstSeenAt, bool IsOurs, DateTimeOffset? RemovedAfter, string? Error);

/// <summary>What the storage of a region has that nobody knows of: all of it, as long as there is not too much.</summary>
/// <param name="Version">A later report has a higher one.</param>
/// <param name="Unseen">Names of servers whose volumes could not be looked at.</param>
public sealed record SnapshotsSurveyed(
    string Region, long Version, DateTimeOffset At, IReadOnlyList<OrphanView> Orphans, IReadOnlyList<string> Unseen) : IMessage
{
    public static string Name => "snapshots-surveyed";
}
