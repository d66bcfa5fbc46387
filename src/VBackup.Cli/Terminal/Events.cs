using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Cli.Terminal;

// What --json prints. Programs rely on every name here, so they only ever grow.

/// <summary>At most one a second.</summary>
sealed record ProgressEvent(string What, long DoneBytes, long TotalBytes, double ElapsedSeconds)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "progress";
}

sealed record StepEvent(string Message)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "step";
}

sealed record NoteEvent(string Message)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "note";
}

sealed record FailedEvent(string Error, int Status)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "failed";
}

/// <summary>A command that has nothing to say but that it is done.</summary>
sealed record DoneEvent(string? Point = null, string? Path = null, string? Slot = null)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <param name="Project">Left out of an administrator's who is in none.</param>
sealed record SignedInEvent(string Url, string User, string? Project, DateTimeOffset ExpiresAt)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

sealed record VaultMadeEvent(string Vault, string VaultId, int ChunkSize)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

sealed record RecoveryKeyEvent(string RecoveryKey)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>A key slot of a listing.</summary>
/// <param name="Problem">Left out when it is as it was stored.</param>
sealed record KeySlotEvent(string Slot, string Kind, DateTimeOffset? CreatedAt, bool Opened, string? Problem)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "keySlot";
}

/// <summary>The end of a backup.</summary>
/// <param name="HeldSeconds">For how long a server's guest was held for the snapshot; left out when it was not, or nobody knows.</param>
/// <param name="SnapshotToPointSeconds">From the beginning of a server's snapshot until the point was there; of other volumes left
/// out.</param>
sealed record BackupEvent(
    string Point, string Type, long LogicalBytes, long ReadBytes, long StoredBytes, double ElapsedSeconds,
    long HeapAllocatedBytes, long PeakResidentBytes, IReadOnlyList<VolumeEvent> Volumes, double? HeldSeconds = null,
    double? SnapshotToPointSeconds = null)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

sealed record VolumeEvent(string Name, string Type, long LengthBytes, long ReadBytes, long StoredBytes);

/// <summary>The end of a restore.</summary>
sealed record RestoreEvent(
    string Point, string Volume, string Target, long LogicalBytes, long WrittenBytes, long FetchedBytes, double ElapsedSeconds,
    long HeapAllocatedBytes, long PeakResidentBytes, IReadOnlyList<ExtentEvent> Bad, IReadOnlyList<string> DamagedPacks)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>A range of a volume, as in EXTENTS.json.</summary>
sealed record ExtentEvent(long Offset, long Length);

/// <summary>A point of a listing.</summary>
sealed record PointEvent(
    string Id, DateTimeOffset CreatedAt, string Name, string Type, string? Base, long LogicalBytes, long ReadBytes,
    long StoredBytes, long? FreedBytes, IReadOnlyList<VolumeEvent> Volumes, JsonElement? Metadata)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "point";
}

/// <summary>Something that verify or repair found.</summary>
/// <param name="Point">The point that is lost altogether; left out when it is another object.</param>
/// <param name="OutOfUse">Nobody relies on it, and the next collection removes it.</param>
sealed record DamageEvent(
    string Object, string Kind, string Reason, IReadOnlyList<AffectedEvent> Affected, string? Point = null, bool OutOfUse = false)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "damage";
}

sealed record AffectedEvent(string Point, string Volume, IReadOnlyList<ExtentEvent> Extents);

/// <summary>The end of a verify.</summary>
sealed record VerifyEvent(
    bool AllData, int Points, int Packs, long CheckedBytes, int Damages, double ElapsedSeconds,
    long HeapAllocatedBytes, long PeakResidentBytes)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>The end of a collection.</summary>
sealed record CollectEvent(
    int PacksDeleted, int PacksRewritten, long DeletedBytes, long CopiedBytes, long PackBytes, long WasteBytes,
    int SessionsRevoked, IReadOnlyList<string> DamagedPacks, bool Postponed, bool ShortOfRoom, double ElapsedSeconds,
    long HeapAllocatedBytes, long PeakResidentBytes, int PacksHeld = 0)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>The end of a repair.</summary>
sealed record RepairEvent(
    int IndexObjectsWritten, int IndexObjectsRemoved, int PacksCondemned, int BlobsRestored, int Damages, double ElapsedSeconds)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>What a vault holds.</summary>
sealed record StatisticsEvent(
    string Vault, string VaultId, DateTimeOffset CreatedAt, int ChunkSize, int Points, long LogicalBytes, int Packs, long PackBytes,
    int IndexObjects, long IndexBytes, int OtherObjects, long OtherBytes, int RunningSessions, int Condemned)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "statistics";
}

/// <summary>The end of the demo.</summary>
/// <param name="Journal"><c>ORDER-OK</c>: both volumes of every restore showed one instant.</param>
sealed record DemoEvent(
    double ElapsedSeconds, IReadOnlyList<DemoStepEvent> Steps, string Savings, long PeakResidentBytes, string Journal)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

sealed record DemoStepEvent(string Step, double ElapsedSeconds, long HandledBytes, string Result);

