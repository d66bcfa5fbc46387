using VBackup.Cli.Terminal;
using VBackup.Edge.Backups;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Vault;

/// <summary>How points are shown.</summary>
static class PointView
{
    const int ShortIdLength = 12;

    public static string ShortId(string id) => id[..Math.Min(ShortIdLength, id.Length)];

    public static string TypeOf(PointType type) => type == PointType.Full ? "full" : "incremental";

    public static string FreedOf(PointSummary summary) => summary.FreedBytes is { } freed ? Units.Size(freed) : "-";

    /// <summary>What should be known before it is restored; nothing of most.</summary>
    public static string RemarkOn(PointDocument point)
    {
        try
        {
            return EdgeDocument.Of(point)?.Remark ?? "";
        }
        catch (DamageException)
        {
            // Users' own metadata may have a member of that name.
            return "";
        }
    }

    public static PointEvent EventOf(PointSummary summary)
    {
        var point = summary.Point;
        return new(point.Id, point.CreatedAt, point.Name, TypeOf(point.Type), point.Base, summary.LogicalBytes, summary.ReadBytes,
            summary.StoredBytes, summary.FreedBytes, VolumesOf(point), point.Metadata);
    }

    public static BackupEvent CompletedEvent(PointDocument point, RunMeter meter) => new(
        point.Id, TypeOf(point.Type), point.Volumes.Sum(volume => volume.LengthBytes), point.Volumes.Sum(volume => volume.ReadBytes),
        point.Volumes.Sum(volume => volume.StoredBytes), meter.ElapsedSeconds, RunMeter.HeapAllocatedBytes,
        RunMeter.PeakResidentBytes, VolumesOf(point));

    static IReadOnlyList<VolumeEvent> VolumesOf(PointDocument point) =>
        [.. point.Volumes.Select(volume => new VolumeEvent(
            volume.Name, TypeOf(volume.Type), volume.LengthBytes, volume.ReadBytes, volume.StoredBytes))];
}
