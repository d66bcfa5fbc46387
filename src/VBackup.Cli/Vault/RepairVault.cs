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

    static readonly Option<bool> s_removeUnreadable = new("--remove-unreadable")
    {
        Description = "First delete the points that cannot be read, which keep everything from being collected; and where only an "
            + "interrupted "
            + "backup's decision cannot be read and no point of it is there, decide that it does not count. Also take every pack out of "
            + "use where nobody can read which ones were condemned, and delete key slots of which nothing can be read.",
    };

    public static Command Define()
    {
        var command = new Command("repair", "Rebuild the index from the packs, and store anew what a source still holds.");
        VaultAccess.AddOptions(command);
        command.Add(s_sources);
        command.Add(s_removeUnreadable);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed),
            VolumeArguments.Read("--source", parsed.GetValue(s_sources)), parsed.GetValue(s_removeUnreadable), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(
        VaultAccess access, List<NamedPath> named, bool removeUnreadable, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var result = await RunAsync(access, named, removeUnreadable, screen, stop).ConfigureAwait(false);
        DamageReport.Show(result.Remaining.Damages, screen);
        screen.Event(new RepairEvent(
            result.IndexObjectsWritten, result.IndexObjectsRemoved, result.PacksCondemned, result.BlobsRestored,
            result.Remaining.Damages.Count, meter.ElapsedSeconds), EventJson.Default.RepairEvent);
        screen.Line($"repaired in {Units.Duration(meter.Elapsed)}: {Units.Count(result.IndexObjectsWritten, "index object")} written and "
            + $"{result.IndexObjectsRemoved} removed, {Units.Count(result.PacksCondemned, "pack")} taken out of use, "
            + $"{Units.Count(result.BlobsRestored, "blob")} restored");
        // Until then verify finds what was taken out of use.
        if (result.PacksCondemned > 0)
            screen.Line($"next: 'vbackup vault gc' saves what is whole in the {Units.Count(result.PacksCondemned, "pack")} and removes "
                + "the rest");
        screen.Line(result.Remaining.IsSound ? "all is sound now"
            : result.Remaining.IsGarbage ? "no point needs what is damaged still: 'vbackup vault gc' removes it"
            : result.Remaining.Damages.All(damage => damage.Kind is not (DamageKind.Pack or DamageKind.Index))
                ? $"{result.Remaining.Damages.Count} damaged still: put the objects back from a copy if there is one; else 'vbackup "
                    + "vault repair --remove-unreadable' gives up what nobody can read"
            : $"{result.Remaining.Damages.Count} damaged still: repair with --source NAME=PATH where a volume still holds what was lost; "
                + "a full backup of it serves as well, and an incremental that reads all");
        return result.Remaining.IsGarbage ? ExitStatus.Done : ExitStatus.DamageFound;
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
        VaultAccess access, List<NamedPath> named, bool removeUnreadable, Screen screen, CancellationToken cancellation)
    {
        List<FileVolume> volumes = [];
        try
        {
            foreach (var source in named) volumes.Add(FileVolume.OpenSource(source.Path));
            List<RepairSource> sources = [.. volumes.Select((volume, i) =>
                new RepairSource(named[i].Name, volume.LengthBytes, volume.ReadAsync))];
            var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
            await using (vault.ConfigureAwait(false))
            {
                var condemned = removeUnreadable ? await RemoveUnreadableAsync(vault, screen, cancellation).ConfigureAwait(false) : 0;
                await RefuseStrangersAsync(vault, named, cancellation).ConfigureAwait(false);
                using var progress = screen.FollowCount("repair", "packs");
                var result = await Repairer.RunAsync(vault, sources, progress, cancellation).ConfigureAwait(false);
                return result with { PacksCondemned = result.PacksCondemned + condemned };
            }
        }
        finally
        {
            foreach (var volume in volumes) await volume.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <returns>Packs that were taken out of use.</returns>
    static async Task<int> RemoveUnreadableAsync(BackupVault vault, Screen screen, CancellationToken cancellation)
    {
        foreach (var damage in await UnreadableObjects.FindPointsAsync(vault, cancellation).ConfigureAwait(false))
        {
            screen.Note($"removing {damage.ObjectName}, a point that cannot be read: {damage.Reason}");
            if (!await UnreadableObjects.RemovePointAsync(vault, damage, cancellation).ConfigureAwait(false))
                screen.Note($"{damage.ObjectName} was not removed: it is gone, or can be read after all");
        }
        foreach (var (damage, session, points) in await UnreadableObjects.FindDecisionsAsync(vault, cancellation).ConfigureAwait(false))
        {
            if (points.Count > 0)
            {
                screen.Note($"{damage.ObjectName} is left as it is: nobody can tell whether {string.Join(", ", points)} count. Restore "
                    + "from them what is of use, delete them by their whole ids, and repair again");
                continue;
            }
            screen.Note($"deciding anew that no backup of session {session} counts; there is none: {damage.Message}");
            if (!await UnreadableObjects.DecideAnewAsync(vault, session, cancellation).ConfigureAwait(false))
                screen.Note($"{damage.ObjectName} is left as it is: something else has changed meanwhile; repair again");
        }
        var condemned = await RemoveCondemnationsAsync(vault, screen, cancellation).ConfigureAwait(false);
        foreach (var damage in await UnreadableObjects.FindKeySlotsAsync(vault, cancellation).ConfigureAwait(false))
        {
            screen.Note($"removing {damage.ObjectName}, a key slot that opens nothing: {damage.Reason}");
            if (!await UnreadableObjects.RemoveKeySlotAsync(vault, damage, cancellation).ConfigureAwait(false))
                screen.Note($"{damage.ObjectName} was not removed: it is gone, or can be read after all");
        }
        return condemned;
    }

    static async Task<int> RemoveCondemnationsAsync(BackupVault vault, Screen screen, CancellationToken cancellation)
    {
        var names = await UnreadableObjects.FindCondemnationsAsync(vault, cancellation).ConfigureAwait(false);
        if (names.Count == 0) return 0;
        var packs = await UnreadableObjects.ReplaceCondemnationsAsync(vault, cancellation).ConfigureAwait(false);
        screen.Note($"{string.Join(", ", names.Select(damage => damage.ObjectName))} cannot be read and may have condemned any pack: "
            + $"all {Units.Count(packs, "pack")} are out of use now. The next 'vbackup vault gc' writes anew all that is live in them, "
            + "which needs as much room again; until then backups store everything anew");
        return packs;
    }
}
