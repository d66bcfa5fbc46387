using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Servers;

public sealed record VolumeSnapshot(SnapshotId Id, string Name, SnapshotPurpose Purpose, SnapshotState State, DateTimeOffset? TakenAt,
    DateTimeOffset? KeptUntil);

/// <summary>What a volume has on the source's storage.</summary>
/// <param name="Name">What the server calls it.</param>
/// <param name="Volume">What the storage calls it.</param>
/// <param name="UsedBytes">Null when the region did not tell.</param>
/// <param name="IsFree">No snapshot keeps it from being deleted.</param>
public sealed record VolumeUsage(string Name, string Volume, long? LengthBytes, long? UsedBytes, bool IsFree,
    IReadOnlyList<VolumeSnapshot> Snapshots);

public sealed record VolumeUsages(IReadOnlyList<VolumeUsage> Items);

/// <param name="Volumes">What the server calls them; all, when they are not said.</param>
/// <param name="RemovesSnapshots">Also what users took, and what restores can be taken back to.</param>
public sealed record FreeRequest(IReadOnlyList<string>? Volumes, bool? RemovesSnapshots);

/// <param name="Removed">What goes, now that it was asked for.</param>
/// <param name="Notes">What else should be known.</param>
public sealed record FreeAnswer(IReadOnlyList<VolumeSnapshot> Removed, IReadOnlyList<string> Notes);

/// <summary>The volumes of a server: what is kept of them on the storage, and how they are given free.</summary>
static class VolumeRoutes
{
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    public static void Map(RouteGroupBuilder servers)
    {
        servers.MapGet("/{region}/{serverId}/volumes", List).Needs(Permission.ListVolumeUsage).Produces<VolumeUsages>()
            .WithSummary("List a server's volumes, with what snapshots keep of them");
        servers.MapGet("/{region}/{serverId}/volumes/{volume}", Get).Needs(Permission.GetVolumeUsage).Produces<VolumeUsage>()
            .WithSummary("Get a volume of a server, with what snapshots keep of it");
        servers.MapPost("/{region}/{serverId}/free", Free).Needs(Permission.DeleteSnapshot).Produces<FreeAnswer>(
            StatusCodes.Status202Accepted)
            .WithSummary("Give volumes free for deletion: what backups keep of them on the storage goes, and the next backup is full");
    }

    static async Task<IResult> List(string region, string serverId, HttpContext http, PortalDb db) =>
        await PlanUse.FindServerAsync(db, http.Caller().InProject, new(region, serverId), http.RequestAborted)
            .ConfigureAwait(false) is { } server
            ? TypedResults.Ok(new VolumeUsages(UsagesOf(server, await SnapshotsOfAsync(db, server, http.RequestAborted)
                .ConfigureAwait(false))))
            : Problem.NoSuch("server");

    static async Task<IResult> Get(string region, string serverId, string volume, HttpContext http, PortalDb db)
    {
        if (await PlanUse.FindServerAsync(db, http.Caller().InProject, new(region, serverId), http.RequestAborted)
            .ConfigureAwait(false) is not { } server)
            return Problem.NoSuch("server");
        var usages = UsagesOf(server, await SnapshotsOfAsync(db, server, http.RequestAborted).ConfigureAwait(false));
        return usages.FirstOrDefault(one => one.Name == volume) is { } usage ? TypedResults.Ok(usage) : Problem.NoSuch("volume");
    }

    static Task<IResult> Free(string region, string serverId, FreeRequest request, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await PlanUse.FindServerAsync(change.Db, project, new(region, serverId), change.Cancellation)
            .ConfigureAwait(false) is not { } server)
            return Problem.NoSuch("server");
        if (VolumeNames.FaultOf(request.Volumes) is { } wrong) return Problem.Of(wrong);
        if (request.Volumes?.FirstOrDefault(name => server.Disks.All(disk => disk.Name != name)) is { } missing)
            return Problem.Wrong("volumes", $"The server has no volume {missing}.");
        if (await SnapshotRoutes.GoingOnAsync(change.Db, server.Ref, change.Cancellation).ConfigureAwait(false) is { } going) return going;
        var names = request.Volumes?.Select(name => server.Disks.First(disk => disk.Name == name).Volume).ToList();
        var inTheWay = (await SnapshotsOfAsync(change.Db, server, change.Cancellation).ConfigureAwait(false))
            .Where(one => names is null || one.Disks.Any(disk => names.Contains(disk.Volume))).ToList();
        var ofUsers = inTheWay.Where(one => one.State != SnapshotState.Base && one.State != SnapshotState.Removing).ToList();
        if (ofUsers.Count > 0 && request.RemovesSnapshots != true)
            return new Problem(ProblemCode.SnapshotInUse,
                $"These snapshots would go as well: {string.Join(", ", ofUsers.Select(one => one.Name))}. "
                + "Delete them first, or say removesSnapshots.", "removesSnapshots");
        change.Send(Destination.Snapshots(region), new FreeVolumes(project, server.Ref, names, request.RemovesSnapshots == true),
            MessageJson.Default.FreeVolumes, change.Now + s_patience);
        change.Audit("freeVolumes", $"server {region}/{serverId}: {(names is null ? "all volumes" : string.Join(", ", names))}");
        var plan = await change.Db.Plans.FirstOrDefaultAsync(one => one.Region == region && one.ServerId == serverId, change.Cancellation)
            .ConfigureAwait(false);
        List<string> notes = plan is { IsEnabled: true } ? ["The plan is enabled: its next backup is full, and keeps a snapshot again."]
            : [];
        return TypedResults.Accepted($"/api/v1/servers/{region}/{serverId}/volumes", new FreeAnswer([.. inTheWay.Select(View)], notes));
    });

    // Whatever project it is of: it keeps the volume from being deleted all the same.
    static Task<List<SnapshotRow>> SnapshotsOfAsync(PortalDb db, ServerRow server, CancellationToken cancellation) =>
        db.Snapshots.AsNoTracking()
        .Where(one => one.Region == server.Region && one.ServerId == server.ServerId
            && one.State != SnapshotState.Removed && one.State != SnapshotState.Failed).OrderBy(one => one.Id).ToListAsync(cancellation);

    static IReadOnlyList<VolumeUsage> UsagesOf(ServerRow server, List<SnapshotRow> snapshots) => [.. server.Disks.Select(disk =>
    {
        var own = snapshots.Where(one => one.Disks.Any(held => held.Volume == disk.Volume)).ToList();
        return new VolumeUsage(disk.Name, disk.Volume, disk.LengthBytes, disk.AllocatedBytes, own.Count == 0, [.. own.Select(View)]);
    })];

    static VolumeSnapshot View(SnapshotRow row) => new(row.Id, row.Name, row.Purpose, row.State, row.TakenAt, row.KeptUntil);
}
