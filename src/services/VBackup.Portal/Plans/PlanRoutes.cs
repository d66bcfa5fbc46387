using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Plans;

/// <summary>A server, as somebody names it.</summary>
public sealed record ServerRequest(string? Region, string? Id);

/// <param name="Policy">The default one, when it is not said; so with the location.</param>
/// <param name="Volumes">Names; all, when they are not said.</param>
public sealed record NewPlanRequest(
    ServerRequest? Server, PolicyId? Policy, LocationId? Location, IReadOnlyList<string>? Volumes, bool? IncludesLater, string? Note);

/// <summary>What is left out stays as it is.</summary>
/// <param name="AllVolumes">True takes the choice of volumes back.</param>
public sealed record PlanRequest(
    PolicyId? Policy, LocationId? Location, IReadOnlyList<string>? Volumes, bool? AllVolumes, bool? IncludesLater, string? Note);

/// <param name="Volumes">Those that were chosen; null for all.</param>
/// <param name="PausedBecause">Why nothing is backed up by it, though it may be enabled.</param>
public sealed record PlanView(PlanId Id, ServerRef Server, string ServerName, PolicyId Policy, LocationId Location, IReadOnlyList<string>? Volumes,
    bool IncludesLater, bool IsEnabled, string? PausedBecause, string Note);

/// <summary>The protection of the project's servers.</summary>
static class PlanRoutes
{
    static readonly Listing<Plan> s_list = new("serverName",
        [
            new ListOrder<Plan, string, PlanId>("serverName", one => one.ServerName, one => one.Id),
            new ListOrder<Plan, PlanId, PlanId>("createdAt", one => one.Id, one => one.Id),
        ], "server", "enabled", "policy", "location");

    public static void Map(RouteGroupBuilder api)
    {
        var plans = api.MapGroup("/plans");
        plans.MapGet("", List).Needs(Permission.ListBackupPlan).Lists(s_list).Produces<Page<PlanView>>().WithSummary("List the project's plans");
        plans.MapPost("", Create).NeedsEither(Permission.CreateBackupPlan, Permission.CreateBackupPlanWithDefaults).Creates<PlanView>()
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

    static async Task<IResult> List(HttpContext http, PortalDb db, string? server, string? enabled, string? policy, string? location)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofServer, isEnabled) = (filters.Server("server", server), filters.Flag("enabled", enabled));
        var (ofPolicy, atLocation) = (filters.Id<PolicyId>("policy", policy), filters.Id<LocationId>("location", location));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Plans.AsNoTracking().Where(one => one.Project == project);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (isEnabled is not null) rows = rows.Where(one => one.IsEnabled == isEnabled);
        if (ofPolicy is not null) rows = rows.Where(one => one.Policy == ofPolicy);
        if (atLocation is not null) rows = rows.Where(one => one.Location == atLocation);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        if (await PlanUse.FindAsync(db, http.Caller().InProject, PlanId.From(id), http.RequestAborted).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        Versions.Tell(http, plan.Version);
        return TypedResults.Ok(View(plan));
    }

    static async Task<IResult> Create(NewPlanRequest request, HttpContext http, ApiChanges changes)
    {
        if (request.Server is not { } named) return Problem.Wrong("server", "It is needed.");
        if ((Input.Present("server.region", named.Region) ?? Input.Present("server.id", named.Id)) is { } wrong) return wrong;
        var isChosen = request.Policy is not null || request.Location is not null || request.Volumes is not null || request.IncludesLater is not null;
        // Whoever may choose may also take the defaults.
        if (isChosen && http.Caller().Lacks(Permission.CreateBackupPlan) is { } lacks) return lacks;
        return await changes.CreateAsync(http, request, async change =>
        {
            var wish = new PlanWish(request.Policy, request.Location, request.Volumes, request.IncludesLater, request.Note);
            var made = await PlanUse.CreateAsync(change.Change, change.Caller.InProject, new(named.Region!, named.Id!), wish, change.Cancellation)
                .ConfigureAwait(false);
            if (made.Refusal is { } refusal) return Problem.Of(refusal);
            change.Audit("createPlan", $"plan {made.Value.Id} of {made.Value.ServerName}");
            return new Creation.Made($"/api/v1/plans/{made.Value.Id}", View(made.Value), Version: made.Value.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Change(Guid id, PlanRequest request, HttpContext http, ApiChanges changes)
    {
        if (request is { AllVolumes: true, Volumes: not null }) return Problem.Wrong("allVolumes", "It goes without volumes.");
        return await changes.MakeAsync(http, async change =>
        {
            var (wanted, project) = (PlanId.From(id), change.Caller.InProject);
            if (await PlanUse.FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } plan)
                return Problem.NoSuch("plan");
            if (Versions.Needed(http, plan.Version) is { } outdated) return outdated;
            var wish = new PlanWish(request.Policy, request.Location, request.Volumes, request.IncludesLater, request.Note, request.AllVolumes == true);
            if ((await PlanUse.ChangeAsync(change.Change, project, wanted, wish, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
                return Problem.Of(refusal);
            change.Audit("updatePlan", $"plan {plan.Id} of {plan.ServerName}: policy {plan.Policy}, location {plan.Location}");
            Versions.Tell(http, plan.Version);
            return TypedResults.Ok(View(plan));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Enable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, true, http, changes);

    static Task<IResult> Disable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, false, http, changes);

    static Task<IResult> SwitchAsync(Guid id, bool isEnabled, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var (wanted, project) = (PlanId.From(id), change.Caller.InProject);
        if (await PlanUse.FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        if (Versions.Wanted(http, plan.Version) is { } outdated) return outdated;
        var switched = await PlanUse.SwitchAsync(change.Change, project, wanted, isEnabled, change.Cancellation).ConfigureAwait(false);
        if (switched.Refusal is { } refusal) return Problem.Of(refusal);
        change.Audit(isEnabled ? "enablePlan" : "disablePlan", $"plan {plan.Id} of {plan.ServerName}");
        Versions.Tell(http, plan.Version);
        return TypedResults.Ok(View(plan));
    });

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var (wanted, project) = (PlanId.From(id), change.Caller.InProject);
        if (await PlanUse.FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        if (Versions.Wanted(http, plan.Version) is { } outdated) return outdated;
        if ((await PlanUse.DeleteAsync(change.Change, project, wanted, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
            return Problem.Of(refusal);
        change.Audit("deletePlan", $"plan {plan.Id} of {plan.ServerName}");
        return TypedResults.NoContent();
    });

    static PlanView View(Plan plan) => new(plan.Id, plan.Server, plan.ServerName, plan.Policy, plan.Location, plan.Volumes.Chosen,
        plan.Volumes.IncludesLater, plan.IsEnabled, plan.Obstacle, plan.Note);
}
