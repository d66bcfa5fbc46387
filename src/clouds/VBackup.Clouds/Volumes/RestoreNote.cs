using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Clouds.Volumes;

/// <summary>
/// Word that a restore in place overwrites a volume, kept beside it from before the first byte until everything was written and read back.
/// Where nobody restores, it tells that the volume is a mixture of what was and what was to be.
/// </summary>
/// <param name="Point">What the vault calls the point that was being restored.</param>
/// <param name="Since">When the writing was about to begin, by the clock of whoever wrote.</param>
/// <param name="SafetySnapshot">Has the volume as it was before; null when whoever wrote knew of none.</param>
public sealed record RestoreNote(string Point, DateTimeOffset Since, string? SafetySnapshot)
{
    /// <summary>Of the text, in bytes: what a storage has to be able to keep.</summary>
    public const int TextBytesMax = 1024;

    const int Version = 1;

    /// <summary>As it is kept.</summary>
    public string ToText() =>
        JsonSerializer.Serialize(new RestoreNoteText(Version, Point, Since, SafetySnapshot), RestoreNoteJson.Default.RestoreNoteText);

    /// <param name="text">What was kept; null or empty: nothing.</param>
    /// <exception cref="CloudException">It makes no sense, or a later version wrote it.</exception>
    public static RestoreNote? Parse(string? text, string volume)
    {
        if (string.IsNullOrEmpty(text)) return null;
        try
        {
            if (JsonSerializer.Deserialize(text, RestoreNoteJson.Default.RestoreNoteText) is { } kept)
            {
                return kept.Version == Version ? new(kept.Point, kept.Since, kept.SafetySnapshot) : throw new CloudException(
                    CloudFailure.NotSupported, "look at", volume,
                    $"a later version of vBackup restores it, or did: its note has version {kept.Version}");
            }
        }
        catch (JsonException damaged)
        {
            throw Senseless(volume, damaged);
        }
        throw Senseless(volume, null);
    }

    static CloudException Senseless(string volume, JsonException? reason) =>
        new(CloudFailure.Other, "look at", volume, "the note of a restore that is kept with it makes no sense: restore it again", reason);
}

sealed record RestoreNoteText(int Version, string Point, DateTimeOffset Since, string? SafetySnapshot);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RestoreNoteText))]
sealed partial class RestoreNoteJson : JsonSerializerContext;
