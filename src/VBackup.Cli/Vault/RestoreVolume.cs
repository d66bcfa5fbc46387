using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Vault;

/// <summary>What is to be restored, and where to.</summary>
/// <param name="Volume">Null when the point has only one.</param>
sealed record RestoreOrder(string Point, string? Volume, string Target, bool Delta, bool BestEffort, bool InPlace);

/// <summary>What was restored.</summary>
sealed record Restored(PointDocument Point, VolumeDocument Volume, ImportResult Result, TimeSpan Elapsed);

/// <summary><c>vbackup vault restore</c></summary>
static class RestoreVolume
{
    static readonly Option<string> s_volume =
        new("--volume") { HelpName = "NAME", Description = "Which of the point's volumes; not needed when it has one." };
    static readonly Option<string> s_target =
        new("--target") { HelpName = "PATH", Required = true, Description = "A file, made when it does not exist, or a block device." };
    static readonly Option<bool> s_delta =
        new("--delta") { Description = "Read the target first and write only what differs." };
    static readonly Option<bool> s_bestEffort =
        new("--best-effort") { Description = "Go on past damage; what cannot be read becomes zeros and is listed." };
    static readonly Option<bool> s_inPlace =
        new("--in-place") { Description = "Allow overwriting the file or device that the volume was backed up from." };

    public static Command Define()
    {
        var command = new Command("restore", "Write a volume of a point to a file or device.") { PointChoice.Argument };
        VaultAccess.AddOptions(command);
        foreach (var option in (Option[])[s_volume, s_target, s_delta, s_bestEffort, s_inPlace]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed),
            new(parsed.GetRequiredValue(PointChoice.Argument), parsed.GetValue(s_volume), parsed.GetRequiredValue(s_target),
                parsed.GetValue(s_delta), parsed.GetValue(s_bestEffort), parsed.GetValue(s_inPlace)),
            Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, RestoreOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var restored = await RunAsync(access, order, screen, stop).ConfigureAwait(false);
        var (point, volume, result, _) = restored;
        // What is said in passing comes first: the last event is the one that sums up.
        foreach (var pack in result.DamagedPacks)
            screen.Note($"{pack} is damaged{(result.Bad.Count == 0 ? "; another copy served" : "")}: run 'vbackup vault repair'");
        screen.Event(new RestoreEvent(
            point.Id, volume.Name, order.Target, volume.LengthBytes, result.WrittenBytes, result.FetchedBytes, meter.ElapsedSeconds,
            RunMeter.HeapAllocatedBytes, RunMeter.PeakResidentBytes,
            [.. result.Bad.Select(extent => new ExtentEvent(extent.Offset, extent.Length))], result.DamagedPacks),
            EventJson.Default.RestoreEvent);
        Show(restored, order, screen);
        return result.Bad.Count > 0 ? ExitStatus.DamageFound : ExitStatus.Done;
    }

    /// <summary>Restores, and returns when the target is durable.</summary>
    public static async Task<Restored> RunAsync(
        VaultAccess access, RestoreOrder order, Screen screen, CancellationToken cancellation)
    {
        var meter = new RunMeter();
        var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var point = await PointChoice.FindAsync(vault, order.Point, cancellation).ConfigureAwait(false);
            var volume = Choose(point, order.Volume);
            RestoreTarget.Check(order.Target, order.InPlace, access, point);
            var session = await PointReading.BeginAsync(vault, "restore", point, cancellation).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                screen.NoteUnprotected(session.Refusal);
                var result = await ImportAsync(vault, session, volume, order, screen, cancellation).ConfigureAwait(false);
                return new(point, volume, result, meter.Elapsed);
            }
        }
    }

    static async Task<ImportResult> ImportAsync(
        BackupVault vault, PointReading session, VolumeDocument volume, RestoreOrder order, Screen screen, CancellationToken cancellation)
    {
        var tree = VolumeTree.Open(session.Reader, session.Point, volume);
        var target = FileVolume.OpenTarget(order.Target, volume.LengthBytes);
        await using (target.ConfigureAwait(false))
        {
            try
            {
                using var pipeline = new ImportPipeline(session.Reader, vault.ChunkSize, new());
                using var progress = screen.Follow(volume.Name, volume.LengthBytes);
                return await pipeline.ImportAsync(tree, target, new() { Delta = order.Delta, BestEffort = order.BestEffort },
                    progress, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (target.IsNew)
            {
                File.Delete(order.Target);
                Aftermath.Add(failure, $"the incomplete {order.Target} was deleted");
                throw;
            }
            catch (Exception failure) when (target.WasWritten)
            {
                Aftermath.Add(failure, $"{order.Target} is partly overwritten");
                throw;
            }
        }
    }

    static VolumeDocument Choose(PointDocument point, string? name)
    {
        var names = string.Join(", ", point.Volumes.Select(volume => volume.Name));
        if (name is null)
            return point.Volumes.Count == 1
                ? point.Volumes[0]
                : throw new UsageException($"give --volume NAME: point {PointView.ShortId(point.Id)} has {names}");
        return point.Volumes.FirstOrDefault(volume => volume.Name == name)
            ?? throw new RefusedException($"point {PointView.ShortId(point.Id)} has no volume {name}; it has {names}");
    }

    static void Show(Restored restored, RestoreOrder order, Screen screen)
    {
        var (point, volume, result, elapsed) = restored;
        screen.Line($"restored volume {volume.Name} of point {PointView.ShortId(point.Id)} to {order.Target}: "
            + $"{Units.Size(volume.LengthBytes)}, {Units.Size(result.WrittenBytes)} written, {Units.Size(result.FetchedBytes)} fetched, "
            + $"in {Units.Duration(elapsed)}, {Units.Rate(result.WrittenBytes, elapsed)}");
        if (result.Bad.Count == 0) return;
        var table = new TextTable(">OFFSET", ">LENGTH");
        foreach (var extent in result.Bad) table.Add($"{extent.Offset}", $"{extent.Length}");
        screen.Line("These extents could not be read and are zeros now:");
        screen.Table(table);
    }
}
