using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Edge.Backups;
using VBackup.Vault.Format;

namespace VBackup.Worker;

/// <summary>What a point of a vault says of itself: where it came from, and what the catalogue knew of it.</summary>
public static class PointMetadata
{
    const string EdgeMember = "edge", CatalogueName = "catalogue";

    internal static JsonElement Of(EdgeDocument edge, RestorePointId point, RunId run, CatalogueEntry entry) =>
        JsonSerializer.SerializeToElement(
        new Dictionary<string, JsonElement>
        {
            [EdgeMember] = edge.ToMetadata().GetProperty(EdgeMember),
            [CatalogueName] = JsonSerializer.SerializeToElement(new CatalogueMember(point, entry, run),
                CatalogueJson.Default.CatalogueMember),
        }, CatalogueJson.Default.DictionaryStringJsonElement);

    /// <summary>Null for a point that was not made by services.</summary>
    /// <exception cref="DamageException">The member is there and makes no sense.</exception>
    public static CatalogueMember? Find(PointDocument point)
    {
        if (point.Metadata is not { ValueKind: JsonValueKind.Object } metadata || !metadata.TryGetProperty(CatalogueName, out var own))
            return null;
        try
        {
            return own.Deserialize(CatalogueJson.Default.CatalogueMember);
        }
        catch (JsonException wrong)
        {
            throw new DamageException(ObjectNames.Points + point.Id,
                $"its metadata does not tell what the catalogue knew: {wrong.Message}", wrong);
        }
    }
}

/// <param name="Run">Null in points of earlier versions.</param>
public sealed record CatalogueMember(RestorePointId Point, CatalogueEntry Entry, RunId? Run = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CatalogueMember))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
sealed partial class CatalogueJson : JsonSerializerContext;
