using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Contracts.Work;

/// <summary>What a worker is to do. The names are part of the wire format.</summary>
[JsonConverter(typeof(EnumNameConverter<WorkKind>))]
public enum WorkKind
{
    /// <summary>A snapshot's volumes into a vault, as a restore point.</summary>
    [JsonStringEnumMemberName("export")] Export,
    /// <summary>A point's volumes into a server's own volumes, or new ones.</summary>
    [JsonStringEnumMemberName("import")] Import,
    [JsonStringEnumMemberName("stopServer")] StopServer,
    [JsonStringEnumMemberName("startServer")] StartServer,
    /// <summary>Points that are not wanted any more are removed from a vault.</summary>
    [JsonStringEnumMemberName("prune")] Prune,
    [JsonStringEnumMemberName("collectGarbage")] CollectGarbage,
    [JsonStringEnumMemberName("verify")] Verify,
    /// <summary>Whether a place can be a location.</summary>
    [JsonStringEnumMemberName("checkLocation")] CheckLocation,
    /// <summary>What the services know of a project, into one of its vaults.</summary>
    [JsonStringEnumMemberName("saveCatalogue")] SaveCatalogue,
    /// <summary>The project's new key opens a vault in place of the one before.</summary>
    [JsonStringEnumMemberName("rotateKey")] RotateKey,
    /// <summary>Nothing opens a vault any more.</summary>
    [JsonStringEnumMemberName("eraseKey")] EraseKey,
    /// <summary>Whether a point came of an export that failed, or whose workers were lost.</summary>
    [JsonStringEnumMemberName("settleExport")] SettleExport,
    /// <summary>A volume of a point into an image file.</summary>
    [JsonStringEnumMemberName("exportImage")] ExportImage,
    /// <summary>An image file into a new volume.</summary>
    [JsonStringEnumMemberName("importImage")] ImportImage,
    /// <summary>What lost workers have left half made of a run that makes something new, and nobody goes on with, is removed.</summary>
    [JsonStringEnumMemberName("removeUnfinished")] RemoveUnfinished,
}

/// <summary>Where a vault is. What opens it comes with the lease, and is never written down.</summary>
/// <param name="Address">A folder, or <c>s3://bucket/prefix</c>; the vault of one project.</param>
/// <param name="Endpoint">Of an S3 other than Amazon's.</param>
/// <param name="HoldDays">How long the store is to hold each point, and what it needs; null for not at all.</param>
/// <param name="HoldsPoints">There is one, and if it is not found it is not made anew: a folder may not be mounted.</param>
public sealed record VaultAddress(string Address, string? Endpoint, string? S3Region,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool HoldsPoints = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? HoldDays = null);

/// <param name="Session">What the vault is to call this attempt's session. Noted before the attempt begins, so that the next one can settle
/// whether a point came of it.</param>
/// <param name="EarlierSessions">Of attempts whose outcome is not known.</param>
/// <param name="Configuration">The server's, which a restore to new needs.</param>
/// <param name="Catalogue">What the catalogue knows of the point, kept in the vault for when there is no catalogue any more.</param>
/// <param name="InstantKind">As of <see cref="SnapshotTaken"/>, and so are those that follow.</param>
public sealed record ExportOrder(
    VaultAddress Vault, RunId Run, RestorePointId Point, string Session, IReadOnlyList<string> EarlierSessions, ServerRef Server,
    string ServerName, PointKind Kind, string Instant, DateTimeOffset TakenAt, string Consistency, double? HeldSeconds,
    IReadOnlyList<DiskView> Disks, string ConfigurationKind, string Configuration, CatalogueEntry Catalogue,
    string? InstantKind = null, double? SkewSeconds = null, int? Processors = null, long? MemoryBytes = null);

/// <summary>What a vault keeps of a point for a catalogue that is to be built again.</summary>
public sealed record CatalogueEntry(
    ProjectId Project, PlanId? Plan, RunTrigger Trigger, IReadOnlyList<string> Tags, DateTimeOffset DueAt, ServerRef Server);

/// <param name="VaultPoint">What the vault calls the point.</param>
/// <param name="StoredBytes">New in the vault.</param>
/// <param name="Distrusted">Points of the vault whose change tracking was found wrong.</param>
public sealed record ExportResult(
    string VaultPoint, PointKind Kind, IReadOnlyList<VolumePointView> Volumes, long StoredBytes, IReadOnlyList<string> Distrusted,
    IReadOnlyList<string> Notes);

/// <param name="Sessions">Of all attempts at the export.</param>
public sealed record SettleOrder(VaultAddress Vault, IReadOnlyList<string> Sessions);

/// <param name="Point">Null when none came of the export, and none ever will.</param>
public sealed record SettleResult(ExportResult? Point);

/// <param name="SafetySnapshot">Of a restore in place: what the storage calls the snapshot to go back to.</param>
public sealed record ImportOrder(
    VaultAddress Vault, RunId Run, string VaultPoint, RestoreTarget Target, ServerRef Server, string? NewName, string? Volume,
    string? SafetySnapshot = null);

