using System.Security.Cryptography;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.DataPath;
using VBackup.Edge.Running;
using VBackup.Vault.Format;
using VBackup.Vault.Writing;

namespace VBackup.Edge.Backups;

/// <summary>What was exported of a server's volumes.</summary>
/// <param name="Identities">See <see cref="EdgeDocument.Identities"/>.</param>
/// <param name="IsTrackingWrong">Change tracking missed a change: every incremental since the last full is in doubt.</param>
public sealed record ExportedVolumes(
    IReadOnlyList<VolumeDocument> Volumes, IReadOnlyDictionary<string, string> Identities, bool IsTrackingWrong)
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
        var identities = await IdentitiesAsync(cloud, disks, cancellation).ConfigureAwait(false);
        var plan = await export.PlanAsync(disks.Select(disk => Tracked(run, disk, instant, baseEdge, identities, report)), cancellation).ConfigureAwait(false);
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
            await RequireSameAsync(cloud, disks, identities, cancellation).ConfigureAwait(false);
            return new(documents, identities, plan.IsTrackingWrong);
        }
    }

    static async Task<Dictionary<string, string>> IdentitiesAsync(EdgeCloud cloud, IReadOnlyList<ServerDisk> disks, CancellationToken cancellation)
    {
        Dictionary<string, string> identities = [];
        foreach (var disk in disks)
            if (await cloud.Storage.FindIdentityAsync(disk.Volume, cancellation).ConfigureAwait(false) is { } identity) identities.Add(disk.Name, identity);
        return identities;
    }

    // The snapshots are found by the volumes' names, too.
    static async Task RequireSameAsync(
        EdgeCloud cloud, IReadOnlyList<ServerDisk> disks, Dictionary<string, string> identities, CancellationToken cancellation)
    {
        foreach (var disk in disks)
            if (await cloud.Storage.FindIdentityAsync(disk.Volume, cancellation).ConfigureAwait(false) != identities.GetValueOrDefault(disk.Name))
                throw new CloudException(CloudFailure.InUse, "export", disk.Volume.Value, "another volume got its name while it was read: try again");
    }

    static TrackedVolume Tracked(BackupWriter run, ServerDisk disk, string instant, EdgeDocument? baseEdge,
        Dictionary<string, string> identities, IRunReport report)
    {
        var basis = baseEdge is null || baseEdge.Volumes.GetValueOrDefault(disk.Name) != disk.Volume.Value
            ? null : run.Base?.Volumes.FirstOrDefault(volume => volume.Name == disk.Name);
        // Two volumes may have traded names, and each has snapshots that are called as the base is.
        if (basis is not null && identities.TryGetValue(disk.Name, out var identity) && baseEdge!.Identities?.GetValueOrDefault(disk.Name) is var before
            && before != identity)
        {
            report.Note($"volume {disk.Name} becomes full: " + (before is null
                ? "its base does not tell which volume it was made of" : $"{disk.Volume} is another volume than the base was made of"));
            basis = null;
        }
        return new(disk.Name, disk.Volume, instant, basis is null ? null : baseEdge!.Instant, basis);
    }
}
