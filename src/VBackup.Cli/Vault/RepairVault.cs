using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Stores;
using VBackup.Vault.Verifying;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault repair</c></summary>
static class RepairVault
{
    // In a message of one line.
    const int NamesMax = 10;

    static readonly Option<string[]> s_sources = new("--source")
    { HelpName = "NAME=PATH", Description = "A volume that may still hold what the vault lost. Can be repeated." };

    public static Command Define()
    {
        var command = new Command("repair", "Rebuild the index from the packs, and store anew what a source still holds.");
        VaultAccess.AddOptions(command);
        command.Add(s_sources);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), VolumeArguments.Read("--source", parsed.GetValue(s_sources)), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, List<NamedPath> named, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var result = await RunAsync(access, named, screen, stop).ConfigureAwait(false);
        DamageReport.Show(result.Remaining.Damages, screen);
        screen.Event(new RepairEvent(
            result.IndexObjectsWritten, result.IndexObjectsRemoved, result.PacksCondemned, result.BlobsRestored,
            result.Remaining.Damages.Count, meter.ElapsedSeconds), EventJson.Default.RepairEvent);
        screen.Line($"repaired in {Units.Duration(meter.Elapsed)}: {Units.Count(result.IndexObjectsWritten, "index object")} written and "
            + $"{result.IndexObjectsRemoved} removed, {Units.Count(result.PacksCondemned, "pack")} taken out of use, "
            + $"{Units.Count(result.BlobsRestored, "blob")} restored");
        // A damaged pack that no point needs any more is garbage like any other.
        var isGarbage = result.Remaining.Damages.All(damage => damage is { Kind: DamageKind.Pack, Affected.Count: 0 });
        screen.Line(result.Remaining.IsSound ? "all is sound now"
            : isGarbage ? "no point needs what is damaged still: 'vbackup vault gc' removes it"
            : $"{result.Remaining.Damages.Count} damaged still");
        return isGarbage ? ExitStatus.Done : ExitStatus.DamageFound;
    }

    // A source that no point's volume is named like would be passed over, and the damage stay. While some point cannot be read,
    // nobody knows all names.
    static async Task RefuseStrangersAsync(BackupVault vault, List<NamedPath> named, CancellationToken cancellation)
    {
        if (named.Count == 0) return;
        var (points, unreadable) = await VaultCatalog.ListAsync(vault, withFreed: false, cancellation).ConfigureAwait(false);
        if (unreadable.Count > 0) return;
        HashSet<string> names = [.. points.SelectMany(summary => summary.Point.Volumes).Select(volume => volume.Name)];
        var known = names.Count == 0
            ? "there is no point" : $"there are {string.Join(", ", names.Order(StringComparer.Ordinal).Take(NamesMax))}";
        foreach (var source in named)
            if (!names.Contains(source.Name))
                throw new UsageException($"--source {source.Name}={source.Path}: no point has a volume {source.Name}; {known}");
    }

    static async Task<RepairResult> RunAsync(
        VaultAccess access, List<NamedPath> named, Screen screen, CancellationToken cancellation)
    {
        List<FileVolume> volumes = [];
        try
        {
            foreach (var source in named) volumes.Add(FileVolume.OpenSource(source.Path));
            List<RepairSource> sources = [.. volumes.Select((volume, i) => new RepairSource(named[i].Name, volume.LengthBytes, volume.ReadAsync))];
            var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                await RefuseStrangersAsync(vault, named, cancellation).ConfigureAwait(false);
                using var progress = screen.FollowCount("repair", "packs");
                return await Repairer.RunAsync(vault, sources, progress, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var volume in volumes) await volume.DisposeAsync().ConfigureAwait(false);
        }
    }
}
