using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using NodaTime;
using NodaTime.Text;
using VBackup.Contracts.Messages;
using VBackup.Portal.Restores;

namespace VBackup.Portal.Policies;

/// <summary>How policies are written, in the database and in the API. The shape is frozen: later versions only add members.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 8,
    Converters = [typeof(TimeOfDayConverter), typeof(WeekdayConverter)])]
[JsonSerializable(typeof(PolicyRules))]
[JsonSerializable(typeof(RestoreCalendar))]
public sealed partial class PolicyJson : JsonSerializerContext;

/// <summary>A time of day in JSON: <c>HH:mm</c>.</summary>
public sealed class TimeOfDayConverter : JsonConverter<LocalTime>
{
    private static readonly LocalTimePattern s_pattern = LocalTimePattern.Create("HH':'mm", CultureInfo.InvariantCulture);

    public override LocalTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && s_pattern.Parse(reader.GetString()!) is { Success: true, Value: var time }
            ? time : throw new JsonException("a time of day is written as HH:mm, such as \"16:00\"");

    /// <exception cref="JsonException">It has seconds, which this form would lose.</exception>
    public override void Write(Utf8JsonWriter writer, LocalTime value, JsonSerializerOptions options)
    {
        if (value.TickOfDay % NodaConstants.TicksPerMinute != 0) throw new JsonException($"{value} is not a whole minute");
        writer.WriteStringValue(s_pattern.Format(value));
    }
}

/// <summary>A day of the week in JSON: its English name in small letters.</summary>
public sealed class WeekdayConverter() : EnumNameConverter<IsoDayOfWeek>(JsonNamingPolicy.CamelCase);
