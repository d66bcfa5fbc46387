using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Edge.Backups;

/// <summary>The points that a vault has of a server already, oldest first.</summary>
public sealed class EarlierPoints
{
    readonly List<(PointDocument Point, EdgeDocument Edge)> _points;
    readonly HashSet<string> _distrusted;

    EarlierPoints(List<(PointDocument, EdgeDocument)> points)
    {
        _points = points;
        _distrusted = [.. _points.SelectMany(item => item.Edge.Distrusts)];
    }

    /// <summary>The point to build on; nothing when the last one is distrusted, or there is none.</summary>
    public (PointDocument? Point, EdgeDocument? Edge) NewestTrusted =>
        _points is [.., var last] && !_distrusted.Contains(last.Point.Id) ? last : default;

    /// <summary>Why there is none to build on.</summary>
    public string WhyNone => _points.Count == 0 ? "the location has no point of this server yet"
        : "change tracking was found wrong before the last point at this location";

    /// <summary>The snapshots that these points were made of.</summary>
    public IReadOnlyList<string> Instants => [.. _points.Select(item => item.Edge.Instant).Distinct()];

    /// <summary>Those that were made of a snapshot.</summary>
    public IReadOnlyList<string> PointsOf(string instant) =>
        [.. _points.Where(item => item.Edge.Instant == instant).Select(item => item.Point.Id)];

    /// <summary>Whether the next backup builds on a snapshot.</summary>
    public bool IsNext(string instant) => NewestTrusted.Edge?.Instant == instant;

    /// <summary>The incrementals after the last full: in doubt when change tracking is found wrong.</summary>
    public IReadOnlyList<string> SinceLastFull =>
        [.. _points.Select(item => item.Point).Reverse().TakeWhile(point => point.Type == PointType.Incremental).Select(point =>
            point.Id).Reverse()];

    /// <summary>Whether a later run found that a point's change tracking had been wrong.</summary>
    public bool IsDistrusted(string point) => _distrusted.Contains(point);

    public static async Task<EarlierPoints> OfAsync(BackupVault vault, string serverId, CancellationToken cancellation)
    {
        var (points, _) = await VaultCatalog.ListAsync(vault, withFreed: false, cancellation).ConfigureAwait(false);
        List<(PointDocument, EdgeDocument)> found = [];
        foreach (var summary in points)
            if (EdgeDocument.Of(summary.Point) is { } edge && edge.ServerId == serverId) found.Add((summary.Point, edge));
        return new(found);
    }
}
