using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Cli.Edge;

/// <summary>What of which server is to be backed up.</summary>
/// <param name="Disks">Names of its disks; empty for all.</param>
/// <param name="IsFull">Trust no base.</param>
sealed record ServerBackupOrder(string Server, IReadOnlyList<string> Disks, bool IsFull);

/// <summary><c>vbackup edge backup</c></summary>
static class BackUpServer
{
    static readonly Option<string> s_server = new("--server") { HelpName = "NAME", Required = true, Description = "The server." };
    static readonly Option<string> s_volumes =
        new("--volumes") { HelpName = "A,B", Description = "Only these of its disks, as 'server list' names them." };
    static readonly Option<bool> s_full = new("--full") { Description = "Read all that is allocated, whatever was backed up before." };

    public static Command Define()
    {
        var command = new Command("backup", "Snapshot a server's volumes at one instant and store them as a restore point.");
        CloudConfig.AddOption(command);
        VaultAccess.AddOptions(command);
        foreach (var option in (Option[])[s_server, s_volumes, s_full]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(CloudConfig.Read(parsed), VaultAccess.Read(parsed),
            new(parsed.GetRequiredValue(s_server),
                parsed.GetValue(s_volumes)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
                parsed.GetValue(s_full)),
            Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(
        string config, VaultAccess access, ServerBackupOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var cloud = await CloudConfig.OpenAsync(config, stop).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            var server = await FindServerAsync(cloud, order, stop).ConfigureAwait(false);
            var vault = await access.OpenAsync(RetryLimits.Patient, stop).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var point = await RunAsync(cloud, vault, server, order.IsFull, screen, stop).ConfigureAwait(false);
                screen.Event(PointView.CompletedEvent(point, meter), EventJson.Default.BackupEvent);
                screen.Line($"point {point.Id} ({PointView.TypeOf(point.Type)}, {EdgeDocument.Of(point)!.Consistency} consistency) in "
                    + Units.Duration(meter.Elapsed));
            }
        }
        return ExitStatus.Done;
    }

    /// <summary>The server, with the disks that were asked for.</summary>
    static async Task<Server> FindServerAsync(EdgeCloud cloud, ServerBackupOrder order, CancellationToken stop)
    {
        var server = await cloud.Hypervisor.FindAsync(order.Server, stop).ConfigureAwait(false)
            ?? throw new RefusedException($"there is no server {order.Server}: 'vbackup server list' shows them");
        foreach (var name in order.Disks)
            if (server.Disks.All(disk => disk.Name != name))
                throw new RefusedException($"server {server.Name} has no disk {name}; it has {string.Join(", ", server.Disks.Select(disk => disk.Name))}");
        if (order.Disks.Count > 0) server = server with { Disks = [.. server.Disks.Where(disk => order.Disks.Contains(disk.Name))] };
        return server.Disks.Count > 0 ? server : throw new RefusedException($"server {server.Name} has no disk that can be backed up");
    }

    /// <summary>Snapshots, exports, publishes, and releases the snapshots that are not needed any more.</summary>
    public static async Task<PointDocument> RunAsync(
        EdgeCloud cloud, BackupVault vault, Server server, bool isFull, Screen screen, CancellationToken cancellation)
    {
        var earlier = await EarlierPoints.OfAsync(vault, server.Id, cancellation).ConfigureAwait(false);
        var (basePoint, baseEdge) = isFull ? default : earlier.NewestTrusted;
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        // Before the snapshot: what cannot be stored need not hold a guest.
        var run = await BackupWriter.StartAsync(vault, "backup", basePoint, cancellation).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            var name = NewName();
            try
            {
                var (instant, consistency) = await TakeAsync(cloud, server, name, volumes, screen, cancellation).ConfigureAwait(false);
                var configuration = await cloud.Hypervisor.ReadConfigurationAsync(server.Name, cancellation).ConfigureAwait(false);
                var (documents, isTrackingWrong) = await ExportAsync(
                    cloud, run, server, name, run.Base is null ? null : baseEdge, screen, cancellation).ConfigureAwait(false);
                var edge = new EdgeDocument(server.Name, server.Id, name, instant.TakenAt, consistency,
                    server.Disks.ToDictionary(disk => disk.Name, disk => disk.Volume.Value), configuration.Kind, configuration.Text,
                    isTrackingWrong ? earlier.SinceLastFull : []);
                var type = documents.Exists(volume => volume.Type == PointType.Incremental) ? PointType.Incremental : PointType.Full;
                var point = await run.PublishAsync(server.Name, type, edge.ToMetadata(), documents, cancellation).ConfigureAwait(false);
                await ReleaseAsync(cloud, earlier.Instants, volumes, screen, cancellation).ConfigureAwait(false);
                return point;
            }
            catch (Exception failure)
            {
                await RemoveAfterFailureAsync(cloud, name, volumes, failure).ConfigureAwait(false);
                throw;
            }
        }
    }

