using System.Globalization;
using VBackup.Cli.Keys;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Primitives;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Demo;

/// <summary>The demo's story, step by step, with the very code of the commands. Every step throws when it does not hold.</summary>
sealed class DemoRun(string folder, Screen screen, DemoReport report, CancellationToken cancellation)
{
    const long MiB = 1 << 20;
    const long BootFilesBytes = 640 * MiB, DataFilesBytes = 368 * MiB;
    const long BootChangeBytes = 24 * MiB, DataChangeBytes = 16 * MiB;
    const int FilesPerVolumeMax = 24_000;
    const int ChangedFilesMax = 3_000;
    const string Server = "demo-server";

    readonly VaultAccess _access = new(Path.Combine(folder, "vault"), new(Path.Combine(folder, "vault.key"), IsPassphrase: false));
    readonly DemoVolume[] _volumes =
    [
        new("boot", folder, 768 * MiB),
        new("data", folder, 448 * MiB),
    ];

    long LogicalBytes => _volumes.Sum(volume => volume.LengthBytes);

    public async Task RunAsync()
    {
        var files = await MakeServerAsync().ConfigureAwait(false);
        KeyFile.Create(_access.Key.Path);
        var vault = await _access.CreateAsync(FormatLimits.ChunkSizeDefault, cancellation).ConfigureAwait(false);
        await vault.DisposeAsync().ConfigureAwait(false);
        var first = await BackUpAsync("full backup", basePoint: null).ConfigureAwait(false);

        await report.TimeAsync("change files in both volumes", 0, async () =>
        {
            await _volumes[0].ChangeAsync(files.Take(BootChangeBytes, ChangedFilesMax), cancellation).ConfigureAwait(false);
            await _volumes[1].ChangeAsync(files.Take(DataChangeBytes, ChangedFilesMax), cancellation).ConfigureAwait(false);
            return "";
        }).ConfigureAwait(false);
        var second = await BackUpAsync("incremental backup", first).ConfigureAwait(false);

        await RestoreAsync("restore the first point", first, volume => volume.FirstStatePath).ConfigureAwait(false);
        await RestoreAsync("restore the second point", second, volume => volume.ImagePath).ConfigureAwait(false);
        var storedBytes = await PackBytesAsync().ConfigureAwait(false);
        await CollectAsync(first).ConfigureAwait(false);
        await RestoreAsync("restore the second point again", second, volume => volume.ImagePath).ConfigureAwait(false);
        var running = new RunningServer(folder, _access, screen, report, cancellation);
        await running.RunAsync().ConfigureAwait(false);
        await VerifyAsync().ConfigureAwait(false);
        report.Conclude(LogicalBytes, _volumes.Sum(volume => volume.AllocatedBytes), points: 2, storedBytes, running.Journal);
    }

    async Task<MachineFiles> MakeServerAsync()
    {
        screen.Line($"working in {folder}");
        MachineFiles? files = null;
        await report.TimeAsync("make two volumes of this machine's files", 0, async () =>
        {
            files = MachineFiles.Find(BootFilesBytes + DataFilesBytes + 4 * (BootChangeBytes + DataChangeBytes), cancellation);
            // A small machine gives what it has, and leaves some for the change.
            var share = Math.Min(1, files.TotalBytes * 0.9 / (BootFilesBytes + DataFilesBytes));
            await _volumes[0].FillAsync(files.Take((long)(BootFilesBytes * share), FilesPerVolumeMax), cancellation).ConfigureAwait(false);
            await _volumes[1].FillAsync(files.Take((long)(DataFilesBytes * share), FilesPerVolumeMax), cancellation).ConfigureAwait(false);
            return string.Join("; ", _volumes.Select(volume =>
                $"{volume.Name} {Units.Size(volume.LengthBytes)} with {volume.Files} files, {Units.Size(volume.AllocatedBytes)} in use"));
        }).ConfigureAwait(false);
        return files!;
    }

    async Task<string> BackUpAsync(string step, string? basePoint)
    {
        var changed = basePoint is null ? [] : new[] { await WriteExtentsAsync(_volumes[1]).ConfigureAwait(false) };
        var order = new BackupOrder(Server, [.. _volumes.Select(volume => new NamedPath(volume.Name, volume.ImagePath))],
            basePoint, changed, MetadataFile: null);
        var id = "";
        await report.TimeAsync(step, LogicalBytes, async () =>
        {
            var (point, _) = await BackUpVolumes.RunAsync(_access, order, screen, cancellation).ConfigureAwait(false);
            id = point.Id;
            if (point.Type != (basePoint is null ? PointType.Full : PointType.Incremental))
                throw new RefusedException($"the demo failed: the {step} became {PointView.TypeOf(point.Type)}");
            return $"read {Units.Size(point.Volumes.Sum(volume => volume.ReadBytes))}, "
                + $"stored {Units.Size(point.Volumes.Sum(volume => volume.StoredBytes))}";
        }).ConfigureAwait(false);
        return id;
    }

    /// <summary>What a storage that tracks changes would tell; here it is found by comparing.</summary>
    async Task<NamedPath> WriteExtentsAsync(DemoVolume volume)
    {
        var extents = ByteComparison.Differences(volume.FirstStatePath, volume.ImagePath, cancellation)!;
        var path = Path.Combine(folder, $"{volume.Name}.extents.json");
        var text = string.Join(",", extents.Select(extent => string.Create(
            CultureInfo.InvariantCulture, $"{{\"offset\":{extent.Offset},\"length\":{extent.Length}}}")));
        await File.WriteAllTextAsync(path, $"[{text}]", cancellation).ConfigureAwait(false);
        return new(volume.Name, path);
    }

    async Task RestoreAsync(string step, string point, Func<DemoVolume, string> original)
    {
        var targets = _volumes.ToDictionary(volume => volume, volume => Path.Combine(folder, volume.Name + ".restored.img"));
        await report.TimeAsync(step, LogicalBytes, async () =>
        {
            long written = 0;
            foreach (var (volume, target) in targets)
            {
                var order = new RestoreOrder(point, volume.Name, target, Delta: false, BestEffort: false, InPlace: false);
                written += (await RestoreVolume.RunAsync(_access, order, screen, cancellation).ConfigureAwait(false)).Result.WrittenBytes;
            }
            return $"wrote {Units.Size(written)}";
        }).ConfigureAwait(false);
        await report.TimeAsync("  compare every byte", LogicalBytes, () =>
        {
            foreach (var (volume, target) in targets)
            {
                if (ByteComparison.Differences(original(volume), target, cancellation) is not [])
                    throw new RefusedException($"the demo failed: volume {volume.Name} came back with other bytes");
                File.Delete(target);
            }
            return Task.FromResult("both volumes are the same");
        }).ConfigureAwait(false);
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
            : throw new RefusedException($"the demo failed: {result.Damages[0].ObjectName}: {result.Damages[0].Reason}");
    });

    async Task<long> PackBytesAsync()
    {
        var vault = await _access.OpenAsync(cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
            return (await VaultCatalog.StatisticsAsync(vault, cancellation).ConfigureAwait(false)).PackBytes;
    }
}
