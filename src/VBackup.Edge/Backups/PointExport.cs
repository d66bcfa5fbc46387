using System.Security.Cryptography;
using VBackup.Clouds.Servers;
using VBackup.DataPath;
using VBackup.Edge.Running;
using VBackup.Vault.Format;
using VBackup.Vault.Writing;

namespace VBackup.Edge.Backups;

/// <summary>What was exported of a server's volumes.</summary>
/// <param name="IsTrackingWrong">Change tracking missed a change: every incremental since the last full is in doubt.</param>
public sealed record ExportedVolumes(IReadOnlyList<VolumeDocument> Volumes, bool IsTrackingWrong)
{
    public PointType Type => Volumes.Any(volume => volume.Type == PointType.Incremental) ? PointType.Incremental : PointType.Full;
}

/// <summary>Exports the volumes of an instant, each against the base where there is one that can be trusted.</summary>
public static class PointExport
{
    /// <param name="instant">The snapshot's name.</param>
    /// <param name="baseEdge">Of the run's base; null for a full.</param>
    public static async Task<ExportedVolumes> ExportAsync(EdgeCloud cloud, BackupWriter run, IReadOnlyList<ServerDisk> disks, string instant,
        EdgeDocument? baseEdge, IRunReport report, CancellationToken cancellation)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        using var export = new TrackedExport(run, cloud.Storage, DataPathOptions.OfDistantVolumes, random);
        var plan = await export.PlanAsync(disks.Select(disk => Tracked(run, disk, instant, baseEdge)), cancellation).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            List<VolumeDocument> documents = [];
            foreach (var volume in plan.Volumes)
            {
                var name = volume.Volume.Name;
                if (volume.FullBecause is { } reason) report.Note($"volume {name} becomes full: {reason}");
                using var progress = report.Follow(name, volume.Source.LengthBytes);
                documents.Add(await export.ExportAsync(volume, progress, cancellation).ConfigureAwait(false));
            }
            // Before anything of it counts.
            await cloud.Storage.Snapshots.RequireStillThereAsync(instant, [.. disks.Select(disk => disk.Volume)], cancellation).ConfigureAwait(false);
            return new(documents, plan.IsTrackingWrong);
        }
    }

    static TrackedVolume Tracked(BackupWriter run, ServerDisk disk, string instant, EdgeDocument? baseEdge)
    {
        var basis = baseEdge is null || baseEdge.Volumes.GetValueOrDefault(disk.Name) != disk.Volume.Value
            ? null : run.Base?.Volumes.FirstOrDefault(volume => volume.Name == disk.Name);
        return new(disk.Name, disk.Volume, instant, basis is null ? null : baseEdge!.Instant, basis);
    }
}
