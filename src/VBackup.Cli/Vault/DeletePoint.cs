using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault delete POINT</c></summary>
static class DeletePoint
{
    public static Command Define()
    {
        var command = new Command("delete", "Delete a restore point; others are not touched, in whatever order they go.")
        { PointChoice.Argument };
        VaultAccess.AddOptions(command);
        command.SetAction(async (parsed, stop) =>
        {
            var screen = Screen.Of(parsed);
            var (id, damage) = await RunAsync(
                VaultAccess.Read(parsed), parsed.GetRequiredValue(PointChoice.Argument), stop).ConfigureAwait(false);
            if (damage is not null) screen.Note($"the point {id} could not be read, and is deleted all the same: {damage.Message}");
            screen.Event(new DoneEvent(Point: id), EventJson.Default.DoneEvent);
            screen.Line($"deleted point {id}; 'vbackup vault gc' frees what nothing else needs");
            return ExitStatus.Done;
        });
        return command;
    }

    /// <returns>The whole id of the point; and why it could not be read, or null.</returns>
    public static async Task<(string Id, DamageException? Damage)> RunAsync(VaultAccess access, string text, CancellationToken cancellation)
    {
        var vault = await access.OpenAsync(cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var (id, damage) = await VaultCatalog.FindToDeleteAsync(vault, text.Trim().ToLowerInvariant(), cancellation)
                .ConfigureAwait(false);
            await VaultCatalog.DeleteAsync(vault, id, cancellation).ConfigureAwait(false);
            return (id.ToString(), damage);
        }
    }
}
