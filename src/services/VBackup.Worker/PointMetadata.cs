using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Edge.Backups;

namespace VBackup.Worker;

/// <summary>What a point of a vault says of itself: where it came from, and what the catalogue knew of it.</summary>
static class PointMetadata
{
    const string EdgeMember = "edge", CatalogueName = "catalogue";

    public static JsonElement Of(EdgeDocument edge, RestorePointId point, CatalogueEntry entry) => JsonSerializer.SerializeToElement(
        new Dictionary<string, JsonElement>
        {
            [EdgeMember] = edge.ToMetadata().GetProperty(EdgeMember),
            [CatalogueName] = JsonSerializer.SerializeToElement(new CatalogueMember(point, entry), CatalogueJson.Default.CatalogueMember),
        }, CatalogueJson.Default.DictionaryStringJsonElement);
}

sealed record CatalogueMember(RestorePointId Point, CatalogueEntry Entry);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CatalogueMember))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
sealed partial class CatalogueJson : JsonSerializerContext;
