using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Plans;

/// <summary>The protection of the project's servers.</summary>
static class PlanRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var plans = api.MapGroup("/plans");
        plans.MapGet("", List).Needs(Permission.ListBackupPlan).Lists(PlanRequests.List).Produces<Page<PlanView>>()
            .WithSummary("List the project's plans");
        plans.MapPost("", Create).NeedsAny(Permission.CreateBackupPlan, Permission.CreateBackupPlanWithDefaults).Creates<PlanView>()
            .WithSummary("Protect a server; by anything but the defaults, it needs CreateBackupPlan");
        plans.MapGet("/{id:guid}", Get).Needs(Permission.GetBackupPlan).Produces<PlanView>().WithSummary("Get a plan");
        plans.MapPatch("/{id:guid}", Change).Needs(Permission.UpdateBackupPlan).Updates<PlanView>()
            .WithSummary("Change a plan's policy, location, volumes or note");
        plans.MapPost("/{id:guid}/enable", Enable).Needs(Permission.EnableBackupPlan).Produces<PlanView>()
            .WithSummary("Let a plan run by itself; what was due meanwhile is not made up for");
        plans.MapPost("/{id:guid}/disable", Disable).Needs(Permission.DisableBackupPlan).Produces<PlanView>()
            .WithSummary("Stop new points by policy; those that are there stay");
        plans.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteBackupPlan).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a plan; its points stay, and no rule lets them go any more");
    }

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await PlanRequests.ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        (await PlanRequests.GetAsync(db, http.Caller(), PlanId.From(id), http.RequestAborted).ConfigureAwait(false))
            .Answer(plan => Versions.Ok(http, plan));

    static async Task<IResult> Create(NewPlanRequest request, HttpContext http, ApiChanges changes)
    {
        if (PlanRequests.FaultOf(http.Caller(), request) is { } fault) return fault;
        return await changes.CreateAsync(http, request, async change =>
        {
            var made = await PlanRequests.CreateAsync(change, request).ConfigureAwait(false);
            return made.Problem is { } problem ? problem
                : new Creation.Made($"/api/v1/plans/{made.Value.View.Id}", made.Value.View, Version: made.Value.Version);
        }).ConfigureAwait(false);
    }

    static Task<IResult> Change(Guid id, PlanRequest request, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
        (await PlanRequests.ChangeAsync(change, PlanId.From(id), request, version => Versions.Needed(http, version)).ConfigureAwait(false))
            .Answer(plan => Versions.Ok(http, plan)));

    static Task<IResult> Enable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, true, http, changes);

    static Task<IResult> Disable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, false, http, changes);

    static Task<IResult> SwitchAsync(Guid id, bool isEnabled, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
        (await PlanRequests.SwitchAsync(change, PlanId.From(id), isEnabled, version => Versions.Wanted(http, version))
            .ConfigureAwait(false))
            .Answer(plan => Versions.Ok(http, plan)));

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
        (await PlanRequests.DeleteAsync(change, PlanId.From(id), version => Versions.Wanted(http, version)).ConfigureAwait(false))
            .Answer(_ => TypedResults.NoContent()));
}
