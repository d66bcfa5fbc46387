using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault;
using VBackup.Vault.Catalog;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault stats</c></summary>
static class ShowStatistics
{
    public static Command Define()
    {
        var command = new Command("stats", "Show what the vault holds, in numbers.");
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var numbers = await VaultCatalog.StatisticsAsync(vault, stop).ConfigureAwait(false);
            screen.Event(EventOf(vault, numbers), EventJson.Default.StatisticsEvent);
            Show(vault, numbers, screen);
        }
        return ExitStatus.Done;
    }

    static StatisticsEvent EventOf(BackupVault vault, VaultStatistics numbers) => new(
        vault.Store.Description, vault.Header.VaultId.ToString(), vault.Header.CreatedAt, vault.ChunkSize, numbers.Points,
        numbers.LogicalBytes, numbers.Packs, numbers.PackBytes, numbers.IndexObjects, numbers.IndexBytes, numbers.OtherObjects,
        numbers.OtherBytes, numbers.RunningSessions, numbers.Condemned);

    static void Show(BackupVault vault, VaultStatistics numbers, Screen screen)
    {
        screen.Line($"vault {vault.Header.VaultId} at {vault.Store.Description}, made {Units.Time(vault.Header.CreatedAt)}, "
            + $"chunks of {Units.Size(vault.ChunkSize)}");
        screen.Line();
        var table = new TextTable("WHAT", ">COUNT", ">SIZE");
        table.Add("points (logical)", $"{numbers.Points}", Units.Size(numbers.LogicalBytes));
        table.Add("packs", $"{numbers.Packs}", Units.Size(numbers.PackBytes));
        table.Add("index objects", $"{numbers.IndexObjects}", Units.Size(numbers.IndexBytes));
        table.Add("other objects", $"{numbers.OtherObjects}", Units.Size(numbers.OtherBytes));
        table.Add("running sessions", $"{numbers.RunningSessions}", "");
        table.Add("condemnations", $"{numbers.Condemned}", "");
        screen.Table(table);
    }
}
