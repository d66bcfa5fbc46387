using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Contracts.Messages;

/// <summary>
/// An enumeration in JSON: one of its names, as they are written. The library's own reader takes any number too, and several names at
/// once, which become a value that nobody knows.
/// </summary>
/// <typeparam name="T">Whose values have the names that <see cref="JsonStringEnumMemberNameAttribute"/> gives them.</typeparam>
public class EnumNameConverter<T> : JsonConverter<T> where T : struct, Enum
{
    readonly FrozenDictionary<T, string> names;
    readonly FrozenDictionary<string, T> values;

    public EnumNameConverter() : this(naming: null) { }

    /// <param name="naming">For the values that are given no names; null for the names that they have in the program.</param>
    protected EnumNameConverter(JsonNamingPolicy? naming)
    {
        names = typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static).ToFrozenDictionary(
            field => (T)field.GetValue(null)!,
            field => field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? naming?.ConvertName(field.Name) ?? field.Name);
        values = names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);
    }

    // Words of ours would take the place of the path, which whoever reads a request wants to tell.
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && values.TryGetValue(reader.GetString()!, out var value) ? value
        : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(names.TryGetValue(value, out var name) ? name
            : throw new JsonException($"{value} is no value of {typeof(T).Name}"));
    }
}
