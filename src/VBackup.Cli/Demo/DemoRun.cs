using System.Text.Json;
using VBackup.Cli.Edge;
using VBackup.Cli.Keys;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Demo;

/// <summary>The demo's story, step by step, with the very code of the commands. Every step throws when it does not hold.</summary>
sealed class DemoRun(string folder, DemoServer server, Screen screen, DemoReport report, CancellationToken cancellation)
{
    /// <summary>What is said of two volumes that are of one instant.</summary>
    public const string InOrder = "ORDER-OK";

    /// <summary>In the demo's folder: the lab cloud, and the configuration that names it.</summary>
    public const string CloudFolder = "cloud", CloudFile = "cloud.json";

    // Where files cannot share blocks, the lab's snapshot is a copy, and the guest is held for as long as that takes.
    const int HoldLimitSeconds = 60;

    readonly VaultAccess _access = new(Path.Combine(folder, "vault"), new(Path.Combine(folder, "vault.key"), IsPassphrase: false));

    public async Task RunAsync()
    {
        screen.Line($"working in {folder}");
        await MakeServerAsync().ConfigureAwait(false);
        KeyFile.Create(_access.Key.Path);
        var made = await _access.CreateAsync(FormatLimits.ChunkSizeDefault, cancellation).ConfigureAwait(false);
        await made.DisposeAsync().ConfigureAwait(false);
        var cloud = await OpenCloudAsync().ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false)) await TellAsync(cloud).ConfigureAwait(false);
    }

    async Task TellAsync(EdgeCloud cloud)
    {
        await server.StartAsync(cancellation).ConfigureAwait(false);
        var first = await BackUpAsync(cloud, "full backup", PointType.Full).ConfigureAwait(false);
        await using var closingFirst = first.ConfigureAwait(false);
        await report.TimeAsync("change files in both volumes", 0, async () =>
        {
            // A file system has one writer: the server is off while the files change.
            await server.StopAsync(cancellation).ConfigureAwait(false);
            await server.ChangeAsync(cancellation).ConfigureAwait(false);
            await server.StartAsync(cancellation).ConfigureAwait(false);
            return "the server was stopped, and runs again";
        }).ConfigureAwait(false);
        var second = await BackUpAsync(cloud, "incremental backup", PointType.Incremental).ConfigureAwait(false);
        await using var closingSecond = second.ConfigureAwait(false);
        await server.StopAsync(cancellation).ConfigureAwait(false);

        await RestoreAsync(cloud, "restore the first point", first, "demo-first").ConfigureAwait(false);
        await RestoreAsync(cloud, "restore the second point", second, "demo-second").ConfigureAwait(false);
        await RefuseMixtureAsync(first, second).ConfigureAwait(false);
        await RemoveServerAsync(cloud, "demo-first").ConfigureAwait(false);
        await RemoveServerAsync(cloud, "demo-second").ConfigureAwait(false);
        var storedBytes = await PackBytesAsync().ConfigureAwait(false);
        await CollectAsync(first.Id).ConfigureAwait(false);
        await RestoreAsync(cloud, "restore the second point again", second, "demo-again").ConfigureAwait(false);
        await VerifyAsync().ConfigureAwait(false);
        report.Conclude(server.LogicalBytes, server.Volumes.Sum(volume => volume.AllocatedBytes), points: 2, storedBytes);
    }

    Task MakeServerAsync() => report.TimeAsync("make two volumes of this machine's files", 0, async () =>
    {
        await server.MakeAsync(cancellation).ConfigureAwait(false);
        return string.Join("; ", server.Volumes.Select(volume =>
            $"{volume.Name} {Units.Size(volume.LengthBytes)} with {volume.Files} files, {Units.Size(volume.AllocatedBytes)} in use"));
    });

    /// <summary>By way of a configuration file, with which whoever keeps the folder can go on.</summary>
    async Task<EdgeCloud> OpenCloudAsync()
    {
        var path = Path.Combine(folder, CloudFile);
        var document = new CloudDocument("lab", Path.Combine(folder, CloudFolder), HoldLimitSeconds: HoldLimitSeconds);
        await File.WriteAllTextAsync(
            path, JsonSerializer.Serialize(document, CloudJson.Default.CloudDocument), cancellation).ConfigureAwait(false);
        return await CloudConfig.OpenAsync(path, report: null, cancellation).ConfigureAwait(false);
    }

    async Task<DemoPoint> BackUpAsync(EdgeCloud cloud, string step, PointType type)
    {
        PointDocument? point = null;
        var before = server.Written;
        await report.TimeAsync(step, server.LogicalBytes, async () =>
        {
            var found = (await cloud.Hypervisor.FindAsync(DemoServer.Name, cancellation).ConfigureAwait(false))!;
            var vault = await _access.OpenAsync(cancellation).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var backup = new ServerBackup(cloud, vault, found,
                    ServerBackup.OptionsFor(Path.Combine(folder, CloudFile), found, _access), screen);
                point = await backup.RunAsync(isFull: false, isAsItIs: false, spool: null, cancellation).ConfigureAwait(false);
            }
            if (point.Type != type) throw Failed($"the {step} became {PointView.TypeOf(point.Type)}");
            return $"{ServerPoint.EdgeOf(point).Consistency} consistency, read "
                + $"{Units.Size(point.Volumes.Sum(volume => volume.ReadBytes))}, "
                + $"stored {Units.Size(point.Volumes.Sum(volume => volume.StoredBytes))}; "
                + $"the server wrote {Units.Count(server.Written - before, "record")} meanwhile";
        }).ConfigureAwait(false);
        // A guest that has died would make the rest of the story worthless.
        await server.WriteAsync(2, cancellation).ConfigureAwait(false);
        return await DemoPoint.OpenAsync(cloud, server, point!, before, cancellation).ConfigureAwait(false);
    }

    async Task RestoreAsync(EdgeCloud cloud, string step, DemoPoint point, string name)
    {
        await report.TimeAsync(step, server.LogicalBytes, async () =>
        {
            var vault = await _access.OpenAsync(cancellation).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var order = new ServerRestoreOrder(
                    Path.Combine(folder, CloudFile), point.Id, "new-server", name, Volume: null, Stops: false);
                var restored = await RestoreServer.RunAsync(cloud, vault, order, screen, cancellation).ConfigureAwait(false);
                return $"wrote {Units.Size(restored.WrittenBytes)} to {restored.Target}";
            }
        }).ConfigureAwait(false);
        var made = (await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false))!;
        var boot = await cloud.Storage.OpenReaderAsync(made.Disks[0].Volume, cancellation).ConfigureAwait(false);
        await using var closingBoot = boot.ConfigureAwait(false);
        var data = await cloud.Storage.OpenReaderAsync(made.Disks[1].Volume, cancellation).ConfigureAwait(false);
        await using var closingData = data.ConfigureAwait(false);
        await CompareAsync(point, [boot, data]).ConfigureAwait(false);
        await CheckJournalAsync(point, boot, data).ConfigureAwait(false);
    }

    Task CompareAsync(DemoPoint point, IReadOnlyList<IVolumeReader> restored) =>
        report.TimeAsync("  compare every byte", server.LogicalBytes, async () =>
        {
            for (var i = 0; i < restored.Count; i++)
                if (!await ByteComparison.IsSameAsync(point.Snapshot[i], restored[i], cancellation).ConfigureAwait(false))
                    throw Failed($"volume {restored[i].Description} is not as the snapshot that it comes from");
            return "both volumes are the same as in the snapshot";
        });

    Task CheckJournalAsync(DemoPoint point, IVolumeReader boot, IVolumeReader data) =>
        report.TimeAsync("  check the journal on both volumes", 0, async () =>
        {
            var verdict = await JournalCheck.OfAsync(boot, data, cancellation).ConfigureAwait(false);
            if (verdict.Fault is { } fault) throw Failed($"the volumes are not of one instant: {fault}");
            // Volumes without a journal would be in order too.
            if (verdict.LastOfSecond < point.WrittenBefore)
                throw Failed($"the journal ends at record {verdict.LastOfSecond}, and had {point.WrittenBefore} before the backup");
            return $"{InOrder}: record {verdict.LastOfFirst} on boot, {verdict.LastOfSecond} on data";
        });

    /// <summary>A check that passes everything would prove nothing.</summary>
    Task RefuseMixtureAsync(DemoPoint first, DemoPoint second) =>
        report.TimeAsync("  check one volume of each point", 0, async () =>
        {
            var verdict = await JournalCheck.OfAsync(second.Snapshot[0], first.Snapshot[1], cancellation).ConfigureAwait(false);
            return verdict.IsInOrder ? throw Failed("volumes of two instants passed for one") : "ORDER-BROKEN, as it must be";
        });

    async Task RemoveServerAsync(EdgeCloud cloud, string name)
    {
        var made = (await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false))!;
        await cloud.Hypervisor.RemoveAsync(name, cancellation).ConfigureAwait(false);
        foreach (var disk in made.Disks) await cloud.Storage.RemoveAsync(disk.Volume, cancellation).ConfigureAwait(false);
    }

    Task CollectAsync(string first) => report.TimeAsync("delete the first point, collect garbage", 0, async () =>
    {
        await DeletePoint.RunAsync(_access, first, cancellation).ConfigureAwait(false);
        var result = await CollectGarbage.RunAsync(_access, new(), screen, cancellation).ConfigureAwait(false);
        return $"freed {Units.Size(result.DeletedBytes - result.CopiedBytes)}, {Units.Size(result.PackBytes)} remain";
    });

    Task VerifyAsync() => report.TimeAsync("verify all data", 0, async () =>
    {
        var result = await VerifyVault.RunAsync(_access, allData: true, screen, cancellation).ConfigureAwait(false);
        return result.IsSound
            ? $"{Units.Count(result.Packs, "pack")}, {Units.Size(result.CheckedBytes)}: all sound"
            : throw Failed($"{result.Damages[0].ObjectName}: {result.Damages[0].Reason}");
    });

    async Task<long> PackBytesAsync()
    {
        var vault = await _access.OpenAsync(cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
            return (await VaultCatalog.StatisticsAsync(vault, cancellation).ConfigureAwait(false)).PackBytes;
    }

    static RefusedException Failed(string reason) => new($"the demo failed: {reason}");
}
