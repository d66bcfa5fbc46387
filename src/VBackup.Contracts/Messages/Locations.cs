using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>Kinds of locations. Names are on the wire, and numbers in databases.</summary>
[JsonConverter(typeof(EnumNameConverter<LocationKindView>))]
public enum LocationKindView
{
    /// <summary>S3-compatible object storage.</summary>
    [JsonStringEnumMemberName("vStorage")] VStorage = 0,
    /// <summary>A folder that the region's workers see, such as on CephFS or NFS.</summary>
    [JsonStringEnumMemberName("filesystem")] FileSystem = 1,
}

/// <summary>Whether a location can be used. Names are on the wire, and numbers in databases.</summary>
[JsonConverter(typeof(EnumNameConverter<LocationStateView>))]
public enum LocationStateView
{
    /// <summary>A worker is to find out whether it can be used.</summary>
    [JsonStringEnumMemberName("checking")] Checking = 0,
    [JsonStringEnumMemberName("ready")] Ready = 1,
    [JsonStringEnumMemberName("refused")] Refused = 2,
}

/// <summary>A location's lock: what holds for the age of its points, whoever asks. It is counted from when a point was complete; a day is
/// 24 hours.</summary>
/// <param name="MinDays">Nobody deletes a younger point; null for no such bound.</param>
/// <param name="MaxDays">An older one is deleted, whoever made it; null for no such bound.</param>
/// <param name="FinalAt">From then on nobody changes the lock, or takes it away.</param>
/// <param name="IsEnforcedByStore">It is final, and the store holds points for its minimum against everybody. Else the services keep to it
/// alone.</param>
public sealed record LocationLock(int? MinDays, int? MaxDays, DateTimeOffset FinalAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsEnforcedByStore = false);

/// <summary>A location as it is now. What opens it is not told.</summary>
/// <param name="Version">Higher than that of all that was said of this location before.</param>
/// <param name="Refusal">What it lacks; null when it can be used.</param>
/// <param name="QuotaBytes">Null for no limit.</param>
/// <param name="VerifiedAt">When all that it held was last read and checked; null when it never was.</param>
/// <param name="Finding">What the last verification found damaged; null when all was well.</param>
/// <param name="Lock">Null when it has none.</param>
/// <param name="CanHoldPoints">Its store can hold points against everybody, so that it can keep to a lock's minimum.</param>
public sealed record LocationChanged(
    LocationId Location, long Version, ProjectId Project, string Region, string LocationName, LocationKindView Kind, string Address,
        string? Endpoint,
    LocationStateView State, string? Refusal, bool IsDefault, bool IsDeleted, long? QuotaBytes, long UsedBytes, int SoftDeleteDays,
    DateTimeOffset? VerifiedAt, string? Finding, LocationLock? Lock = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool CanHoldPoints = false) : IMessage
{
    public static string Name => "location-changed";
}
