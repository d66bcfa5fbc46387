using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Vault.Format;

namespace VBackup.Edge.Backups;

/// <summary>What a point of a server keeps about where it came from, as the member <c>edge</c> of its metadata.</summary>
/// <param name="Server">The server's name then.</param>
/// <param name="ServerId">Its id, which stays when it is renamed.</param>
/// <param name="Instant">The snapshot that it was made of; a base for the next as long as it is there.</param>
/// <param name="TakenAt">When the snapshot was taken, by the storage's clock.</param>
/// <param name="Consistency"><c>filesystem</c> when the guest was held during the snapshot, else <c>crash</c>.</param>
/// <param name="Volumes">The volume of each of the server's disks.</param>
/// <param name="ConfigurationKind">Whose format <paramref name="Configuration"/> has.</param>
/// <param name="Distrusts">Points whose change tracking was found wrong when this one was made.</param>
/// <param name="HeldSeconds">For how long the guest was held for the snapshot; null when it was not, or nobody knows.</param>
/// <param name="Identities">Of each disk, which volume it was, whatever that is called by now; a disk is missing where names are enough.
/// Null in points of earlier versions.</param>
/// <param name="SnapshotIdentities">Of each disk, which snapshot <paramref name="Instant"/> was, should it be removed and another get
/// its name; a disk is missing where nobody can tell. Null in points of earlier versions.</param>
/// <param name="HalfRestored">Disks that a restore in place had left half written then, and that were backed up all the same; null when
/// there were none, and in points of earlier versions.</param>
/// <param name="InstantKind">How the instant was taken: see <see cref="InstantKinds"/>. Null in points of earlier versions.</param>
/// <param name="SkewSeconds">So far apart at most are the instants of two volumes. Null in points of earlier versions.</param>
/// <param name="Processors">That the server had then; null when nobody knows, and in points of earlier versions.</param>
/// <param name="MemoryBytes">The same of its memory.</param>
public sealed record EdgeDocument(
    string Server, string ServerId, string Instant, DateTimeOffset TakenAt, string Consistency,
    IReadOnlyDictionary<string, string> Volumes, string ConfigurationKind, string Configuration, IReadOnlyList<string> Distrusts,
    double? HeldSeconds = null, IReadOnlyDictionary<string, string>? Identities = null,
    IReadOnlyDictionary<string, string>? SnapshotIdentities = null, IReadOnlyList<string>? HalfRestored = null,
    string? InstantKind = null, double? SkewSeconds = null, int? Processors = null, long? MemoryBytes = null)
{
    const string Member = "edge";

    /// <summary>For people, of a point that is no state of its server: what it has of these disks is half of one point and half of
    /// another. Null of all others.</summary>
    [JsonIgnore]
    public string? Remark => HalfRestored is { Count: > 0 } disks ? $"made of half restored disks: {string.Join(", ", disks)}" : null;

    /// <summary>A point's metadata.</summary>
    public JsonElement ToMetadata() => JsonSerializer.SerializeToElement(
        new Dictionary<string, EdgeDocument> { [Member] = this }, EdgeJson.Default.DictionaryStringEdgeDocument);

    /// <summary>Null for a point that was not made from a cloud.</summary>
    /// <exception cref="DamageException">The member is there and makes no sense.</exception>
    public static EdgeDocument? Of(PointDocument point)
    {
        if (point.Metadata is not { ValueKind: JsonValueKind.Object } metadata || !metadata.TryGetProperty(Member, out var own))
            return null;
        try
        {
            return own.Deserialize(EdgeJson.Default.EdgeDocument);
        }
        catch (JsonException wrong)
        {
            throw new DamageException(ObjectNames.Points + point.Id, $"its metadata does not tell of a server: {wrong.Message}", wrong);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(EdgeDocument))]
[JsonSerializable(typeof(Dictionary<string, EdgeDocument>))]
sealed partial class EdgeJson : JsonSerializerContext;
