using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>Why a backup runs. The names are part of the wire format, as those of all of these are.</summary>
[JsonConverter(typeof(EnumNameConverter<RunTrigger>))]
public enum RunTrigger
{
    [JsonStringEnumMemberName("policy")] Policy,
    [JsonStringEnumMemberName("manual")] Manual,
    [JsonStringEnumMemberName("schedule")] Schedule,
}

/// <summary>How a point is to be, or was, made.</summary>
[JsonConverter(typeof(EnumNameConverter<PointKind>))]
public enum PointKind
{
    [JsonStringEnumMemberName("full")] Full,
    [JsonStringEnumMemberName("incremental")] Incremental,
}

[JsonConverter(typeof(EnumNameConverter<RunKind>))]
public enum RunKind
{
    [JsonStringEnumMemberName("backup")] Backup,
    [JsonStringEnumMemberName("restore")] Restore,
    /// <summary>A volume of a point becomes an image file in its region.</summary>
    [JsonStringEnumMemberName("exportImage")] ExportImage,
    /// <summary>An image file becomes a new volume.</summary>
    [JsonStringEnumMemberName("importImage")] ImportImage,
}

/// <summary>How far a run is. From the fifth on it is over, and stays as it is.</summary>
[JsonConverter(typeof(EnumNameConverter<RunState>))]
public enum RunState
{
    /// <summary>It waits for others, or for room.</summary>
    [JsonStringEnumMemberName("waiting")] Waiting,
    /// <summary>The instant is being taken: of a backup its own, of a restore in place the one to go back to.</summary>
    [JsonStringEnumMemberName("snapshotting")] Snapshotting,
    /// <summary>Bytes are on their way.</summary>
    [JsonStringEnumMemberName("transferring")] Transferring,
    /// <summary>All bytes are stored; what is left is to say so.</summary>
    [JsonStringEnumMemberName("committing")] Committing,
    [JsonStringEnumMemberName("succeeded")] Succeeded,
    [JsonStringEnumMemberName("failed")] Failed,
    [JsonStringEnumMemberName("cancelled")] Cancelled,
    /// <summary>The policy's window closed before it was done.</summary>
    [JsonStringEnumMemberName("windowClosed")] WindowClosed,
}

[JsonConverter(typeof(EnumNameConverter<RestoreTarget>))]
public enum RestoreTarget
{
    [JsonStringEnumMemberName("original")] Original,
    [JsonStringEnumMemberName("newServer")] NewServer,
    [JsonStringEnumMemberName("newVolume")] NewVolume,
}

/// <summary>Back a server up. The Portal has chosen the run's id, so that asking twice makes one run.</summary>
/// <param name="Disks">Names of its disks; null for all that it has then.</param>
/// <param name="DueAt">The instant of the schedule; of a manual one, when it was asked for.</param>
/// <param name="Tags">The rules that name this instant: hourly, daily, weekly, monthly.</param>
/// <param name="StopBy">When the policy's window closes for it; null for never.</param>
/// <param name="Seen">The disks that are included, as their region saw them last: what the estimate is made of. An earlier Portal says
/// nothing.</param>
public sealed record StartBackup(
    RunId Run, RestorePointId Point, ProjectId Project, PlanId Plan, ServerRef Server, string ServerName, LocationId Location,
    IReadOnlyList<string>? Disks, RunTrigger Trigger, PointKind Kind, IReadOnlyList<string> Tags, DateTimeOffset DueAt,
        DateTimeOffset? StopBy,
    IReadOnlyList<DiskView>? Seen = null) : IMessage
{
    public static string Name => "start-backup";
}

/// <summary>Restore a point.</summary>
/// <param name="NewName">Of the new server or volume.</param>
/// <param name="Volume">Only this one of the point's volumes.</param>
/// <param name="StopsServer">A running server may be stopped, and is started again when all went well.</param>
public sealed record StartRestore(
    RunId Run, ProjectId Project, RestorePointId Point, RestoreTarget Target, string? NewName, string? Volume, bool StopsServer,
    RunTrigger Trigger) : IMessage
{
    public static string Name => "start-restore";
}

/// <summary>End a run without its result. One that is over stays as it is.</summary>
public sealed record CancelRun(RunId Run, ProjectId Project) : IMessage
{
    public static string Name => "cancel-run";
}

/// <summary>A run that was asked for and never came to be, because what it is about is unknown, or another project's. All else of it only
/// who asked knows.</summary>
public sealed record RunRefused(RunId Run, ProjectId Project, string Error) : IMessage
{
    public static string Name => "run-refused";
}

/// <summary>A run as it is now.</summary>
/// <param name="Version">Higher than that of all that was said of this run before.</param>
/// <param name="Location">Null, as the point, of the import of an image.</param>
/// <param name="Notes">What was not asked for, and should be known: such as why an incremental became a full.</param>
/// <param name="Error">Why it did not succeed.</param>
/// <param name="Target">What a restore or an image made or wrote: a server, volumes, a file.</param>
/// <param name="CheckedBytes">Of what a restore or an image wrote, what was read back too and is right.</param>
/// <param name="WaitsForWorkerSince">Since when nobody does its work, because no worker of its region is there; null when that is not
/// so.</param>
public sealed record RunChanged(
    RunId Run, long Version, RunKind Kind, ProjectId Project, PlanId? Plan, ServerRef Server, string ServerName, LocationId? Location,
    RestorePointId? Point, RunTrigger Trigger, RunState State, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt,
    long DoneBytes, long TotalBytes, long StoredBytes, IReadOnlyList<string> Notes, string? Error, string? Target,
    long CheckedBytes = 0, DateTimeOffset? WaitsForWorkerSince = null) : IMessage
{
    public static string Name => "run-changed";
}