    static string NewName() => string.Create(CultureInfo.InvariantCulture,
        $"{EarlierPoints.NamePrefix}{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");

    static async Task<(Instant Instant, string Consistency)> TakeAsync(
        EdgeCloud cloud, Server server, string name, IReadOnlyList<VolumeId> volumes, Screen screen, CancellationToken cancellation)
    {
        // How a guest that does not run was ended, nobody knows.
        if (server.State is not ServerState.Running)
            return (await cloud.Storage.Snapshots.TakeAsync(name, volumes, cancellation).ConfigureAwait(false), "crash");
        Instant instant;
        bool wasHeld;
        var hold = await cloud.HoldAsync(server.Name, cancellation).ConfigureAwait(false);
        await using (hold.ConfigureAwait(false))
        {
            if (hold.WhyNotHeld is { } reason) screen.Note($"the guest is not frozen for the snapshot: {reason}");
            if (hold.WhyNotHeld is not null && !await cloud.Storage.Snapshots.HoldsStillAsync(volumes, cancellation).ConfigureAwait(false))
                throw new RefusedException($"the volumes of {server.Name} cannot be held still by the storage, and the guest cannot be frozen: "
                    + "the point would be of no one instant. Give the volumes exclusive-lock, install the guest agent, or stop the server");
            instant = await cloud.Storage.Snapshots.TakeAsync(name, volumes, cancellation).ConfigureAwait(false);
            wasHeld = await hold.WasStillFrozenAsync(cancellation).ConfigureAwait(false);
            if (hold.WhyNotHeld is null && !wasHeld) screen.Note("the guest was let go before the snapshot was complete: crash consistency");
        }
        return (instant, wasHeld ? "filesystem" : "crash");
    }

    static async Task<(List<VolumeDocument> Documents, bool IsTrackingWrong)> ExportAsync(EdgeCloud cloud, BackupWriter run, Server server,
        string instant, EdgeDocument? baseEdge, Screen screen, CancellationToken cancellation)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        var export = new TrackedExport(run, cloud.Storage, new(), random);
        List<VolumeDocument> documents = [];
        var isTrackingWrong = false;
        foreach (var disk in server.Disks)
        {
            var basis = baseEdge is null || baseEdge.Volumes.GetValueOrDefault(disk.Name) != disk.Volume.Value
                ? null : run.Base?.Volumes.FirstOrDefault(volume => volume.Name == disk.Name);
            using var progress = screen.Follow(disk.Name, await cloud.Storage.FindLengthAsync(disk.Volume, cancellation).ConfigureAwait(false) ?? 0);
            var result = await export.ExportAsync(
                new(disk.Name, disk.Volume, instant, basis is null ? null : baseEdge!.Instant, basis), progress, cancellation).ConfigureAwait(false);
            if (result.FullBecause is { } reason) screen.Note($"volume {disk.Name} becomes full: {reason}");
            if (result.Missed.Count > 0) isTrackingWrong = true;
            documents.Add(result.Document);
        }
        return (documents, isTrackingWrong);
    }

    // The point is complete; a snapshot that stays is only a nuisance, which the next run tidies.
    static async Task ReleaseAsync(
        EdgeCloud cloud, IReadOnlyList<string> instants, IReadOnlyList<VolumeId> volumes, Screen screen, CancellationToken cancellation)
    {
        foreach (var old in instants)
        {
            try
            {
                await cloud.Storage.Snapshots.RemoveAsync(old, volumes, cancellation).ConfigureAwait(false);
            }
            catch (CloudException failure)
            {
                screen.Note($"the snapshot {old} is not needed any more and could not be removed: {failure.Message}");
            }
        }
    }

    static async Task RemoveAfterFailureAsync(EdgeCloud cloud, string name, IReadOnlyList<VolumeId> volumes, Exception failure)
    {
        try
        {
            await cloud.Storage.Snapshots.RemoveAsync(name, volumes, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CloudException second)
        {
            Failure.AddAftermath(failure, $"the snapshot {name} is left ({second.Message}): 'vbackup edge snapshots release' removes it");
        }
    }
}
