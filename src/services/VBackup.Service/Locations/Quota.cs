using System.Globalization;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Runs;

namespace VBackup.Service.Locations;

/// <summary>Whether a location has room: what is stored, and what runs that are not over have reserved, stays within its quota.</summary>
static class Quota
{
    /// <returns>Why not; null when there is room.</returns>
    public static async Task<string?> RefusalAsync(BackupDb db, Location location, long neededBytes, CancellationToken cancellation)
    {
        if (location.QuotaBytes is not { } quota) return null;
        var reserved = await ReservedAsync(db, location, null, cancellation).ConfigureAwait(false);
        return location.UsedBytes + reserved + neededBytes <= quota ? null : string.Create(CultureInfo.InvariantCulture,
            $"the quota of the location {location.Name} is {quota} bytes; {location.UsedBytes} are used, {reserved} are reserved for "
            + $"other runs, and about {neededBytes} are needed: raise the quota, or delete points");
    }

    /// <summary>Whether a run that has stored more than was thought may go on.</summary>
    /// <returns>Why not; null when there is room.</returns>
    public static async Task<string?> OverrunAsync(BackupDb db, Location location, Run run, CancellationToken cancellation)
    {
        if (location.QuotaBytes is not { } quota) return null;
        var others = await ReservedAsync(db, location, run.Id, cancellation).ConfigureAwait(false);
        return location.UsedBytes + others + run.StoredBytes <= quota ? null : string.Create(CultureInfo.InvariantCulture,
            $"the backup has stored {run.StoredBytes} bytes so far, where {run.ReservedBytes} were reserved for it, and the quota of the "
            + $"location {location.Name} is {quota} bytes, of which {location.UsedBytes} are used and {others} are reserved for other "
            + $"runs: raise the quota, or delete points");
    }

    static Task<long> ReservedAsync(BackupDb db, Location location, RunId? butOf, CancellationToken cancellation) =>
        db.Runs.Where(run => run.Location == location.Id && run.State < RunState.Succeeded && run.Id != butOf)
            .SumAsync(run => run.ReservedBytes, cancellation);
}

/// <summary>What a backup will take, by what the service knows.</summary>
static class Estimate
{
    public static async Task<BackupEstimate> OfAsync(BackupDb db, StartBackup order, CancellationToken cancellation)
    {
        List<EarlierPoint> earlier = [];
        foreach (var kind in Enum.GetValues<PointKind>())
            earlier.AddRange(await db.Points.Where(one => one.Region == order.Server.Region && one.ServerId == order.Server.Id
                    && one.Location == order.Location && one.CompletedAt != null && one.Kind == kind)
                .OrderByDescending(one => one.CompletedAt).Take(BackupEstimate.PointsMax)
                    .Select(one => new EarlierPoint(one.Kind, one.Volumes))
                .ToListAsync(cancellation).ConfigureAwait(false));
        return BackupEstimate.Of(order.Kind, order.Seen, earlier);
    }
}
