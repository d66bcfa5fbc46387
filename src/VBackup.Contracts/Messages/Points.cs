using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

[JsonConverter(typeof(EnumNameConverter<RestorePointState>))]
public enum RestorePointState
{
    /// <summary>Its run is not over.</summary>
    [JsonStringEnumMemberName("creating")] Creating,
    /// <summary>It can be restored.</summary>
    [JsonStringEnumMemberName("active")] Active,
    /// <summary>Its run did not succeed; there is nothing of it.</summary>
    [JsonStringEnumMemberName("failed")] Failed,
    /// <summary>Deleted, and can be brought back until it is purged.</summary>
    [JsonStringEnumMemberName("softDeleted")] SoftDeleted,
    [JsonStringEnumMemberName("deleted")] Deleted,
    /// <summary>The key that it needs was erased: it is stored, and nobody can read it.</summary>
    [JsonStringEnumMemberName("erased")] Erased,
}

/// <summary>A volume of a point.</summary>
/// <param name="FullBecause">Why it was read in full although only what changed was asked for; null when it was as asked for.</param>
public sealed record VolumePointView(
    string Name, long LengthBytes, PointKind Kind, long ReadBytes, long StoredBytes, string? FullBecause = null);

/// <summary>A disk of a server as it was, and where its bytes were.</summary>
/// <param name="Volume">What the storage called it.</param>
public sealed record ConfiguredDisk(string Name, string Volume);

/// <summary>What a server was like when a point was made of it.</summary>
/// <param name="Kind">In whose words the vault keeps all of it, such as <c>libvirt-domain-xml</c>.</param>
/// <param name="Processors">Null where its hypervisor did not tell.</param>
/// <param name="MemoryBytes">Null where its hypervisor did not tell.</param>
/// <param name="Disks">Those that the point has.</param>
public sealed record PointConfiguration(string Kind, int? Processors, long? MemoryBytes, IReadOnlyList<ConfiguredDisk> Disks);

/// <summary>A restore point as it is now.</summary>
/// <param name="Version">Higher than that of all that was said of this point before.</param>
/// <param name="VaultPoint">What the vault calls it; null until it is complete.</param>
/// <param name="Consistency"><c>filesystem</c> or <c>crash</c>.</param>
/// <param name="IsDistrusted">Change tracking was found wrong after it: it may lack changes.</param>
/// <param name="PurgeAt">When one in the bin goes for good.</param>
/// <param name="IsProtected">No rule and no user deletes it, as long as somebody wants it so.</param>
/// <param name="InstantKind"><c>single</c>: it has one volume; <c>group</c>: the storage took all at once; <c>frozen</c>: one after
/// another, with the guest frozen for it. Null until it was taken, and of points of earlier versions, as all that follow.</param>
/// <param name="SkewSeconds">So far apart at most are the instants of two volumes.</param>
public sealed record PointChanged(
    RestorePointId Point, long Version, ProjectId Project, PlanId? Plan, RunId Run, ServerRef Server, string ServerName,
        LocationId Location,
    RestorePointState State, PointKind Kind, RunTrigger Trigger, IReadOnlyList<string> Tags, DateTimeOffset DueAt, DateTimeOffset? TakenAt,
    DateTimeOffset? CompletedAt, string? Consistency, string? VaultPoint, bool IsDistrusted, IReadOnlyList<VolumePointView> Volumes,
    DateTimeOffset? DeletedAt, DateTimeOffset? PurgeAt, bool IsProtected = false, string? InstantKind = null, double? SkewSeconds = null,
    PointConfiguration? Configuration = null) : IMessage
{
    public static string Name => "point-changed";
}

/// <summary>Delete a point: to the bin where its location has one, else for good. One that is locked stays.</summary>
/// <param name="IsByPolicy">No rule keeps it any more; else somebody asked for it.</param>
public sealed record DeletePoint(RestorePointId Point, ProjectId Project, bool IsByPolicy) : IMessage
{
    public static string Name => "delete-point";
}

/// <summary>Bring a point back from the bin. It is protected from then on: else a rule that does not keep it would put it there again.
/// </summary>
public sealed record UndeletePoint(RestorePointId Point, ProjectId Project) : IMessage
{
    public static string Name => "undelete-point";
}

/// <summary>Keep a point from being deleted by rules and by users, or do so no longer.</summary>
public sealed record ProtectPoint(RestorePointId Point, ProjectId Project, bool IsProtected) : IMessage
{
    public static string Name => "protect-point";
}
