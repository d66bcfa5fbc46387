using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Clouds.Volumes;

/// <summary>
/// Word that a restore in place, or a roll back, overwrites a volume, kept beside it from before the first byte until everything was
/// written and, by a restore, read back. Where nobody restores, it tells that the volume is a mixture of what was and what was to be.
/// </summary>
/// <param name="Point">What the vault calls the point that was being restored; of a roll back, the instant's name.</param>
/// <param name="Since">When the writing was about to begin, by the clock of whoever wrote.</param>
/// <param name="SafetySnapshot">Makes the volume whole again: it has it as it was before, or as it was to be after a roll back; null when
/// whoever wrote knew of none.</param>
/// <param name="IsRollBack">Whether it was a roll back.</param>
/// <param name="NewestWhole">The newest of the instants that were there before a roll back began: all of them have the volume whole, where
/// they have it. Null: the safety snapshot is that.</param>
public sealed record RestoreNote(
    string Point, DateTimeOffset Since, string? SafetySnapshot, bool IsRollBack = false, string? NewestWhole = null)
{
    /// <summary>Of the text, in bytes: what a storage has to be able to keep.</summary>
    public const int TextBytesMax = 1024;

    const int Version = 1;

    /// <summary>As it is kept.</summary>
    public string ToText() =>
        JsonSerializer.Serialize(new RestoreNoteText(Version, Point, Since, SafetySnapshot, IsRollBack, NewestWhole),
            RestoreNoteJson.Default.RestoreNoteText);

    /// <param name="text">What was kept; null or empty: nothing.</param>
    /// <exception cref="CloudException">It makes no sense, or a later version wrote it.</exception>
    public static RestoreNote? Parse(string? text, string volume)
    {
        if (string.IsNullOrEmpty(text)) return null;
        try
        {
            if (JsonSerializer.Deserialize(text, RestoreNoteJson.Default.RestoreNoteText) is { } kept)
            {
                return kept.Version == Version
                    ? new(kept.Point, kept.Since, kept.SafetySnapshot, kept.IsRollBack, kept.NewestWhole)
                    : throw new CloudException(CloudFailure.NotSupported, "look at", volume,
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

// Earlier versions know the first four alone, take a roll back's for a restore's, and keep backups away all the same.
sealed record RestoreNoteText(int Version, string Point, DateTimeOffset Since, string? SafetySnapshot,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsRollBack = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? NewestWhole = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RestoreNoteText))]
sealed partial class RestoreNoteJson : JsonSerializerContext;
