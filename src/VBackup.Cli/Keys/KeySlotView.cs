using VBackup.Cli.Terminal;
using VBackup.Vault;
using VBackup.Vault.Format.Keys;

namespace VBackup.Cli.Keys;

/// <summary>How key slots are shown.</summary>
static class KeySlotView
{
    public static string KindOf(KeySlotSummary slot) => slot.Kind switch
    {
        KeyKind.KeyFile => "key file",
        KeyKind.Recovery => "recovery key",
        KeyKind.Passphrase => "passphrase",
        _ => "unreadable",
    };

    /// <summary>As the subject of a sentence.</summary>
    public static string Describe(KeySlotSummary slot) => slot.CreatedAt is { } made
        ? $"the {KindOf(slot)} of {Units.Time(made)} (slot {slot.Id})" : $"the key of the unreadable slot {slot.Id}";

    public static KeySlotEvent EventOf(KeySlotSummary slot) =>
        new(slot.Id, KindOf(slot).Replace(' ', '-'), slot.CreatedAt, slot.IsOpener, slot.Problem);
}
