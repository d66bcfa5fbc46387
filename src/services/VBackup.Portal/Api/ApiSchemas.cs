using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using NodaTime;
using VBackup.Primitives;

namespace VBackup.Portal.Api;

/// <summary>
/// What the document says of values. Whoever makes it knows nothing of types that are read and written by converters of ours, texts among
/// them, and takes every parameter of a record for needed.
/// </summary>
static class ApiSchemas
{
    /// <summary>By which the maker remembers that a member that refers to another schema may be null as well.</summary>
    const string NullableMember = "x-is-nullable-property";

    public static Task CorrectAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellation)
    {
        var (type, member) = (context.JsonTypeInfo, context.JsonPropertyInfo);
        if (TextOf(Nullable.GetUnderlyingType(type.Type) ?? type.Type) is var (format, pattern))
            (schema.Type, schema.Format, schema.Pattern) = (JsonSchemaType.String, format, pattern);
        if (NamesOf(Nullable.GetUnderlyingType(type.Type) ?? type.Type, type.Options) is { } names)
            (schema.Type, schema.Enum) = (JsonSchemaType.String, names);
        if (schema is { Items: null, Type: { } list } && list.HasFlag(JsonSchemaType.Array) && type.ElementType is { } element)
            schema.Items = ItemOf(element, type.Options);
        if (schema.Type is { } kind && member is not null)
            schema.Type = IsNullable(member) && !IsNeeded(member) ? kind | JsonSchemaType.Null : kind & ~JsonSchemaType.Null;
        if (member is not null && IsNeeded(member)) schema.Metadata?.Remove(NullableMember);
        if (type.Kind == JsonTypeInfoKind.Object && schema.Properties is { } properties)
            schema.Required = type.Properties.Where(one => properties.ContainsKey(one.Name) && IsNeeded(one)).Select(one => one.Name)
                .ToHashSet(StringComparer.Ordinal);
        return Task.CompletedTask;
    }

    /// <summary>
    /// A schema that has a name is never null itself: where a member may be, the member says so, and two that allow null beside each
    /// other would refuse it.
    /// </summary>
    public static void Finish(OpenApiDocument document)
    {
        foreach (var schema in document.Components?.Schemas?.Values.OfType<OpenApiSchema>() ?? [])
            if (schema.Type is { } type && type != JsonSchemaType.Null) schema.Type = type & ~JsonSchemaType.Null;
    }

    /// <returns>Null for what is no text by a converter of ours.</returns>
    static (string? Format, string? Pattern)? TextOf(Type type) =>
        type == typeof(string) ? (null, null)
        : type == typeof(LocalTime) ? (null, "^([01][0-9]|2[0-3]):[0-5][0-9]$")
        : type.GetInterfaces().Any(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IUniqueId<>)) ? ("uuid", null)
        : null;

    /// <returns>Null for what is no enumeration.</returns>
    static List<JsonNode>? NamesOf(Type type, JsonSerializerOptions options) => type.IsEnum
        ? [.. Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(value => Enum.ToObject(type, value))
            // No rule takes the day that is none.
            .Where(value => value is not IsoDayOfWeek.None)
            .Select(value => JsonSerializer.SerializeToNode(value, type, options)!)]
        : null;

    /// <summary>Null for what the maker describes itself.</summary>
    static OpenApiSchema? ItemOf(Type element, JsonSerializerOptions options) =>
        NamesOf(element, options) is { } names ? new() { Type = JsonSchemaType.String, Enum = names }
        : TextOf(element) is var (format, pattern) ? new() { Type = JsonSchemaType.String, Format = format, Pattern = pattern }
        : null;

    // A request is read with all of its members missing, so that we say which it lacks, and not the reader of JSON.
    static bool IsNeeded(JsonPropertyInfo member) =>
        member.IsRequired || member.AttributeProvider?.IsDefined(typeof(RequiredAttribute), inherit: true) == true
        || !IsNullable(member) && member.AssociatedParameter is not { HasDefaultValue: true };

    static bool IsNullable(JsonPropertyInfo member) => member.PropertyType.IsValueType
        ? Nullable.GetUnderlyingType(member.PropertyType) is not null : member.IsGetNullable;
}
