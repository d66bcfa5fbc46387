using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Servers;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Edge;

/// <summary>What of which server is to be backed up.</summary>
/// <param name="Disks">Names of its disks; empty for all.</param>
/// <param name="IsFull">Trust no base.</param>
/// <param name="IsAsItIs">Also what a restore in place has left half written.</param>
sealed record ServerBackupOrder(string Server, IReadOnlyList<string> Disks, bool IsFull, bool IsAsItIs);

/// <summary><c>vbackup edge backup</c></summary>
static class BackUpServer
{
    static readonly Option<string> s_server = new("--server") { HelpName = "NAME", Required = true, Description = "The server." };
    static readonly Option<string> s_volumes =
        new("--volumes") { HelpName = "A,B", Description = "Only these of its disks, as 'server list' names them." };
    static readonly Option<bool> s_full = new("--full") { Description = "Read all that is allocated, whatever was backed up before." };

    static readonly Option<bool> s_asItIs =
        new("--as-it-is") { Description = "Back up volumes also when a restore in place has left them half written." };

    public static Command Define()
    {
        var command = new Command("backup", "Snapshot a server's volumes at one instant and store them as a restore point.");
        CloudConfig.AddOption(command);
        VaultAccess.AddHoldingOptions(command);
        foreach (var option in (Option[])[s_server, s_volumes, s_full, s_asItIs]) command.Add(option);
        SpoolChoice.AddOptions(command, isRequired: false);
        command.SetAction((parsed, stop) => HandleAsync(CloudConfig.Read(parsed), VaultAccess.Read(parsed), SpoolChoice.Read(parsed),
            new(parsed.GetRequiredValue(s_server), ReadDisks(parsed), parsed.GetValue(s_full), parsed.GetValue(s_asItIs)),
            Screen.Of(parsed), stop));
        return command;
    }

    static string[] ReadDisks(ParseResult parsed)
    {
        if (parsed.GetValue(s_volumes) is not { } list) return [];
        var names = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        // As of a script whose variables are empty: that must not pass for all.
        return names.Length > 0 ? names : throw new UsageException("--volumes names no disk: leave it out for all of them");
    }

    static async Task<int> HandleAsync(
        string config, VaultAccess access, SpoolChoice? spool, ServerBackupOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var cloud = await CloudConfig.OpenAsync(config, screen, stop).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            var server = await FindServerAsync(cloud, order, stop).ConfigureAwait(false);
            // Whoever names disks knows that the others are not in the point.
            if (order.Disks.Count == 0) LeftOutNotes.NoteTo(screen, server);
            var vault = await access.OpenAsync(spool is null ? RetryLimits.Patient : SpoolChoice.Retries, stop).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var backup = new ServerBackup(cloud, vault, server, ServerBackup.OptionsFor(config, server, access), screen);
                var point = spool is null
                    ? await backup.RunAsync(order.IsFull, order.IsAsItIs, spool: null, stop).ConfigureAwait(false)
                    : await RunSpooledAsync(backup, vault, spool, order, screen, stop).ConfigureAwait(false);
                screen.Event(PointView.CompletedEvent(point, meter) with
                {
                    HeldSeconds = EdgeDocument.Of(point)!.HeldSeconds,
                    SnapshotToPointSeconds = Math.Round(backup.FromSnapshotToPoint.TotalSeconds, 3),
                },
                    EventJson.Default.BackupEvent);
                screen.Line($"point {point.Id} ({PointView.TypeOf(point.Type)}, {EdgeDocument.Of(point)!.Consistency} consistency) in "
                    + Units.Duration(meter.Elapsed));
            }
        }
        return ExitStatus.Done;
    }

    static async Task<PointDocument> RunSpooledAsync(ServerBackup backup, BackupVault vault, SpoolChoice choice, ServerBackupOrder order,
        Screen screen, CancellationToken stop)
    {
        var spool = await choice.OpenAsync(vault, stop).ConfigureAwait(false);
        await using (spool.ConfigureAwait(false))
        {
            // What an earlier run left there first: its point may be the base, and its room is needed.
            await UploadSpooled.RunAsync(vault, spool, screen, stop).ConfigureAwait(false);
            return await backup.RunAsync(order.IsFull, order.IsAsItIs, spool, stop).ConfigureAwait(false);
        }
    }

    /// <summary>The server, with the disks that were asked for.</summary>
    static async Task<Server> FindServerAsync(EdgeCloud cloud, ServerBackupOrder order, CancellationToken stop)
    {
        var server = await cloud.Hypervisor.FindAsync(order.Server, stop).ConfigureAwait(false)
            ?? throw new RefusedException($"there is no server {order.Server}: 'vbackup server list' shows them");
        foreach (var name in order.Disks)
            if (server.Disks.All(disk => disk.Name != name))
                throw new RefusedException($"server {server.Name} has no disk {name}; it has "
                    + $"{string.Join(", ", server.Disks.Select(disk => disk.Name))}{LeftOutNotes.Sentence(server)}");
        if (order.Disks.Count > 0) server = server with { Disks = [.. server.Disks.Where(disk => order.Disks.Contains(disk.Name))] };
        return server.Disks.Count > 0 ? server
            : throw new RefusedException($"server {server.Name} has no disk that can be backed up{LeftOutNotes.Sentence(server)}");
    }
}
