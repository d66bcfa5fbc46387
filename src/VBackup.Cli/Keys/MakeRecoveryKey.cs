using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;

namespace VBackup.Cli.Keys;

/// <summary><c>vbackup key recovery</c></summary>
static class MakeRecoveryKey
{
    public static Command Define()
    {
        var command = new Command("recovery", "Make one more key that opens the vault, to be printed and locked away.");
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var text = await VaultKeySlots.AddRecoveryKeyAsync(vault, stop).ConfigureAwait(false);
            screen.Event(new RecoveryKeyEvent(text), EventJson.Default.RecoveryKeyEvent);
            screen.Line($"The recovery key of the vault at {vault.Store.Description}, which is shown this once only:");
            screen.Line();
            screen.Line($"    {text}");
            screen.Line();
            screen.Line("Print it and lock it away. Typed into a file, it is a key file: give it as --key-file.");
        }
        return ExitStatus.Done;
    }
}
