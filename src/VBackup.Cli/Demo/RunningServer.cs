using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.Cli.Demo;

/// <summary>
/// A server of a lab cloud that runs while it is backed up: its guest keeps a journal, each record first on one volume and then on
/// the other. Only volumes of one and the same instant can be in order.
/// </summary>
sealed class RunningServer(string folder, VaultAccess access, Screen screen, DemoReport report, CancellationToken cancellation)
{
    const string Server = "journal-server";
    const long VolumeBytes = 32L << 20;
    const int RecordsBetweenBackups = 300;
    static readonly TimeSpan s_holdLimit = TimeSpan.FromSeconds(5);
    static readonly ServerDisk[] s_disks = [new("first", new("journal-first")), new("second", new("journal-second"))];

    /// <summary>What the journals on the restored volumes said.</summary>
    public string Journal { get; private set; } = "";

    public async Task RunAsync()
    {
        var lab = LabCloud.Open(Path.Combine(folder, "cloud"));
        var cloud = EdgeCloud.Of(lab, s_holdLimit);
        await using var closingCloud = cloud.ConfigureAwait(false);
        var vault = await access.OpenAsync(cancellation).ConfigureAwait(false);
        await using var closingVault = vault.ConfigureAwait(false);
        LabGuest? guest = null;
        await report.TimeAsync("start a server that keeps writing to two volumes", 0, async () =>
        {
            foreach (var disk in s_disks) await cloud.Storage.CreateAsync(disk.Volume, VolumeBytes, cancellation).ConfigureAwait(false);
            await lab.Hypervisor.DeclareAsync(Server, s_disks, cancellation).ConfigureAwait(false);
            await cloud.Hypervisor.StartAsync(Server, cancellation).ConfigureAwait(false);
            guest = await LabGuest.StartAsync(lab, Server, cancellation).ConfigureAwait(false);
            return "its journal tells whether both volumes are of one instant";
        }).ConfigureAwait(false);
        List<PointDocument> points = [];
        await using (guest!.ConfigureAwait(false))
            foreach (var type in (PointType[])[PointType.Full, PointType.Incremental])
                points.Add(await BackUpAsync(cloud, vault, guest!, type).ConfigureAwait(false));
        for (var i = 0; i < points.Count; i++)
            await RestoreAsync(cloud, vault, points[i], $"{Server}-{i + 1}").ConfigureAwait(false);
    }

    async Task<PointDocument> BackUpAsync(EdgeCloud cloud, BackupVault vault, LabGuest guest, PointType type)
    {
        PointDocument? point = null;
        await report.TimeAsync($"{PointView.TypeOf(type)} backup of the running server", s_disks.Length * VolumeBytes, async () =>
        {
            await guest.Journal.ReachAsync(guest.Journal.Written + RecordsBetweenBackups, cancellation).ConfigureAwait(false);
            var server = await cloud.Hypervisor.FindAsync(Server, cancellation).ConfigureAwait(false)
                ?? throw new RefusedException($"the demo failed: the server {Server} is gone");
            point = await new ServerBackup(cloud, vault, server, screen).RunAsync(isFull: false, spool: null, cancellation).ConfigureAwait(false);
            if (point.Type != type) throw new RefusedException($"the demo failed: the point became {PointView.TypeOf(point.Type)}");
            return $"{EdgeDocument.Of(point)!.Consistency} consistency, stored {Units.Size(point.Volumes.Sum(volume => volume.StoredBytes))}";
        }).ConfigureAwait(false);
        return point!;
    }

    async Task RestoreAsync(EdgeCloud cloud, BackupVault vault, PointDocument point, string name)
    {
        await report.TimeAsync($"restore its {PointView.TypeOf(point.Type)} backup to a new server", s_disks.Length * VolumeBytes, async () =>
        {
            var reading = await PointReading.BeginAsync(vault, "restore", point, cancellation).ConfigureAwait(false);
            await using (reading.ConfigureAwait(false))
                await NewResources.MakeServerAsync(
                    cloud, new(cloud.Storage, reading, screen), EdgeDocument.Of(point)!, point, name, cancellation).ConfigureAwait(false);
            return await CheckAsync(cloud, name).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    async Task<string> CheckAsync(EdgeCloud cloud, string name)
    {
        var made = await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false)
            ?? throw new RefusedException($"the demo failed: there is no server {name}");
        var first = await cloud.Storage.OpenReaderAsync(made.Disks[0].Volume, cancellation).ConfigureAwait(false);
        await using var closingFirst = first.ConfigureAwait(false);
        var second = await cloud.Storage.OpenReaderAsync(made.Disks[1].Volume, cancellation).ConfigureAwait(false);
        await using var closingSecond = second.ConfigureAwait(false);
        var verdict = await JournalCheck.OfAsync(first, second, cancellation).ConfigureAwait(false);
        if (!verdict.IsInOrder) throw new RefusedException($"the demo failed: {verdict.Fault}");
        if (verdict.LastOfFirst == 0) throw new RefusedException("the demo failed: the restored volumes have no journal");
        Journal = "ORDER-OK";
        return $"journal at record {verdict.LastOfFirst} and {verdict.LastOfSecond}: {Journal}";
    }
}
