using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Snapshots;

/// <param name="Volumes">Names; all that the server has then, when they are not said.</param>
/// <param name="KeptDays">When it goes by itself; never, when it is not said.</param>
public sealed record NewSnapshotRequest(ServerRequest? Server, string? Name, IReadOnlyList<string>? Volumes, int? KeptDays);

public sealed record SnapshotView(SnapshotId Id, ServerRef Server, string Name, SnapshotPurpose Purpose, SnapshotState State,
    IReadOnlyList<DiskView> Disks, DateTimeOffset? TakenAt, DateTimeOffset? KeptUntil, string? Error)
{
    public static SnapshotView Of(SnapshotRow row) => new(row.Id, row.Server, row.Name, row.Purpose, row.State, row.Disks, row.TakenAt,
        row.KeptUntil, row.Error);
}

/// <summary>Snapshots of the project's servers, whatever they are for.</summary>
static partial class SnapshotRoutes
{
    const int KeptDaysMax = 3650;

    /// <summary>The guest has gone on: a snapshot much later is not the one that was asked for.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    static readonly Listing<SnapshotRow> s_list = new("-createdAt",
        [
            new ListOrder<SnapshotRow, SnapshotId, SnapshotId>("createdAt", one => one.Id, one => one.Id),
            new ListOrder<SnapshotRow, string, SnapshotId>("name", one => one.Name, one => one.Id),
        ], "server", "name", "purpose", "state");

    public static void Map(RouteGroupBuilder api)
    {
        var snapshots = api.MapGroup("/snapshots");
        snapshots.MapGet("", List).Needs(Permission.ListSnapshot).Lists(s_list).Produces<Page<SnapshotView>>()
            .WithSummary("List the project's snapshots, whatever they are for");
        snapshots.MapPost("", Create).Needs(Permission.CreateSnapshot).Starts<SnapshotView>().WithSummary("Take a snapshot of a server");
        snapshots.MapGet("/{id:guid}", Get).Needs(Permission.GetSnapshot).Produces<SnapshotView>().WithSummary("Get a snapshot");
        snapshots.MapPost("/{id:guid}/rollback", RollBack).Needs(Permission.RollbackSnapshot).Produces<SnapshotView>(StatusCodes.Status202Accepted)
            .WithSummary("Make a server's volumes what they were");
        snapshots.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteSnapshot).Produces<SnapshotView>(StatusCodes.Status202Accepted)
            .WithSummary("Delete a snapshot that no backup needs");
    }

    static async Task<SnapshotRow?> FindAsync(PortalDb db, ProjectId project, Guid id, CancellationToken cancellation) =>
        await db.Snapshots.FindAsync([SnapshotId.From(id)], cancellation).ConfigureAwait(false) is { } snapshot && snapshot.Project == project
            ? snapshot : null;

    static async Task<IResult> List(HttpContext http, PortalDb db, string? server, string? name, string? purpose, string? state)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofServer, forPurpose) = (filters.Server("server", server), filters.OneOf<SnapshotPurpose>("purpose", purpose));
        var inState = filters.OneOf<SnapshotState>("state", state);
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Snapshots.AsNoTracking().Where(one => one.Project == project && (name == null || one.Name == name));
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (forPurpose is not null) rows = rows.Where(one => one.Purpose == forPurpose);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        return await s_list.AnswerAsync(http, rows, SnapshotView.Of).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is { } snapshot
            ? TypedResults.Ok(SnapshotView.Of(snapshot)) : Problem.NoSuch("snapshot");

    static async Task<IResult> Create(NewSnapshotRequest request, HttpContext http, ApiChanges changes)
    {
        if (FaultOf(request) is { } fault) return fault;
        return await changes.CreateAsync(http, request, async change =>
        {
            var project = change.Caller.InProject;
            var server = new ServerRef(request.Server!.Region!, request.Server.Id!);
            if (await PlanUse.FindServerAsync(change.Db, project, server, change.Cancellation).ConfigureAwait(false) is not { } known)
                return Problem.NoSuch("server");
            if (known.IsGone) return new Problem(ProblemCode.ServerGone, $"The server {known.Name} is not there any more.");
            if (request.Volumes?.FirstOrDefault(name => known.Disks.All(disk => disk.Name != name)) is { } missing)
                return Problem.Wrong("volumes", $"The server has no volume {missing}.");
            // What is gone, or never came to be, has given its name back.
            if (await change.Db.Snapshots.AnyAsync(one => one.Project == project && one.Region == server.Region && one.Name == request.Name
                && one.State != SnapshotState.Removed && one.State != SnapshotState.Failed, change.Cancellation).ConfigureAwait(false))
                return Problem.Taken("snapshot", request.Name!);
            var keptUntil = request.KeptDays is { } days ? change.Now + TimeSpan.FromDays(days) : (DateTimeOffset?)null;
            var row = SnapshotRow.Asked(change.NewId<SnapshotId>(), project, server, request.Name!, keptUntil);
            change.Db.Snapshots.Add(row);
            change.Send(Destination.Snapshots(server.Region), new TakeServerSnapshot(row.Id, null, project, server, row.Name, request.Volumes,
                SnapshotPurpose.Manual, keptUntil), MessageJson.Default.TakeServerSnapshot, change.Now + s_patience);
            change.Audit("createSnapshot", $"snapshot {row.Name} of {known.Name}");
            return new Creation.Made($"/api/v1/snapshots/{row.Id}", SnapshotView.Of(row), GoesOn: true);
        }).ConfigureAwait(false);
    }

    static Problem? FaultOf(NewSnapshotRequest request)
    {
        if (request.Server is not { } server) return Problem.Wrong("server", "It is needed.");
        if ((Input.Present("server.region", server.Region) ?? Input.Present("server.id", server.Id)) is { } missing) return missing;
        if (request.Name is null || !Name().IsMatch(request.Name)) return Problem.Wrong("name", "It has 5 to 50 letters, digits, '_' and '-'.");
        if (request.Volumes is { Count: 0 }) return Problem.Wrong("volumes", "Name one at least, or leave them out for all.");
        return request.KeptDays is < 1 or > KeptDaysMax ? Problem.Wrong("keptDays", $"It is 1 to {KeptDaysMax}.") : null;
    }

    static Task<IResult> RollBack(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } snapshot) return Problem.NoSuch("snapshot");
        if (snapshot.State != SnapshotState.Ready)
            return new Problem(ProblemCode.SnapshotNotReady, "It is not taken yet, is going, or tells only what changed since.");
        if (await change.Db.Runs.AnyAsync(run => run.Region == snapshot.Region && run.ServerId == snapshot.ServerId && run.State < RunState.Succeeded,
            change.Cancellation).ConfigureAwait(false))
            return new Problem(ProblemCode.RunGoingOn, "A run of this server is going on: wait for it, or cancel it.");
        change.Send(Destination.Snapshots(snapshot.Region), new RollBackSnapshot(snapshot.Id, project), MessageJson.Default.RollBackSnapshot,
            change.Now + s_patience);
        change.Audit("rollBackSnapshot", $"snapshot {snapshot.Name} of {snapshot.Region}/{snapshot.ServerId}");
        return TypedResults.Accepted($"/api/v1/snapshots/{snapshot.Id}", SnapshotView.Of(snapshot));
    });

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } snapshot) return Problem.NoSuch("snapshot");
        if (snapshot.Purpose == SnapshotPurpose.Backup)
            return new Problem(ProblemCode.SnapshotInUse, "The next backup asks it what changed since. It goes by itself, or with its point.");
        change.Send(Destination.Snapshots(snapshot.Region), new RemoveSnapshot(snapshot.Id, project), MessageJson.Default.RemoveSnapshot);
        change.Audit("deleteSnapshot", $"snapshot {snapshot.Name} of {snapshot.Region}/{snapshot.ServerId}");
        return TypedResults.Accepted($"/api/v1/snapshots/{snapshot.Id}", SnapshotView.Of(snapshot));
    });

    [GeneratedRegex(@"^[A-Za-z0-9_-]{5,50}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
