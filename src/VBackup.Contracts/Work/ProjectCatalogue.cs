using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Contracts.Work;

/// <summary>
/// What the services know of a project, as a vault keeps it for when they are lost. The vault's points are the truth about what can be
/// restored; this only adds to them. What opens locations is not in it.
/// </summary>
/// <param name="Format">1.</param>
/// <param name="Location">The one in which the vault lies.</param>
/// <param name="Locations">All of the project.</param>
/// <param name="Points">Of this location.</param>
/// <param name="PointsLeftOut">How many would not fit: only such that the vault's points say enough of themselves.</param>
/// <param name="DeclarationsVersion">Of two, the higher one is the newer.</param>
/// <param name="Declarations">The Portal's, of the project: its name, policies, plans. Null when it has told of none yet.</param>
public sealed record ProjectCatalogue(
    int Format, ProjectId Project, LocationId Location, IReadOnlyList<CatalogueLocation> Locations, IReadOnlyList<CataloguePoint> Points,
    int PointsLeftOut, long DeclarationsVersion, JsonElement? Declarations)
{
    public const int FormatNow = 1;
}

/// <summary>A location, without what opens it.</summary>
/// <param name="Lock">Null when it has none, and in catalogues of earlier versions.</param>
public sealed record CatalogueLocation(
    LocationId Location, string Region, string Name, LocationKindView Kind, string Address, string? Endpoint, string? S3Region,
        bool IsDefault,
    long? QuotaBytes, int SoftDeleteDays, LocationLock? Lock = null);

/// <summary>A point of the vault, in what its own object does not say, or did not know yet.</summary>
/// <param name="VaultPoint">What the vault calls it.</param>
public sealed record CataloguePoint(
    string VaultPoint, RestorePointId Point, RunId Run, PlanId? Plan, RestorePointState State, RunTrigger Trigger,
        IReadOnlyList<string> Tags,
    DateTimeOffset DueAt, DateTimeOffset? CompletedAt, bool IsDistrusted, DateTimeOffset? DeletedAt, DateTimeOffset? PurgeAt,
    bool IsProtected = false);
