using System.CommandLine;
using System.Text.Json;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Cli.Vault;

/// <summary>What is to be backed up.</summary>
/// <param name="Server">The name of the server.</param>
/// <param name="BasePoint">Id or prefix of the point to build on; null for a full.</param>
/// <param name="Changed">For some of the volumes, the file that says what changed since the base.</param>
/// <param name="MetadataFile">Free metadata, or null.</param>
sealed record BackupOrder(
    string Server, IReadOnlyList<NamedPath> Volumes, string? BasePoint, IReadOnlyList<NamedPath> Changed, string? MetadataFile);

/// <summary><c>vbackup vault backup</c></summary>
static class BackUpVolumes
{
    const int NameLengthMax = 200;

    static readonly Option<string> s_name =
        new("--name") { HelpName = "NAME", Required = true, Description = "The server's name." };
    static readonly Option<string[]> s_volumes = new("--volume")
    { HelpName = "NAME=PATH", Required = true, Description = "A volume: a raw image file or a block device. Can be repeated." };
    static readonly Option<string> s_base =
        new("--base") { HelpName = "POINT", Description = "Make an incremental on this point." };
    static readonly Option<string[]> s_changed = new("--changed")
    { HelpName = "NAME=EXTENTS.json", Description = "Read only these extents of a volume. Can be repeated." };
    static readonly Option<string> s_metadata =
        new("--metadata") { HelpName = "FILE.json", Description = "A JSON object to keep with the point." };

    public static Command Define()
    {
        var command = new Command("backup", "Store volumes as a restore point.");
        VaultAccess.AddHoldingOptions(command);
        foreach (var option in (Option[])[s_name, s_volumes, s_base, s_changed, s_metadata]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed), ReadOrder(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static BackupOrder ReadOrder(ParseResult parsed)
    {
        var name = parsed.GetRequiredValue(s_name);
        if (string.IsNullOrWhiteSpace(name) || name.Length > NameLengthMax || name.Any(char.IsControl))
            throw new UsageException($"--name must have 1 to {NameLengthMax} printable characters");
        var volumes = VolumeArguments.Read("--volume", parsed.GetValue(s_volumes));
        VolumeArguments.RefuseSharedPaths("--volume", volumes);
        var changed = VolumeArguments.Read("--changed", parsed.GetValue(s_changed));
        var basePoint = parsed.GetValue(s_base);
        if (changed.Count > 0 && basePoint is null)
            throw new UsageException("--changed says what changed since a base: give --base POINT too");
        foreach (var file in changed)
            if (!volumes.Exists(volume => volume.Name == file.Name))
                throw new UsageException($"--changed {file.Name}=… names no volume of this backup");
        return new(name, volumes, basePoint, changed, parsed.GetValue(s_metadata));
    }

    static async Task<int> HandleAsync(VaultAccess access, BackupOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var (point, _) = await RunAsync(access, order, screen, stop).ConfigureAwait(false);
        screen.Event(PointView.CompletedEvent(point, meter), EventJson.Default.BackupEvent);
        Show(point, meter.Elapsed, screen);
        return ExitStatus.Done;
    }

    /// <summary>Backs up and publishes.</summary>
    /// <returns>The point, and how long it took from its session's start.</returns>
    public static async Task<(PointDocument Point, TimeSpan Elapsed)> RunAsync(
        VaultAccess access, BackupOrder order, Screen screen, CancellationToken cancellation)
    {
        var meter = new RunMeter();
        List<FileVolume> sources = [];
        try
        {
            foreach (var volume in order.Volumes) sources.Add(FileVolume.OpenSource(volume.Path));
            var changes = await ReadChangesAsync(order, sources, cancellation).ConfigureAwait(false);
            var metadata = await PointMetadata.MakeAsync(order.MetadataFile, order.Volumes, cancellation).ConfigureAwait(false);
            var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var point = await ExportAsync(vault, order, sources, changes, metadata, screen, cancellation).ConfigureAwait(false);
                return (point, meter.Elapsed);
            }
        }
        finally
        {
            foreach (var source in sources) await source.DisposeAsync().ConfigureAwait(false);
        }
    }

    static async Task<PointDocument> ExportAsync(
        BackupVault vault, BackupOrder order, List<FileVolume> sources, Dictionary<string, Extents> changes, JsonElement metadata,
        Screen screen, CancellationToken cancellation)
    {
        var basePoint = order.BasePoint is null
            ? null : await FindBaseAsync(vault, order.BasePoint, screen, cancellation).ConfigureAwait(false);
        var run = await BackupWriter.StartAsync(vault, "backup", basePoint, cancellation).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            if (basePoint is not null && run.Base is null)
                screen.Note($"the base {basePoint.Id} was deleted meanwhile: this backup becomes full");
            using var pipeline = new ExportPipeline(run, new());
            List<VolumeDocument> volumes = [];
            for (var i = 0; i < sources.Count; i++)
            {
                var name = order.Volumes[i].Name;
                var baseVolume = BaseOf(run.Base, name, sources[i], screen);
                var changed = baseVolume is null ? null : changes.GetValueOrDefault(name);
                using var progress = screen.Follow(name, sources[i].LengthBytes);
                var export = new VolumeExport(name, sources[i], baseVolume, changed);
                volumes.Add(await pipeline.ExportAsync(export, progress, cancellation).ConfigureAwait(false));
            }
            var type = volumes.Exists(volume => volume.Type == PointType.Incremental) ? PointType.Incremental : PointType.Full;
            return await run.PublishAsync(order.Server, type, metadata, volumes, cancellation).ConfigureAwait(false);
        }
    }

