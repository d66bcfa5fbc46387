using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;

namespace VBackup.Cli.Keys;

/// <summary><c>vbackup key remove SLOT</c>: a key opens the vault no more. Never the one given, so never the last.</summary>
static class RemoveKey
{
    static readonly Argument<string> s_slot = new("SLOT") { Description = "A slot as 'key list' shows it, or the start of it." };

    public static Command Define()
    {
        var command = new Command("remove",
            "Remove a key slot, but not the one of the key given: its key does not open the vault any more.")
        { s_slot };
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), parsed.GetRequiredValue(s_slot).Trim().ToLowerInvariant(), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, string text, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var removed = await VaultKeySlots.RemoveAsync(vault, text, stop).ConfigureAwait(false);
            screen.Event(new DoneEvent(Slot: removed.Id), EventJson.Default.DoneEvent);
            screen.Line($"{KeySlotView.Describe(removed)} does not open the vault at {vault.Store.Description} any more");
        }
        return ExitStatus.Done;
    }
}
