using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;

namespace VBackup.Calls.Keys;

/// <summary>Keys as messages, and messages as keys.</summary>
static class KeyMessages
{
    public static V1.Key Of(ProjectKeyView key) => new()
    {
        Number = key.Number,
        State = (V1.KeyState)((int)key.State + 1),
        MadeAt = Fields.Of(key.MadeAt),
        HandedOutAt = Fields.Of(key.HandedOutAt),
        ErasedAt = Fields.Of(key.ErasedAt),
        Vaults =
        {
            key.Vaults.Select(vault => new V1.PendingVault
            { Location = Fields.Of(vault.Location), LocationName = vault.LocationName, Error = vault.Error }),
        },
    };

    public static ProjectKeyView Key(V1.Key key) => new(key.Number, Fields.Value<ProjectKeyState>((int)key.State),
        Fields.Instant(key.MadeAt), Fields.Instant(key.HandedOutAt), Fields.Instant(key.ErasedAt),
        [.. key.Vaults.Select(vault => new PendingVault(Fields.Id<LocationId>(vault.Location), vault.LocationName, vault.Error))]);

    public static V1.KeyAnswer Of(ProjectKeyAnswer answer) =>
        new() { Key = answer.Key is { } key ? Of(key) : null, Code = answer.Code, Reason = answer.Reason };

    public static ProjectKeyAnswer Answer(V1.KeyAnswer answer) =>
        new(answer.Key is { } key ? Key(key) : null, answer.Code, answer.Reason);
}