    // A whole id that is not there is a base that went since somebody noted it, and no reason to go without a backup.
    static async Task<PointDocument?> FindBaseAsync(
        BackupVault vault, string text, Screen screen, CancellationToken cancellation)
    {
        if (!PointId.TryParse(text, out _)) return await PointChoice.FindAsync(vault, text, cancellation).ConfigureAwait(false);
        var point = await PointChoice.TryFindAsync(vault, text, cancellation).ConfigureAwait(false);
        if (point is null) screen.Note($"the base {text} is not in the vault (any more): this backup becomes full");
        return point;
    }

    static VolumeDocument? BaseOf(PointDocument? basePoint, string name, FileVolume source, Screen screen)
    {
        if (basePoint is null) return null;
        var volume = basePoint.Volumes.FirstOrDefault(volume => volume.Name == name);
        if (volume is null) screen.Note($"the base has no volume {name}: this volume becomes full");
        else if (volume.LengthBytes != source.LengthBytes)
        {
            screen.Note($"volume {name} had {volume.LengthBytes} bytes in the base and has {source.LengthBytes} now: it becomes full");
            volume = null;
        }
        return volume;
    }

    static async Task<Dictionary<string, Extents>> ReadChangesAsync(
        BackupOrder order, List<FileVolume> sources, CancellationToken cancellation)
    {
        Dictionary<string, Extents> changes = [];
        for (var i = 0; i < sources.Count; i++)
            foreach (var file in order.Changed)
                if (file.Name == order.Volumes[i].Name)
                    changes.Add(file.Name,
                        await ExtentsFile.ReadAsync(file.Path, file.Name, sources[i].LengthBytes, cancellation).ConfigureAwait(false));
        return changes;
    }

    static void Show(PointDocument point, TimeSpan elapsed, Screen screen)
    {
        var table = new TextTable("VOLUME", "TYPE", ">LOGICAL", ">READ", ">STORED");
        foreach (var volume in point.Volumes)
            table.Add(volume.Name, PointView.TypeOf(volume.Type), Units.Size(volume.LengthBytes),
                Units.Size(volume.ReadBytes), Units.Size(volume.StoredBytes));
        screen.Table(table);
        var read = point.Volumes.Sum(volume => volume.ReadBytes);
        screen.Line($"point {point.Id} ({PointView.TypeOf(point.Type)}) in {Units.Duration(elapsed)}, {Units.Rate(read, elapsed)} read");
    }
}
