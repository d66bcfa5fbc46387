using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault.Catalog;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault list</c></summary>
static class ListPoints
{
    static readonly Option<bool> s_withoutFreed =
        new("--without-freed") { Description = "Do not work out what deleting each point would free; quicker in a large vault." };

    public static Command Define()
    {
        var command = new Command("list", "List the restore points, oldest first.");
        VaultAccess.AddOptions(command);
        command.Add(s_withoutFreed);
        command.SetAction((parsed, stop) =>
            HandleAsync(VaultAccess.Read(parsed), !parsed.GetValue(s_withoutFreed), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, bool withFreed, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var table = new TextTable("POINT", "TIME", "NAME", "TYPE", ">LOGICAL", ">READ", ">STORED", ">FREED", "");
            var (points, unreadable) = await VaultCatalog.ListAsync(vault, withFreed, stop).ConfigureAwait(false);
            foreach (var summary in points)
            {
                screen.Event(PointView.EventOf(summary), EventJson.Default.PointEvent);
                var point = summary.Point;
                table.Add(PointView.ShortId(point.Id), Units.Time(point.CreatedAt), point.Name, PointView.TypeOf(point.Type),
                    Units.Size(summary.LogicalBytes), Units.Size(summary.ReadBytes), Units.Size(summary.StoredBytes),
                    PointView.FreedOf(summary), PointView.RemarkOn(point));
            }
            if (points.Count + unreadable.Count == 0) screen.Line($"no points in the vault at {vault.Store.Description} yet");
            else screen.Table(table);
            foreach (var damage in unreadable) screen.Note($"cannot be read: {damage.Message}; 'vault verify' tells more");
            return unreadable.Count == 0 ? ExitStatus.Done : ExitStatus.DamageFound;
        }
    }
}
