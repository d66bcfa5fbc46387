using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Contracts.Keys;

/// <summary>What can be done with a project's key now. The names are on the wire.</summary>
[JsonConverter(typeof(EnumNameConverter<ProjectKeyState>))]
public enum ProjectKeyState
{
    /// <summary>The project has none yet: its first location makes it.</summary>
    [JsonStringEnumMemberName("none")] None,
    [JsonStringEnumMemberName("ready")] Ready,
    /// <summary>Some of its vaults still open with the key before.</summary>
    [JsonStringEnumMemberName("rotating")] Rotating,
    [JsonStringEnumMemberName("erased")] Erased,
}

/// <summary>A project's key, of which everything may be told but the key.</summary>
/// <param name="Number">From 1; higher with each new key. 0 when there is none.</param>
/// <param name="HandedOutAt">When this key was told to somebody last: who has it opens the project's vaults.</param>
/// <param name="Vaults">Those that have still to hear of what was done with the key.</param>
public sealed record ProjectKeyView(
    int Number, ProjectKeyState State, DateTimeOffset? MadeAt, DateTimeOffset? HandedOutAt, DateTimeOffset? ErasedAt,
    IReadOnlyList<PendingVault> Vaults);

/// <param name="Error">Why the last attempt failed; null when none has.</param>
public sealed record PendingVault(LocationId Location, string LocationName, string? Error);

/// <summary>What came of it.</summary>
/// <param name="Key">Null when it was refused.</param>
/// <param name="Code">For programs, of a refusal.</param>
public sealed record ProjectKeyAnswer(ProjectKeyView? Key, string? Code = null, string? Reason = null);

/// <summary>A key that is told to somebody.</summary>
/// <param name="Text">Its line, as a key file holds it; null when it was refused.</param>
public sealed record HandedOutKey(ProjectKeyAnswer Answer, string? Text)
{
    public override string ToString() => "a key";
}

/// <summary>
/// The vBackup service's keys. A call and no message, because one of them tells a key, which no message may hold. Each may be asked for
/// twice. Thread-safe.
/// </summary>
public interface IProjectKeys
{
    Task<ProjectKeyView> GetAsync(ProjectId project, CancellationToken cancellation);

    /// <summary>A new key opens the project's vaults in place of the one before, from one vault to the next.</summary>
    /// <param name="number">Of the key that is to be replaced; one that was replaced already is not replaced again.</param>
    Task<ProjectKeyAnswer> RotateAsync(ProjectId project, int number, CancellationToken cancellation);

    /// <summary>Nobody can read what the project has stored, from then on.</summary>
    Task<ProjectKeyAnswer> EraseAsync(ProjectId project, CancellationToken cancellation);

    /// <summary>Tells the key, as a recovery key.</summary>
    Task<HandedOutKey> HandOutAsync(ProjectId project, CancellationToken cancellation);
}
