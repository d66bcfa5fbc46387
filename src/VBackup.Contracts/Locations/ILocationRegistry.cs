using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Contracts.Locations;

/// <summary>A location to be made.</summary>
/// <param name="Address">A folder, or <c>s3://bucket/prefix</c>.</param>
/// <param name="Endpoint">Of an S3 other than Amazon's.</param>
/// <param name="SecretKey">Kept under the master key, and never told again.</param>
/// <param name="QuotaBytes">Null for no limit.</param>
public sealed record NewLocation(
    ProjectId Project, string Region, string Name, LocationKindView Kind, string Address, string? Endpoint, string? S3Region,
        string? AccessKey,
    string? SecretKey, long? QuotaBytes, int SoftDeleteDays, bool IsDefault)
{
    public override string ToString() => $"location {Name}";
}

/// <summary>What is to be different. Null leaves a member as it is.</summary>
/// <param name="HasNoQuota">Takes the limit away.</param>
/// <param name="HasNoLock">Takes the lock away, as long as it is not final.</param>
public sealed record LocationChange(long? QuotaBytes = null, bool HasNoQuota = false, int? SoftDeleteDays = null, bool? IsDefault = null,
    LockWish? Lock = null, bool HasNoLock = false);

/// <summary>What opens a location from now on.</summary>
/// <param name="SecretKey">Kept under the master key, and never told again.</param>
public sealed record LocationCredentials(string AccessKey, string SecretKey)
{
    public override string ToString() => "credentials";
}

/// <summary>A lock that a location is to have: see <see cref="LocationLock"/>.</summary>
/// <param name="ChangeDays">For so long it can still be changed, or taken away.</param>
public sealed record LockWish(int? MinDays, int? MaxDays, int ChangeDays);

/// <summary>What came of it.</summary>
/// <param name="Location">Null when it was refused.</param>
/// <param name="Code">For programs, of a refusal; <c>not-found</c> when the project has no such location.</param>
/// <param name="Field">Which member is wrong; null when none is.</param>
public sealed record LocationAnswer(LocationChanged? Location, string? Code = null, string? Reason = null, string? Field = null);

/// <summary>
/// The vBackup service's locations. A call and no message, because it brings what opens a location, which no message may hold. What becomes
/// of a location is told by messages. Thread-safe.
/// </summary>
public interface ILocationRegistry
{
    /// <param name="id">The caller's choice, so that asking twice makes one.</param>
    Task<LocationAnswer> CreateAsync(LocationId id, NewLocation wish, CancellationToken cancellation);

    Task<LocationAnswer> ChangeAsync(ProjectId project, LocationId id, LocationChange wish, CancellationToken cancellation);

    /// <summary>Workers take them from their next task on, and one of them finds out whether they open the location.</summary>
    Task<LocationAnswer> SetCredentialsAsync(ProjectId project, LocationId id, LocationCredentials wish, CancellationToken cancellation);

    /// <summary>Refused as long as there are points.</summary>
    Task<LocationAnswer> DeleteAsync(ProjectId project, LocationId id, CancellationToken cancellation);
}
