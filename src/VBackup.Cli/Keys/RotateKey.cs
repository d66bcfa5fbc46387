using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;

namespace VBackup.Cli.Keys;

/// <summary><c>vbackup key rotate</c>: the vault opens with a new key, and with the old one no more. Given a recovery key,
/// which stays, the old ones are all key files: one was lost.</summary>
static class RotateKey
{
    static readonly Option<string> s_newKeyFile =
        new("--new-key-file") { HelpName = "FILE", Description = "The new key file; it is made when it does not exist." };
    static readonly Option<string> s_newPassphraseFile =
        new("--new-passphrase-file") { HelpName = "FILE", Description = "A file with the new passphrase." };

    public static Command Define()
    {
        var command = new Command("rotate",
            "Let a new key open the vault in place of the one given; given a recovery key, in place of every key file.");
        VaultAccess.AddOptions(command);
        command.Add(s_newKeyFile);
        command.Add(s_newPassphraseFile);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed),
            KeySource.Choose(
                parsed.GetValue(s_newKeyFile), parsed.GetValue(s_newPassphraseFile), "--new-key-file", "--new-passphrase-file"),
            Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, KeySource next, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var isMade = !next.IsPassphrase && !File.Exists(next.Path);
            if (isMade)
            {
                KeyFile.Create(next.Path);
                screen.Detail($"made the key file {next.Path}");
            }
            using var unlock = await next.ReadUnlockAsync(stop).ConfigureAwait(false);
            var rotation = await RotateAsync(vault, unlock, isMade ? next.Path : null, stop).ConfigureAwait(false);
            screen.Event(new DoneEvent(Path: Path.GetFullPath(next.Path)), EventJson.Default.DoneEvent);
            screen.Line($"{next.Path} opens the vault at {vault.Store.Description} now");
            foreach (var slot in rotation.Removed) screen.Line($"    {KeySlotView.Describe(slot)} does not open it any more");
            foreach (var slot in rotation.Kept) screen.Line($"    {KeySlotView.Describe(slot)} still opens it");
        }
        return ExitStatus.Done;
    }

    // The new key file stays: the store may have taken its slot, whatever it said, and the old key be gone.
    static async Task<KeyRotation> RotateAsync(BackupVault vault, VaultUnlock next, string? madeFile, CancellationToken stop)
    {
        try
        {
            return await VaultKeySlots.RotateAsync(vault, next, stop).ConfigureAwait(false);
        }
        catch (Exception failure) when (madeFile is not null)
        {
            Aftermath.Add(failure, $"keep {madeFile}, which was made, until 'vbackup key list' with it or with the old key tells which "
                + "opens the vault");
            throw;
        }
    }
}
