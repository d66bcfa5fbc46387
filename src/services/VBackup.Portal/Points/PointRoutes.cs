using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Points;

/// <summary>The project's restore points.</summary>
static class PointRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var points = api.MapGroup("/points");
        points.MapGet("", List).Needs(Permission.ListRestorePoint).Lists(PointRequests.List).Produces<Page<PointView>>()
            .WithSummary("List the project's restore points");
        points.MapGet("/{id:guid}", Get).Needs(Permission.GetRestorePoint).Produces<PointView>().WithSummary("Get a restore point");
        points.MapGet("/{id:guid}/explain", Explain).Needs(Permission.GetRestorePoint).Produces<PointExplanation>()
            .WithSummary("Say which rules keep a point, or when and why it goes");
        points.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteRestorePoint).Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Delete a point: to the bin, where its location has one");
        points.MapPost("/{id:guid}/undelete", Undelete).Needs(Permission.UndeleteRestorePoint)
            .Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Bring a point back from the bin; it is protected from then on, until somebody unprotects it");
        points.MapPost("/{id:guid}/protect", Protect).Needs(Permission.ProtectRestorePoint)
            .Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Keep a point from being deleted by rules and by users");
        points.MapPost("/{id:guid}/unprotect", Unprotect).Needs(Permission.ProtectRestorePoint)
            .Produces<PointView>(StatusCodes.Status202Accepted)
            .WithSummary("Let a point be deleted again, at once where no rule keeps it");
        Restore.Map(points);
    }

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await PointRequests.ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        (await PointRequests.GetAsync(db, http.Caller(), RestorePointId.From(id), http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Explain(Guid id, HttpContext http, PortalDb db, TimeProvider clock) =>
        (await PointRequests.ExplainAsync(db, http.Caller(), RestorePointId.From(id), clock.GetUtcNow(), http.RequestAborted)
            .ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
        (await PointRequests.DeleteAsync(change, RestorePointId.From(id)).ConfigureAwait(false)).Answer(Accepted));

    static Task<IResult> Undelete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
        (await PointRequests.UndeleteAsync(change, RestorePointId.From(id)).ConfigureAwait(false)).Answer(Accepted));

    static Task<IResult> Protect(Guid id, HttpContext http, ApiChanges changes) => ProtectAsync(id, true, http, changes);

    static Task<IResult> Unprotect(Guid id, HttpContext http, ApiChanges changes) => ProtectAsync(id, false, http, changes);

    static Task<IResult> ProtectAsync(Guid id, bool isProtected, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
        (await PointRequests.ProtectAsync(change, RestorePointId.From(id), isProtected).ConfigureAwait(false)).Answer(Accepted));

    static IResult Accepted(PointView point) => TypedResults.Accepted($"/api/v1/points/{point.Id}", point);
}