/// <summary>The end of the demo on real components.</summary>
/// <param name="Journal"><c>ORDER-OK</c> when both disks of every point showed one instant.</param>
/// <param name="Frozen">Whether the guest was frozen at each.</param>
/// <param name="ThawedAfterKillSeconds">From the kill of the backup that held the guest until the guest said that it was let go.</param>
sealed record RealDemoEvent(
    string Journal, bool Frozen, int OrphanSnapshots, int Points, double ElapsedSeconds, double HeldMedianMilliseconds,
    double HeldWorstMilliseconds, double ThawedAfterKillSeconds, IReadOnlyList<RealStepEvent> Steps)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <param name="HeldMilliseconds">For how long the guest was held; left out when it was not.</param>
sealed record RealStepEvent(string Step, double ElapsedSeconds, long HandledBytes, double? HeldMilliseconds, string Result);

/// <summary>A server of a listing.</summary>
/// <param name="LeftOut">Its disks that no backup has; left out when there are none.</param>
sealed record ServerEvent(string Name, string Id, string State, IReadOnlyList<ServerDiskEvent> Disks,
    IReadOnlyList<LeftOutDiskEvent>? LeftOut = null)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "server";
}

/// <param name="LengthBytes">Left out when the volume is not there.</param>
/// <param name="Restoring">A restore in place, or a roll back, that overwrites the volume, or did and never ended; left out when there is
/// none.</param>
sealed record ServerDiskEvent(string Name, string Volume, long? LengthBytes, UnfinishedRestoreEvent? Restoring);

sealed record LeftOutDiskEvent(string Name, string Reason);

/// <param name="Point">Of a roll back, the snapshot.</param>
/// <param name="SafetySnapshot">Has the volume as it was before, or was to be after a roll back; left out when none is known.</param>
/// <param name="IsRollBack">Left out of a restore.</param>
sealed record UnfinishedRestoreEvent(string Point, DateTimeOffset Since, string? SafetySnapshot, bool? IsRollBack = null);

/// <summary>A snapshot of a listing.</summary>
/// <param name="BaseOf">Whose next backup may build on it: <c>this-vault</c>, <c>another-vault</c>, <c>some-vault</c>; null:
/// nobody's.</param>
/// <param name="Vault">How its vault's id begins.</param>
/// <param name="Points">Those of this vault that were made of it.</param>
sealed record SnapshotEvent(string Name, DateTimeOffset TakenAt, IReadOnlyList<string> Volumes, bool Complete, string? BaseOf = null,
    string? Vault = null, IReadOnlyList<string>? Points = null)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "snapshot";
}

/// <summary>A volume of a point that was compared with its snapshot.</summary>
sealed record ComparedEvent(string Point, string Volume, long ComparedChunks, IReadOnlyList<ExtentEvent> Different)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "compared";
}

/// <summary>The end of a restore to a cloud.</summary>
sealed record ServerRestoredEvent(
    string Point, string To, string Target, long LogicalBytes, long WrittenBytes, double ElapsedSeconds)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>What became of a run that was broken off and had left something in a spool.</summary>
/// <param name="Point">Its point, which is complete now; null when it had not come so far.</param>
sealed record ResumedEvent(string Session, string? Point, string? GivenUp)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "resumed";
}

/// <summary>The end of an export to an image file.</summary>
/// <param name="Point">Left out when a snapshot was exported, as is the other.</param>
/// <param name="Sha256">Of the volume's content, as a raw image has it, whatever the format.</param>
sealed record ImageExportedEvent(
    string? Point, string? Snapshot, string Volume, string File, string Format, string Sha256, string DigestFile, long LogicalBytes,
    long WrittenBytes, double ElapsedSeconds)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

/// <summary>The end of an import of an image file.</summary>
/// <param name="Verified">Whether there was a digest to compare with.</param>
sealed record ImageImportedEvent(
    string File, string Format, string Volume, string Sha256, bool Verified, long LogicalBytes, long WrittenBytes, double ElapsedSeconds)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(ProgressEvent))]
[JsonSerializable(typeof(StepEvent))]
[JsonSerializable(typeof(NoteEvent))]
[JsonSerializable(typeof(FailedEvent))]
[JsonSerializable(typeof(DoneEvent))]
[JsonSerializable(typeof(SignedInEvent))]
[JsonSerializable(typeof(VaultMadeEvent))]
[JsonSerializable(typeof(RecoveryKeyEvent))]
[JsonSerializable(typeof(KeySlotEvent))]
[JsonSerializable(typeof(BackupEvent))]
[JsonSerializable(typeof(RestoreEvent))]
[JsonSerializable(typeof(PointEvent))]
[JsonSerializable(typeof(DamageEvent))]
[JsonSerializable(typeof(VerifyEvent))]
[JsonSerializable(typeof(CollectEvent))]
[JsonSerializable(typeof(RepairEvent))]
[JsonSerializable(typeof(StatisticsEvent))]
[JsonSerializable(typeof(DemoEvent))]
[JsonSerializable(typeof(RealDemoEvent))]
[JsonSerializable(typeof(ServerEvent))]
[JsonSerializable(typeof(SnapshotEvent))]
[JsonSerializable(typeof(ComparedEvent))]
[JsonSerializable(typeof(ServerRestoredEvent))]
[JsonSerializable(typeof(ResumedEvent))]
[JsonSerializable(typeof(ImageExportedEvent))]
[JsonSerializable(typeof(ImageImportedEvent))]
sealed partial class EventJson : JsonSerializerContext;
