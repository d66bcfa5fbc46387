using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;

namespace VBackup.Cli.Keys;

/// <summary><c>vbackup key list</c></summary>
static class ListKeys
{
    public static Command Define()
    {
        var command = new Command("list", "List the key slots of a vault: each lets one key file, recovery key or passphrase open it.");
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var slots = await VaultKeySlots.ListAsync(vault, stop).ConfigureAwait(false);
            var table = new TextTable("SLOT", "KIND", "CREATED", "");
            foreach (var slot in slots)
            {
                screen.Event(KeySlotView.EventOf(slot), EventJson.Default.KeySlotEvent);
                table.Add(slot.Id, KeySlotView.KindOf(slot), slot.CreatedAt is { } made ? Units.Time(made) : "",
                    slot.Problem ?? (slot.IsOpener ? "the key given" : ""));
            }
            screen.Table(table);
            return slots.Any(slot => slot.Problem is not null) ? ExitStatus.DamageFound : ExitStatus.Done;
        }
    }
}
