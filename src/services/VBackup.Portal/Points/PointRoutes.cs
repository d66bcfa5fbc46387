using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Points;

/// <param name="DueAt">The instant of the schedule, or when it was asked for.</param>
/// <param name="TakenAt">The instant whose state it holds.</param>
/// <param name="Consistency"><c>filesystem</c> or <c>crash</c>.</param>
/// <param name="IsDistrusted">Change tracking was found wrong after it: it may lack changes.</param>
/// <param name="PurgeAt">When one in the bin goes for good.</param>
public sealed record PointView(RestorePointId Id, ServerRef Server, string ServerName, PlanId? Plan, RunId Run, LocationId Location,
    RestorePointState State, PointKind Kind, RunTrigger Trigger, IReadOnlyList<string> Tags, DateTimeOffset DueAt, DateTimeOffset? TakenAt,
    DateTimeOffset? CompletedAt, string? Consistency, bool IsDistrusted, long LengthBytes, long ReadBytes, long StoredBytes,
    IReadOnlyList<VolumePointView> Volumes, DateTimeOffset? DeletedAt, DateTimeOffset? PurgeAt)
{
    public static PointView Of(PointRow point) => new(point.Id, point.Server, point.ServerName, point.Plan, point.Run, point.Location, point.State,
        point.Kind, point.Trigger, point.Tags, point.DueAt, point.TakenAt, point.CompletedAt, point.Consistency, point.IsDistrusted,
        point.Volumes.Sum(volume => volume.LengthBytes), point.Volumes.Sum(volume => volume.ReadBytes),
        point.Volumes.Sum(volume => volume.StoredBytes), point.Volumes, point.DeletedAt, point.PurgeAt);
}

/// <summary>The project's restore points.</summary>
static class PointRoutes
{
    static readonly Listing<PointRow> s_list = new("-dueAt",
        [
            new ListOrder<PointRow, DateTimeOffset, RestorePointId>("dueAt", one => one.DueAt, one => one.Id),
            new ListOrder<PointRow, string, RestorePointId>("serverName", one => one.ServerName, one => one.Id),
        ], "server", "state", "location", "trigger");

    public static void Map(RouteGroupBuilder api)
    {
        var points = api.MapGroup("/points");
        points.MapGet("", List).Needs(Permission.ListRestorePoint).Lists(s_list).Produces<Page<PointView>>()
            .WithSummary("List the project's restore points");
        points.MapGet("/{id:guid}", Get).Needs(Permission.GetRestorePoint).Produces<PointView>().WithSummary("Get a restore point");
        points.MapGet("/{id:guid}/explain", Explain).Needs(Permission.GetRestorePoint).Produces<PointExplanation>()
            .WithSummary("Say which rules keep a point, or when and why it goes");
        points.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteRestorePoint).Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Delete a point: to the bin, where its location has one");
        points.MapPost("/{id:guid}/undelete", Undelete).Needs(Permission.UndeleteRestorePoint).Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Bring a point back from the bin");
        Restore.Map(points);
    }

    public static async Task<PointRow?> FindAsync(PortalDb db, ProjectId project, Guid id, CancellationToken cancellation) =>
        await db.Points.FindAsync([RestorePointId.From(id)], cancellation).ConfigureAwait(false) is { } point && point.Project == project ? point : null;

    static async Task<IResult> List(HttpContext http, PortalDb db, string? server, string? state, string? location, string? trigger)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofServer, inState) = (filters.Server("server", server), filters.OneOf<RestorePointState>("state", state));
        var (atLocation, byTrigger) = (filters.Id<LocationId>("location", location), filters.OneOf<RunTrigger>("trigger", trigger));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Points.AsNoTracking().Where(one => one.Project == project);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        if (atLocation is not null) rows = rows.Where(one => one.Location == atLocation);
        if (byTrigger is not null) rows = rows.Where(one => one.Trigger == byTrigger);
        return await s_list.AnswerAsync(http, rows, PointView.Of).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is { } point
            ? TypedResults.Ok(PointView.Of(point)) : Problem.NoSuch("point");

    static async Task<IResult> Explain(Guid id, HttpContext http, PortalDb db, TimeProvider clock) =>
        await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is { } point
            ? TypedResults.Ok(await PointExplanation.OfAsync(db, point, clock.GetUtcNow(), http.RequestAborted).ConfigureAwait(false))
            : Problem.NoSuch("point");

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point) return Problem.NoSuch("point");
        if (point.State != RestorePointState.Active)
            return new Problem(ProblemCode.PointNotActive, "It is not complete, or deleted already. What is in the bin is purged by itself.");
        change.Send(Destination.Backup, new DeletePoint(point.Id, project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        change.Audit("deletePoint", $"point {point.Id} of {point.ServerName}");
        return TypedResults.Accepted($"/api/v1/points/{point.Id}", PointView.Of(point));
    });

    static Task<IResult> Undelete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point) return Problem.NoSuch("point");
        if (point.State != RestorePointState.SoftDeleted)
            return new Problem(ProblemCode.PointNotInBin, "Only a point that is in the bin can be brought back.");
        change.Send(Destination.Backup, new UndeletePoint(point.Id, project), MessageJson.Default.UndeletePoint);
        change.Audit("undeletePoint", $"point {point.Id} of {point.ServerName}");
        return TypedResults.Accepted($"/api/v1/points/{point.Id}", PointView.Of(point));
    });
}
