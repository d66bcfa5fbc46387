using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Portal.Snapshots;

/// <summary>A snapshot on a region's storage that nobody knows of, as the last survey found it.</summary>
public sealed class OrphanRow
{
    OrphanRow() { }

    public OrphanRow(OrphanView orphan)
    {
        (Region, ServerId, ServerName, Instant) = (orphan.Server.Region, orphan.Server.Id, orphan.ServerName, orphan.Instant);
        (Volumes, TakenAt, FirstSeenAt) = (orphan.Volumes, orphan.TakenAt, orphan.FirstSeenAt);
        (IsOurs, RemovedAfter, Error) = (orphan.IsOurs, orphan.RemovedAfter, orphan.Error);
    }

    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";
    public string Instant { get; private set; } = "";
    public IReadOnlyList<string> Volumes { get; private set; } = [];
    public DateTimeOffset TakenAt { get; private set; }
    public DateTimeOffset FirstSeenAt { get; private set; }
    public bool IsOurs { get; private set; }
    public DateTimeOffset? RemovedAfter { get; private set; }
    public string? Error { get; private set; }

    public OrphanView View() =>
        new(new(Region, ServerId), ServerName, Instant, Volumes, TakenAt, FirstSeenAt, IsOurs, RemovedAfter, Error);
}

/// <summary>Takes in what a region's survey found: all of it, in place of what the one before found.</summary>
static class Surveys
{
    public static async Task ReportedAsync(SnapshotsSurveyed report, Change<PortalDb> change, CancellationToken cancellation)
    {
        // A region that nobody has declared has no project, and nobody would see its servers.
        if (await change.Db.Regions.FindAsync([report.Region], cancellation).ConfigureAwait(false) is not { } region) return;
        if (report.Version <= region.SurveyVersion) return;
        region.WasSurveyed(report.Version);
        await change.Db.Orphans.Where(one => one.Region == report.Region).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        change.Db.Orphans.AddRange(report.Orphans.Select(one => new OrphanRow(one)));
    }
}
