using System.CommandLine;
using System.Text.Json;
using VBackup.Cli.Terminal;
using VBackup.Vault.Catalog;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault show POINT</c></summary>
static class ShowPoint
{
    public static Command Define()
    {
        var command = new Command("show", "Show all that is known of a restore point.") { PointChoice.Argument };
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), parsed.GetRequiredValue(PointChoice.Argument), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, string text, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var point = await PointChoice.FindAsync(vault, text, stop).ConfigureAwait(false);
            // What deleting it would free depends on all the others.
            var summary = (await VaultCatalog.ListAsync(vault, withFreed: true, stop).ConfigureAwait(false)).Points
                .FirstOrDefault(summary => summary.Point.Id == point.Id)
                ?? throw new RefusedException($"point {point.Id} has been deleted meanwhile");
            screen.Event(PointView.EventOf(summary), EventJson.Default.PointEvent);
            Show(summary, screen);
        }
        return ExitStatus.Done;
    }

    static void Show(PointSummary summary, Screen screen)
    {
        var point = summary.Point;
        screen.Line($"point    {point.Id}");
        screen.Line($"server   {point.Name}");
        screen.Line($"time     {Units.Time(point.CreatedAt)}");
        screen.Line($"type     {PointView.TypeOf(point.Type)}{(point.Base is null ? "" : $" on {point.Base}")}");
        screen.Line($"sizes    {Units.Size(summary.LogicalBytes)} logical, {Units.Size(summary.ReadBytes)} read, "
            + $"{Units.Size(summary.StoredBytes)} stored, {PointView.FreedOf(summary)} freed if deleted alone");
        if (PointView.RemarkOn(point) is { Length: > 0 } remark) screen.Line($"remark   {remark}");
        if (point.Metadata is { ValueKind: not JsonValueKind.Null } metadata) screen.Line($"metadata {metadata.GetRawText()}");
        screen.Line();
        var table = new TextTable("VOLUME", "TYPE", ">BYTES", ">LOGICAL", ">READ", ">STORED");
        foreach (var volume in point.Volumes)
            table.Add(volume.Name, PointView.TypeOf(volume.Type), $"{volume.LengthBytes}", Units.Size(volume.LengthBytes),
                Units.Size(volume.ReadBytes), Units.Size(volume.StoredBytes));
        screen.Table(table);
    }
}
