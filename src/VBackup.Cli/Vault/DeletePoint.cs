using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault.Catalog;

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
            var id = await RunAsync(VaultAccess.Read(parsed), parsed.GetRequiredValue(PointChoice.Argument), stop).ConfigureAwait(false);
            screen.Event(new DoneEvent(Point: id), EventJson.Default.DoneEvent);
            screen.Line($"deleted point {id}; 'vbackup vault gc' frees what nothing else needs");
            return ExitStatus.Done;
        });
        return command;
    }

    /// <returns>The whole id of the point.</returns>
    public static async Task<string> RunAsync(VaultAccess access, string text, CancellationToken cancellation)
    {
        var vault = await access.OpenAsync(cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var point = await PointChoice.FindAsync(vault, text, cancellation).ConfigureAwait(false);
            await VaultCatalog.DeleteAsync(vault, PointChoice.IdOf(point), cancellation).ConfigureAwait(false);
            return point.Id;
        }
    }
}
