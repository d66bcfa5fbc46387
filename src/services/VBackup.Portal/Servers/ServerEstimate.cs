using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Locations;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Servers;

/// <param name="ReservedBytes">For which the quota has to have room.</param>
/// <param name="Text">How it was estimated, for people.</param>
public sealed record EstimateOfKind(long ReadBytes, long StoredBytes, long ReservedBytes, EstimateBasis Basis, string Text, bool? Fits);

/// <summary>What a server's next backup will take.</summary>
/// <param name="Volumes">Names of those that are included.</param>
/// <param name="Full">A first backup is always one.</param>
/// <param name="Incremental">Null when there is nothing at the location to build on.</param>
/// <param name="QuotaBytes">Of the location; null for no limit.</param>
public sealed record EstimateView(ServerRef Server, LocationId Location, IReadOnlyList<string> Volumes, EstimateOfKind Full,
    EstimateOfKind? Incremental,
    long? QuotaBytes, long UsedBytes);

/// <summary>Says what a backup will read and store, before there is one.</summary>
static class ServerEstimate
{
    public static void Map(RouteGroupBuilder servers) => servers.MapGet("/{region}/{serverId}/estimate", Handle)
        .Needs(Permission.GetVolumeUsage)
        .Produces<EstimateView>()
        .WithSummary("Estimate what the next backup reads and stores: at its plan's location, at the one that is named, or at the "
            + "default one");

    static async Task<IResult> Handle(string region, string serverId, HttpContext http, PortalDb db, string? location)
    {
        var filters = new ListFilters();
        var named = filters.Id<LocationId>("location", location);
        if (filters.Wrong is { } wrong) return wrong;
        var (project, cancellation) = (http.Caller().InProject, http.RequestAborted);
        if (await PlanUse.FindServerAsync(db, project, new(region, serverId), cancellation).ConfigureAwait(false) is not { } server)
            return Problem.NoSuch("server");
        var plan = await db.Plans.AsNoTracking().FirstOrDefaultAsync(one => one.Project == project && one.Region == region
            && one.ServerId == serverId,
            cancellation).ConfigureAwait(false);
        var wanted = named ?? plan?.Location;
        var place = await db.Locations.AsNoTracking().FirstOrDefaultAsync(one => one.Project == project && !one.IsDeleted
            && (wanted == null ? one.IsDefault : one.Id == wanted), cancellation).ConfigureAwait(false);
        if (place is null)
            return wanted is null ? new Problem(ProblemCode.NoDefaultLocation, "Name a location, or make one the default.")
                : Problem.Wrong("location", "The project has no such location.");
        var included = plan?.Volumes.Of([.. server.Disks.Select(disk => disk.Name)]);
        DiskView[] disks = [.. server.Disks.Where(disk => included is null || included.Contains(disk.Name))];
        var earlier = await EarlierAsync(db, server, place, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(new EstimateView(server.Ref, place.Id, [.. disks.Select(disk => disk.Name)],
            View(BackupEstimate.Of(PointKind.Full, disks, earlier), place),
            earlier.Count == 0 ? null : View(BackupEstimate.Of(PointKind.Incremental, disks, earlier), place), place.QuotaBytes,
                place.UsedBytes));
    }

    static async Task<List<EarlierPoint>> EarlierAsync(PortalDb db, ServerRow server, LocationRow location, CancellationToken cancellation)
    {
        List<EarlierPoint> earlier = [];
        foreach (var kind in Enum.GetValues<PointKind>())
            earlier.AddRange(await db.Points.AsNoTracking()
                .Where(one => one.Project == server.Project && one.Region == server.Region && one.ServerId == server.ServerId
                    && one.Location == location.Id && one.Kind == kind && one.CompletedAt != null)
                .OrderByDescending(one => one.CompletedAt).Take(BackupEstimate.PointsMax)
                    .Select(one => new EarlierPoint(one.Kind, one.Volumes))
                .ToListAsync(cancellation).ConfigureAwait(false));
        return earlier;
    }

    static EstimateOfKind View(BackupEstimate estimate, LocationRow location) =>
        new(estimate.ReadBytes, estimate.StoredBytes, estimate.ReservedBytes,
        estimate.Basis, Text(estimate.Basis),
        // What runs that go on have reserved, only the vBackup service knows; it looks when the run starts.
        location.QuotaBytes is { } quota ? location.UsedBytes + estimate.ReservedBytes <= quota : null);

    static string Text(EstimateBasis basis) => basis switch
    {
        EstimateBasis.Nothing => "The region has not said how large the volumes are.",
        EstimateBasis.Allocated => "All that is allocated of the volumes, as if nothing of it would shrink: there is no point to learn "
            + "from yet.",
        EstimateBasis.TenthOfFull => "A tenth of a full: there is no incremental to learn from yet.",
        EstimateBasis.History =>
            "By the newest points that were made in the same way: what they stored of what they read. Half as much again is reserved of "
                + "the quota.",
        _ => throw new InvalidOperationException($"Nobody describes {basis}."),
    };
}
