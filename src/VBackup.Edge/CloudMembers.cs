using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VBackup.Edge;

/// <summary>Finds what is wrong with a cloud's document, member by member, and says so in the words of whoever wrote it. What the
/// serializer would say names types of this program.</summary>
static class CloudMembers
{
    /// <returns>The first fault; null when there is none.</returns>
    public static string? FindFault(JsonElement document) => FindFault(document, CloudJson.Default.CloudDocument, "");

    static string? FindFault(JsonElement value, JsonTypeInfo type, string within)
    {
        if (value.ValueKind != JsonValueKind.Object) return $"{(within.Length == 0 ? "it" : within)} is to be an object";
        HashSet<string> seen = [];
        foreach (var member in value.EnumerateObject())
        {
            var name = Within(within, member.Name);
            if (!seen.Add(member.Name)) return $"{name} is there twice";
            if (type.Properties.FirstOrDefault(known => known.Name == member.Name) is not { } property)
                return $"there is no {name}; {(within.Length == 0 ? "it" : within)} may have "
                    + string.Join(", ", type.Properties.Select(known => known.Name));
            if (FindFault(member.Value, property, name) is { } fault) return fault;
        }
        var missing = type.Properties.FirstOrDefault(known =>
            known.AssociatedParameter is { HasDefaultValue: false } && !seen.Contains(known.Name));
        return missing is null ? null : $"{Within(within, missing.Name)} is missing";
    }

    static string? FindFault(JsonElement value, JsonPropertyInfo property, string name)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return property.AssociatedParameter is { IsNullable: false } ? $"{name} may not be null" : null;
        if (property.PropertyType == typeof(string)) return value.ValueKind == JsonValueKind.String ? null : $"{name} is to be a text";
        if (property.PropertyType == typeof(double)) return value.ValueKind == JsonValueKind.Number ? null : $"{name} is to be a number";
        if (property.PropertyType == typeof(IReadOnlyList<string>))
            return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
                ? null : $"{name} is to be a list of texts";
        return FindFault(value, CloudJson.Default.GetTypeInfo(property.PropertyType)!, name);
    }

    static string Within(string outer, string name) => outer.Length == 0 ? name : $"{outer}.{name}";
}
