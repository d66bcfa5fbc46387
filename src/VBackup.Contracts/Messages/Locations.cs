using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>Kinds of locations. Names are on the wire, and numbers in databases.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LocationKindView>))]
public enum LocationKindView
{
    /// <summary>S3-compatible object storage.</summary>
    [JsonStringEnumMemberName("vStorage")] VStorage = 0,
    /// <summary>A folder that the region's workers see, such as on CephFS or NFS.</summary>
    [JsonStringEnumMemberName("filesystem")] FileSystem = 1,
}

/// <summary>Whether a location can be used. Names are on the wire, and numbers in databases.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LocationStateView>))]
public enum LocationStateView
{
    /// <summary>A worker is to find out whether it can be used.</summary>
    [JsonStringEnumMemberName("checking")] Checking = 0,
    [JsonStringEnumMemberName("ready")] Ready = 1,
    [JsonStringEnumMemberName("refused")] Refused = 2,
}

/// <summary>A location as it is now. What opens it is not told.</summary>
/// <param name="Version">Higher than that of all that was said of this location before.</param>
/// <param name="Refusal">What it lacks; null when it can be used.</param>
/// <param name="QuotaBytes">Null for no limit.</param>
/// <param name="Finding">What the last verification found damaged; null when all was well.</param>
public sealed record LocationChanged(
    LocationId Location, long Version, ProjectId Project, string Region, string LocationName, LocationKindView Kind, string Address, string? Endpoint,
    LocationStateView State, string? Refusal, bool IsDefault, bool IsDeleted, long? QuotaBytes, long UsedBytes, int SoftDeleteDays,
    DateTimeOffset? VerifiedAt, string? Finding) : IMessage
{
    public static string Name => "location-changed";
}
