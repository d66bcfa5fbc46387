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
/// <param name="SnapshotIdentities">See <see cref="EdgeDocument.SnapshotIdentities"/>.</param>
/// <param name="FullBecause">Of each volume that an incremental read in full, by its name: why.</param>
/// <param name="IsTrackingWrong">Change tracking missed a change: every incremental since the last full is in doubt.</param>
public sealed record ExportedVolumes(
    IReadOnlyList<VolumeDocument> Volumes, IReadOnlyDictionary<string, string> Identities,
    IReadOnlyDictionary<string, string> SnapshotIdentities, IReadOnlyDictionary<string, string> FullBecause, bool IsTrackingWrong)
{
    public PointType Type => Volumes.Any(volume => volume.Type == PointType.Incremental) ? PointType.Incremental : PointType.Full;
}

/// <summary>Exports the volumes of an instant, each against the base where there is one that can be trusted.</summary>
public static class PointExport
{
    /// <param name="instant">The snapshot's name.</param>
    /// <param name="baseEdge">Of the run's base; null for a full.</param>
    /// <param name="options">What it may use; null for what one run alone may.</param>
    public static async Task<ExportedVolumes> ExportAsync(EdgeCloud cloud, BackupWriter run, IReadOnlyList<ServerDisk> disks,
        string instant,
        EdgeDocument? baseEdge, IRunReport report, CancellationToken cancellation, DataPathOptions? options = null)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        using var export = new TrackedExport(run, cloud.Storage, options ?? DataPathOptions.OfDistantVolumes, random);
        var identities = await IdentitiesAsync(cloud, disks, cancellation).ConfigureAwait(false);
        var snapshots = await SnapshotIdentitiesAsync(cloud, disks, instant, cancellation).ConfigureAwait(false);
        var bases = baseEdge is null
            ? [] : await SnapshotIdentitiesAsync(cloud, disks, baseEdge.Instant, cancellation).ConfigureAwait(false);
        Dictionary<string, string> fullBecause = [];
        var plan = await export.PlanAsync(
            disks.Select(disk => Tracked(run, disk, instant, baseEdge, identities, bases, fullBecause)), cancellation)
                .ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            // What changed was asked for by the base's name.
            if (baseEdge is not null) await RequireSameBaseAsync(cloud, disks, baseEdge.Instant, bases, cancellation).ConfigureAwait(false);
            List<VolumeDocument> documents = [];
            foreach (var volume in plan.Volumes)
            {
                var name = volume.Volume.Name;
                if (volume.FullBecause is { } lost) fullBecause[name] = lost;
                if (fullBecause.GetValueOrDefault(name) is { } reason) report.Note($"volume {name} becomes full: {reason}");
                using var progress = report.Follow(name, volume.Source.LengthBytes);
                documents.Add(await export.ExportAsync(volume, progress, cancellation).ConfigureAwait(false));
            }
            // Before anything of it counts.
            await cloud.Storage.Snapshots.RequireStillThereAsync(instant, [.. disks.Select(disk => disk.Volume)], cancellation)
                .ConfigureAwait(false);
            await RequireSameAsync(cloud, disks, identities, cancellation).ConfigureAwait(false);
            return new(documents, identities, snapshots, fullBecause, plan.IsTrackingWrong);
        }
    }

    static async Task<Dictionary<string, string>> IdentitiesAsync(EdgeCloud cloud, IReadOnlyList<ServerDisk> disks,
        CancellationToken cancellation)
    {
        Dictionary<string, string> identities = [];
        foreach (var disk in disks)
            if (await cloud.Storage.FindIdentityAsync(disk.Volume, cancellation).ConfigureAwait(false) is { } identity)
                identities.Add(disk.Name, identity);
        return identities;
    }

    static async Task<Dictionary<string, string>> SnapshotIdentitiesAsync(
        EdgeCloud cloud, IReadOnlyList<ServerDisk> disks, string instant, CancellationToken cancellation)
    {
        Dictionary<string, string> identities = [];
        foreach (var disk in disks)
            if (await cloud.Storage.Snapshots.FindIdentityAsync(instant, disk.Volume, cancellation).ConfigureAwait(false) is { } identity)
                identities.Add(disk.Name, identity);
        return identities;
    }

    static async Task RequireSameBaseAsync(EdgeCloud cloud, IReadOnlyList<ServerDisk> disks, string instant,
        Dictionary<string, string> before, CancellationToken cancellation)
    {
        foreach (var (disk, identity) in await SnapshotIdentitiesAsync(cloud, disks, instant, cancellation).ConfigureAwait(false))
            if (before.GetValueOrDefault(disk) != identity)
                throw new CloudException(CloudFailure.InUse, "export", $"{disk}@{instant}",
                    "the snapshot was made anew while it was looked at: try again");
    }

    // The snapshots are found by the volumes' names, too.
    static async Task RequireSameAsync(
        EdgeCloud cloud, IReadOnlyList<ServerDisk> disks, Dictionary<string, string> identities, CancellationToken cancellation)
    {
        foreach (var disk in disks)
            if (await cloud.Storage.FindIdentityAsync(disk.Volume, cancellation)
                .ConfigureAwait(false) != identities.GetValueOrDefault(disk.Name))
                throw new CloudException(CloudFailure.InUse, "export", disk.Volume.Value,
                    "another volume got its name while it was read: try again");
    }

    static TrackedVolume Tracked(BackupWriter run, ServerDisk disk, string instant, EdgeDocument? baseEdge,
        Dictionary<string, string> identities, Dictionary<string, string> bases, Dictionary<string, string> fullBecause)
    {
        var basis = baseEdge is null ? null : run.Base?.Volumes.FirstOrDefault(volume => volume.Name == disk.Name);
        if (WhyNot(disk, basis, baseEdge, identities, bases) is { } reason)
        {
            basis = null;
            if (baseEdge is not null) fullBecause.Add(disk.Name, reason);
        }
        return new(disk.Name, disk.Volume, instant, basis is null ? null : baseEdge!.Instant, basis);
    }

    /// <returns>Why a volume is read in full; null when what changed since the base will do.</returns>
    static string? WhyNot(ServerDisk disk, VolumeDocument? basis, EdgeDocument? baseEdge, Dictionary<string, string> identities,
        Dictionary<string, string> bases)
    {
        if (basis is null) return "the last point does not have it";
        var before = baseEdge!.Volumes.GetValueOrDefault(disk.Name);
        if (before != disk.Volume.Value) return $"the last point was made of {before}, and it is {disk.Volume} now";
        // Two volumes may have traded names, and each has snapshots that are called as the base is.
        var known = baseEdge.Identities?.GetValueOrDefault(disk.Name);
        if (identities.TryGetValue(disk.Name, out var identity) && known != identity)
            return known is null ? "its base does not tell which volume it was made of"
                : $"{disk.Volume} is another volume than the base was made of";
        // One that is gone is told of by the storage.
        var taken = baseEdge.SnapshotIdentities?.GetValueOrDefault(disk.Name);
        if (!bases.TryGetValue(disk.Name, out var snapshot) || taken == snapshot) return null;
        return taken is null ? "its base does not tell which snapshot it was made of"
            : $"the base's snapshot {disk.Volume}@{baseEdge.Instant} was removed and made anew";
    }
}
