using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Portal.Api;

/// <summary>Texts of requests are on one line: none of them is a document, and what has control characters breaks lists, logs and mails in
/// which it is shown.</summary>
sealed class OneLine : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String) throw new JsonException("a text is expected");
        var text = reader.GetString()!;
        return Is(text) ? text : throw new ControlCharacterException();
    }

    // Unicode has line breaks that are no control characters.
    public static bool Is(string text) => !text.Any(letter => char.IsControl(letter) || letter is '\u2028' or '\u2029');

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}

/// <summary>A text has a line break, or another control character.</summary>
sealed class ControlCharacterException() : JsonException;
