using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Primitives;

namespace VBackup.Contracts.Ids;

/// <summary>An id in JSON: the UUID as text.</summary>
public sealed class UniqueIdConverter<TId> : JsonConverter<TId> where TId : struct, IUniqueId<TId>
{
    public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var value) && value != Guid.Empty
            ? TId.From(value) : throw new JsonException("an id is a UUID, as text, and not all zeros");

    public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}
