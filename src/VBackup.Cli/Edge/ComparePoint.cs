using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup edge compare</c>: a point with the snapshot that it was made of, every byte.</summary>
static class ComparePoint
{
    public static Command Define()
    {
        var command = new Command("compare", "Compare a point with the snapshot that it was made of, while that is there: every byte.")
        { PointChoice.Argument };
        CloudConfig.AddOption(command);
        VaultAccess.AddOptions(command);
        command.SetAction((parsed, stop) => HandleAsync(CloudConfig.Read(parsed), VaultAccess.Read(parsed),
            parsed.GetRequiredValue(PointChoice.Argument), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(string config, VaultAccess access, string text, Screen screen, CancellationToken stop)
    {
        var cloud = await CloudConfig.OpenAsync(config, screen, stop).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        var vault = await access.OpenAsync(RetryLimits.Patient, stop).ConfigureAwait(false);
        await using var closingVault = vault.ConfigureAwait(false);
        var point = await PointChoice.FindAsync(vault, text, stop).ConfigureAwait(false);
        var edge = ServerPoint.EdgeOf(point);
        var reading = await PointReading.BeginAsync(vault, "compare", point, stop).ConfigureAwait(false);
        await using var ending = reading.ConfigureAwait(false);
        using var comparison = new VolumeComparison(reading.Reader, vault.ChunkSize, DataPathOptions.OfDistantVolumes);
        var isSame = true;
        foreach (var volume in point.Volumes)
        {
            var source = await cloud.Storage.Snapshots.OpenAsync(
                edge.Instant, new VolumeId(edge.Volumes[volume.Name]), stop).ConfigureAwait(false);
            await using (source.ConfigureAwait(false))
            {
                using var progress = screen.Follow(volume.Name, volume.LengthBytes);
                var result = await comparison.CompareAllAsync(
                    VolumeTree.Open(reading.Reader, point, volume), source, progress, stop).ConfigureAwait(false);
                await cloud.Storage.Snapshots.RequireStillThereAsync(edge.Instant, [new(edge.Volumes[volume.Name])], stop)
                    .ConfigureAwait(false);
                isSame &= result.Different.Count == 0;
                Show(point, volume, source.Description, result, screen);
            }
        }
        return isSame ? ExitStatus.Done : ExitStatus.DamageFound;
    }

    static void Show(PointDocument point, VolumeDocument volume, string source, ComparisonResult result, Screen screen)
    {
        screen.Event(new ComparedEvent(point.Id, volume.Name, result.ComparedChunks,
            [.. result.Different.Select(extent => new ExtentEvent(extent.Offset, extent.Length))]), EventJson.Default.ComparedEvent);
        screen.Line(result.Different.Count == 0
            ? $"volume {volume.Name} equals {source}"
            : $"volume {volume.Name} differs from {source} in {Units.Count(result.Different.Count, "range")}, first at "
                + $"{result.Different[0].Offset}");
    }
}
