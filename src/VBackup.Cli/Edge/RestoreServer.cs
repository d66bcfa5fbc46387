using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Edge;

/// <summary>Where a point is to be restored to.</summary>
/// <param name="Config">The cloud's, also for commands that people are told to give.</param>
/// <param name="To"><c>original</c>, <c>new-server</c> or <c>new-volume</c>.</param>
/// <param name="Name">Of the new server or volume.</param>
/// <param name="Volume">Only this one of the point's volumes.</param>
/// <param name="Stops">A running server may be stopped, and is started again when all went well.</param>
sealed record ServerRestoreOrder(string Config, string Point, string To, string? Name, string? Volume, bool Stops);

/// <summary><c>vbackup edge restore</c></summary>
static class RestoreServer
{
    static readonly Option<string[]> s_to = new("--to")
    {
        HelpName = "original | new-server NAME | new-volume NAME",
        Required = true,
        Description = "Into the server's own volumes, to a new server, or one volume to a new volume.",
        AllowMultipleArgumentsPerToken = true,
        Arity = new(1, 2),
    };
    static readonly Option<string> s_volume = new("--volume") { HelpName = "NAME", Description = "Only this one of the point's volumes." };
    static readonly Option<bool> s_stop =
        new("--stop") { Description = "Stop the server first if it runs, and start it again when all is restored." };

    public static Command Define()
    {
        var command = new Command("restore", "Restore a point to its server, a new server, or a new volume; everything is read back.")
        { PointChoice.Argument };
        CloudConfig.AddOption(command);
        VaultAccess.AddOptions(command);
        foreach (var option in (Option[])[s_to, s_volume, s_stop]) command.Add(option);
        SpoolChoice.AddOptions(command, isRequired: false);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), SpoolChoice.Read(parsed), ReadOrder(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static ServerRestoreOrder ReadOrder(ParseResult parsed)
    {
        var to = parsed.GetRequiredValue(s_to);
        var needsName = to[0] switch
        {
            "original" => false,
            "new-server" or "new-volume" => true,
            _ => throw new UsageException($"--to {to[0]}: there are original, new-server NAME and new-volume NAME"),
        };
        if (needsName != (to.Length == 2))
            throw new UsageException(needsName ? $"--to {to[0]} needs a name" : "--to original takes no name");
        var volume = parsed.GetValue(s_volume);
        if (volume is not null && to[0] == "new-server")
            throw new UsageException("--volume does not go with --to new-server, which gets all of the point's volumes: use --to "
                + "new-volume");
        if (to is [_, var name] && name.Contains('/', StringComparison.Ordinal))
            throw new UsageException($"'{name}' is no name: leave out the '/'");
        return new(CloudConfig.Read(parsed), parsed.GetRequiredValue(PointChoice.Argument),
            to[0], to.ElementAtOrDefault(1), volume, parsed.GetValue(s_stop));
    }

    static async Task<int> HandleAsync(
        VaultAccess access, SpoolChoice? spoolChoice, ServerRestoreOrder order, Screen screen, CancellationToken stop)
    {
        var cloud = await CloudConfig.OpenAsync(order.Config, screen, stop).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        var vault = await access.OpenAsync(RetryLimits.Patient, stop).ConfigureAwait(false);
        await using var closingVault = vault.ConfigureAwait(false);
        if (spoolChoice is null) return await RestoreAsync(cloud, vault, order, screen, stop).ConfigureAwait(false);
        // As long as it is open, packs that it has are read from it.
        var spool = await spoolChoice.OpenAsync(vault, stop).ConfigureAwait(false);
        await using (spool.ConfigureAwait(false)) return await RestoreAsync(cloud, vault, order, screen, stop).ConfigureAwait(false);
    }

    static async Task<int> RestoreAsync(
        EdgeCloud cloud, BackupVault vault, ServerRestoreOrder order, Screen screen, CancellationToken stop)
    {
        var restored = await RunAsync(cloud, vault, order, screen, stop).ConfigureAwait(false);
        screen.Event(restored, EventJson.Default.ServerRestoredEvent);
        screen.Line($"restored point {PointView.ShortId(restored.Point)} to {restored.Target}: {Units.Size(restored.LogicalBytes)}, "
            + $"{Units.Size(restored.WrittenBytes)} written, everything read back, in "
                + $"{Units.Duration(TimeSpan.FromSeconds(restored.ElapsedSeconds))}");
        return ExitStatus.Done;
    }

    /// <summary>Writes the volumes and reads them back.</summary>
    internal static async Task<ServerRestoredEvent> RunAsync(
        EdgeCloud cloud, BackupVault vault, ServerRestoreOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var point = await PointChoice.FindAsync(vault, order.Point, stop).ConfigureAwait(false);
        var edge = ServerPoint.EdgeOf(point);
        var volumes = ServerPoint.Choose(point, order.Volume);
        var earlier = await EarlierPoints.OfAsync(vault, edge.ServerId, stop).ConfigureAwait(false);
        if (earlier.IsDistrusted(point.Id))
            screen.Note(
                $"point {PointView.ShortId(point.Id)} is distrusted: change tracking was found wrong after it, so it may lack changes");
        if (edge.Remark is { } remark) screen.Note($"point {PointView.ShortId(point.Id)} is {remark}");
        var reading = await PointReading.BeginAsync(vault, "restore", point, stop).ConfigureAwait(false);
        await using (reading.ConfigureAwait(false))
        {
            screen.NoteUnprotected(reading.Refusal);
            var restore = new VolumeRestore(cloud.Storage, reading, screen);
            var making = new NewResources(cloud, restore, edge, screen);
            var target = order.To switch
            {
                "original" => await InPlaceRestore.RunAsync(
                    cloud, restore, edge, point.Id, volumes, earlier.Instants, order, screen, stop).ConfigureAwait(false),
                "new-server" => $"server {(await making.MakeServerAsync(point, order.Name!, stop).ConfigureAwait(false)).Name}",
                _ => await making.MakeVolumeAsync(TheOnly(volumes), order.Name!, stop).ConfigureAwait(false),
            };
            return new(point.Id, order.To, target, restore.LogicalBytes, restore.WrittenBytes, meter.ElapsedSeconds);
        }
    }

    static VolumeDocument TheOnly(IReadOnlyList<VolumeDocument> volumes) => volumes is [var volume] ? volume
        : throw new UsageException($"give --volume NAME: the point has {string.Join(", ", volumes.Select(one => one.Name))}");
}
