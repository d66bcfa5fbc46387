using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Writing;

namespace VBackup.Worker;

/// <summary>A snapshot's volumes into a vault, as a restore point. Of all attempts one point comes, or none.</summary>
static class ExportWork
{
    public static async Task<ExportResult> DoAsync(
        EdgeCloud cloud, VaultOpening vaults, ExportOrder order, WorkSecrets secrets, LeaseReport report, DataPathOptions options,
        CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: true, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        if (await SettleAsync(vault, order.EarlierSessions, report, cancellation).ConfigureAwait(false) is { } earlier) return earlier;

        var points = await EarlierPoints.OfAsync(vault, order.Server.Id, cancellation).ConfigureAwait(false);
        var (basePoint, baseEdge) = order.Kind == PointKind.Full ? default : points.NewestTrusted;
        var run = await BackupWriter.StartAsync(vault, "backup", basePoint, cancellation, spool: null, SessionOf(order.Session))
            .ConfigureAwait(false);
        await using var ending = run.ConfigureAwait(false);
        ServerDisk[] disks = [.. order.Disks.Select(disk => new ServerDisk(disk.Name, new VolumeId(disk.Volume)))];
        var exported = await PointExport.ExportAsync(
            cloud, run, disks, order.Instant, run.Base is null ? null : baseEdge, report, cancellation, options).ConfigureAwait(false);
        var fullBecause = exported.FullBecause;
        if (order.Kind == PointKind.Incremental && run.Base is null)
        {
            var reason = basePoint is null ? points.WhyNone : "the last point at this location is going";
            report.Note($"it becomes full: {reason}");
            fullBecause = disks.ToDictionary(disk => disk.Name, _ => reason);
        }
        var edge = new EdgeDocument(order.ServerName, order.Server.Id, order.Instant, order.TakenAt, order.Consistency,
            disks.ToDictionary(disk => disk.Name, disk => disk.Volume.Value), order.ConfigurationKind, order.Configuration,
            exported.IsTrackingWrong ? points.SinceLastFull : [], order.HeldSeconds, exported.Identities, exported.SnapshotIdentities,
            HalfRestored: null, order.InstantKind, order.SkewSeconds, order.Processors, order.MemoryBytes);
        // What is held is to be had again with the master key alone.
        if (secrets.LockedKey is { } locked) await KeyWork.EnsureLockedAsync(vault, locked, cancellation).ConfigureAwait(false);
        return ResultOf(await run.PublishAsync(
            order.ServerName, exported.Type, PointMetadata.Of(edge, order.Point, order.Run, order.Catalogue), exported.Volumes,
                cancellation).ConfigureAwait(false), report, fullBecause);
    }

    /// <summary>What came of attempts whose outcome nobody knows. No point of them comes later.</summary>
    public static async Task<SettleResult> SettleAsync(
        VaultOpening vaults, SettleOrder order, WorkSecrets secrets, LeaseReport report, CancellationToken cancellation)
    {
        // The first backup to a location may have died before it made the vault; who comes later finds it settled all the same.
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: true, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        return new(await SettleAsync(vault, order.Sessions, report, cancellation).ConfigureAwait(false));
    }

    static async Task<ExportResult?> SettleAsync(
        BackupVault vault, IReadOnlyList<string> sessions, LeaseReport report, CancellationToken cancellation)
    {
        foreach (var session in sessions)
            if (await SessionSettlement.SettleAsync(vault, SessionOf(session), cancellation).ConfigureAwait(false) is { } point)
                return ResultOf(point, report);
        return null;
    }

    static SessionId SessionOf(string name) => SessionId.TryParse(name, out var id)
        ? id : throw new RefusedException($"'{name}' names no session");

    /// <param name="fullBecause">Null of a point that an attempt made which is over: why it read all is not known any more.</param>
    static ExportResult ResultOf(PointDocument point, LeaseReport report, IReadOnlyDictionary<string, string>? fullBecause = null) => new(
        point.Id, KindOf(point.Type),
        [.. point.Volumes.Select(volume => new VolumePointView(volume.Name, volume.LengthBytes, KindOf(volume.Type), volume.ReadBytes,
            volume.StoredBytes,
            fullBecause?.GetValueOrDefault(volume.Name)))],
        point.Volumes.Sum(volume => volume.StoredBytes), EdgeDocument.Of(point)?.Distrusts ?? [], report.Notes);

    static PointKind KindOf(PointType type) => type == PointType.Full ? PointKind.Full : PointKind.Incremental;
}