/// <param name="Import">What was to be made; or <paramref name="ImportImage"/>.</param>
public sealed record UnfinishedOrder(RunId Run, ImportOrder? Import, ImportImageOrder? ImportImage);

/// <param name="Removed">For people.</param>
/// <param name="Left">What has the name, and may be the run's or not; or is the run's, and is in use.</param>
public sealed record UnfinishedResult(IReadOnlyList<string> Removed, IReadOnlyList<string> Left);

/// <param name="Target">What was written, for people.</param>
/// <param name="Overwritten">Of a restore in place, what the storage calls the volumes.</param>
/// <param name="Claim">By which the storage knows who has taken them over last.</param>
/// <param name="NewServer">What the hypervisor calls the server that was made.</param>
public sealed record ImportResult(
    string Target, long LogicalBytes, long WrittenBytes, IReadOnlyList<string> Notes, IReadOnlyList<string>? Overwritten = null,
        string? Claim = null, string? NewServer = null);

/// <param name="Overwritten">By a restore in place: the server starts only if nobody has taken these over since.</param>
/// <param name="Claim">Of that restore.</param>
/// <param name="ToOverwrite">Names of the disks for whose sake the server is to stop: it stops only if they may be written.</param>
/// <param name="ToRestore">For whose sake the server is to stop: it stops only if that could begin now.</param>
public sealed record ServerOrder(ServerRef Server, string ServerName, IReadOnlyList<string>? Overwritten = null, string? Claim = null,
    IReadOnlyList<string>? ToOverwrite = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImportOrder? ToRestore = null);

/// <param name="WasRunning">Before it was stopped, or started.</param>
public sealed record ServerResult(bool WasRunning);

/// <param name="Volume">Which of the point's volumes; null for the only one.</param>
/// <param name="File">Its name in the project's folder for images.</param>
/// <param name="Format">Null for what the name ends in.</param>
public sealed record ExportImageOrder(
    VaultAddress Vault, ProjectId Project, string VaultPoint, string? Volume, string File, ImageFormatView? Format);

/// <param name="Run">By its id the storage knows whose a volume is that an attempt has left half made.</param>
/// <param name="File">Its name in the project's folder for images.</param>
/// <param name="Format">Null for what the name ends in.</param>
/// <param name="Beside">What the storage calls the volume beside which the new one is made.</param>
public sealed record ImportImageOrder(RunId Run, ProjectId Project, string File, ImageFormatView? Format, string Beside, string NewName);

/// <param name="Target">What was written, for people.</param>
/// <param name="Sha256">Of the raw content, in hexadecimal.</param>
public sealed record ImageResult(string Target, string Sha256, long LogicalBytes, long WrittenBytes, IReadOnlyList<string> Notes);

/// <param name="VaultPoints">What the vault calls those that are to go.</param>
public sealed record PruneOrder(VaultAddress Vault, IReadOnlyList<string> VaultPoints);

/// <param name="Generation">Higher than that of all that were given out for this project before.</param>
public sealed record SaveCatalogueOrder(VaultAddress Vault, long Generation, DateTimeOffset SavedAt, ProjectCatalogue Catalogue);

/// <summary>A project's key, wrapped under the master key: with the master key alone the vault opens. An object of the vault holds
/// it.</summary>
/// <param name="Format">1.</param>
public sealed record LockedKey(int Format, ProjectId Project, byte[] Wrapped);

public sealed record CatalogueResult(long Generation);

public sealed record VaultOrder(VaultAddress Vault);

/// <param name="UsedBytes">Of the whole vault, as the store counts.</param>
/// <param name="CanHold">Whether the store can hold points against everybody; null when it was not asked.</param>
/// <param name="WhyNoHold">Why it cannot, although it is made for it; null else.</param>
public sealed record VaultResult(long UsedBytes, IReadOnlyList<string> Notes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? CanHold = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? WhyNoHold = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 64)]
[JsonSerializable(typeof(ExportOrder))]
[JsonSerializable(typeof(ExportResult))]
[JsonSerializable(typeof(SettleOrder))]
[JsonSerializable(typeof(SettleResult))]
[JsonSerializable(typeof(ImportOrder))]
[JsonSerializable(typeof(ImportResult))]
[JsonSerializable(typeof(UnfinishedOrder))]
[JsonSerializable(typeof(UnfinishedResult))]
[JsonSerializable(typeof(ExportImageOrder))]
[JsonSerializable(typeof(ImportImageOrder))]
[JsonSerializable(typeof(ImageResult))]
[JsonSerializable(typeof(ServerOrder))]
[JsonSerializable(typeof(ServerResult))]
[JsonSerializable(typeof(PruneOrder))]
[JsonSerializable(typeof(SaveCatalogueOrder))]
[JsonSerializable(typeof(CataloguePoint))]
[JsonSerializable(typeof(ProjectCatalogue))]
[JsonSerializable(typeof(System.Text.Json.JsonElement))]
[JsonSerializable(typeof(CatalogueResult))]
[JsonSerializable(typeof(LockedKey))]
[JsonSerializable(typeof(VaultOrder))]
[JsonSerializable(typeof(VaultResult))]
public sealed partial class WorkJson : JsonSerializerContext;
