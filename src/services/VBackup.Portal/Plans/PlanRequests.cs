using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Plans;

/// <summary>A server, as somebody names it.</summary>
public sealed record ServerRequest([property: Required] string? Region, [property: Required] string? Id);

/// <param name="Policy">The default one, when it is not said; so with the location.</param>
/// <param name="Volumes">Names; all, when they are not said.</param>
public sealed record NewPlanRequest(
    [property: Required] ServerRequest? Server, PolicyId? Policy, LocationId? Location, IReadOnlyList<string>? Volumes,
    bool? IncludesLater, string? Note);

/// <summary>What is left out stays as it is.</summary>
/// <param name="AllVolumes">True takes the choice of volumes back: all that the server has now, and later ones by
/// <paramref name="IncludesLater"/>.</param>
public sealed record PlanRequest(
    PolicyId? Policy, LocationId? Location, IReadOnlyList<string>? Volumes, bool? AllVolumes, bool? IncludesLater, string? Note);

/// <param name="Volumes">Those that were chosen; null for all, also those that are attached later.</param>
/// <param name="PausedBecause">Why nothing is backed up by it, though it may be enabled.</param>
public sealed record PlanView(PlanId Id, ServerRef Server, string ServerName, PolicyId Policy, LocationId Location,
    IReadOnlyList<string>? Volumes,
    bool IncludesLater, bool IsEnabled, string? PausedBecause, string Note);

/// <summary>What is asked of the project's plans, by the API and in pages. Each looks for the permission that it takes.</summary>
static class PlanRequests
{
    public static Listing<Plan> List { get; } = new("serverName",
        [
            new ListOrder<Plan, string, PlanId>("serverName", one => one.ServerName, one => one.Id),
            new ListOrder<Plan, PlanId, PlanId>("createdAt", one => one.Id, one => one.Id),
        ], "server", "enabled", "policy", "location");

    public static async Task<Outcome<Page<PlanView>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListBackupPlan) is { } lacks) return lacks;
        var project = caller.InProject;
        var filters = new ListFilters();
        var (ofServer, isEnabled) = (filters.Server("server", query.One("server")), filters.Flag("enabled", query.One("enabled")));
        var (ofPolicy, atLocation) =
            (filters.Id<PolicyId>("policy", query.One("policy")), filters.Id<LocationId>("location", query.One("location")));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Plans.AsNoTracking().Where(one => one.Project == project);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (isEnabled is not null) rows = rows.Where(one => one.IsEnabled == isEnabled);
        if (ofPolicy is not null) rows = rows.Where(one => one.Policy == ofPolicy);
        if (atLocation is not null) rows = rows.Where(one => one.Location == atLocation);
        return await List.PageAsync(query, rows, View, cancellation).ConfigureAwait(false);
    }

    public static async Task<Outcome<Versioned<PlanView>>> GetAsync(PortalDb db, Caller caller, PlanId id, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetBackupPlan) is { } lacks) return lacks;
        return await PlanUse.FindAsync(db, caller.InProject, id, cancellation).ConfigureAwait(false) is { } plan
            ? Told(plan) : Problem.NoSuch("plan");
    }

    /// <summary>What is wrong whatever there is; null when nothing is.</summary>
    public static Problem? FaultOf(Caller caller, NewPlanRequest request)
    {
        if (request.Server is not { } named) return Problem.Wrong("server", "It is needed.");
        if ((Input.Present("server.region", named.Region) ?? Input.Present("server.id", named.Id)) is { } wrong) return wrong;
        var isChosen = request.Policy is not null || request.Location is not null || request.Volumes is not null
            || request.IncludesLater is not null;
        // Whoever may choose may also take the defaults.
        if (isChosen) return caller.Lacks(Permission.CreateBackupPlan);
        return caller.May(Permission.CreateBackupPlan) ? null : caller.Lacks(Permission.CreateBackupPlanWithDefaults);
    }

    public static async Task<Outcome<Versioned<PlanView>>> CreateAsync(ApiChange change, NewPlanRequest request)
    {
        if (FaultOf(change.Caller, request) is { } fault) return fault;
        var wish = new PlanWish(request.Policy, request.Location, request.Volumes, request.IncludesLater, request.Note);
        var made = await PlanUse.CreateAsync(change.Change, change.Caller.InProject, new(request.Server!.Region!, request.Server.Id!), wish,
            change.Cancellation).ConfigureAwait(false);
        if (made.Refusal is { } refusal) return Problem.Of(refusal);
        change.Audit("createPlan", $"plan {made.Value.Id} of {made.Value.ServerName}");
        return Told(made.Value);
    }

    /// <param name="outdated">Looks at the version that there is.</param>
    public static async Task<Outcome<Versioned<PlanView>>> ChangeAsync(
        ApiChange change, PlanId id, PlanRequest request, Func<long, Problem?> outdated)
    {
        if (change.Caller.Lacks(Permission.UpdateBackupPlan) is { } lacks) return lacks;
        if (request is { AllVolumes: true, Volumes: not null }) return Problem.Wrong("allVolumes", "It goes without volumes.");
        if (request is { AllVolumes: false, Volumes: null })
            return Problem.Wrong("allVolumes", "Not all of them: say which, as volumes, by their names.");
        var project = change.Caller.InProject;
        if (await PlanUse.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        if (outdated(plan.Version) is { } problem) return problem;
        var (policy, location) = (plan.Policy, plan.Location);
        var wish = new PlanWish(request.Policy, request.Location, request.Volumes, request.IncludesLater, request.Note,
            request.AllVolumes == true);
        if ((await PlanUse.ChangeAsync(change.Change, project, id, wish, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
            return Problem.Of(refusal);
        change.Audit("updatePlan", $"plan {plan.Id} of {plan.ServerName}: policy {Now(plan.Policy, policy)}, location "
            + Now(plan.Location, location));
        return Told(plan);
    }

    static string Now<TId>(TId now, TId before) where TId : struct => now.Equals(before) ? $"{now}" : $"{now} (before: {before})";

    /// <inheritdoc cref="ChangeAsync"/>
    public static async Task<Outcome<Versioned<PlanView>>> SwitchAsync(
        ApiChange change, PlanId id, bool isEnabled, Func<long, Problem?> outdated)
    {
        if (change.Caller.Lacks(isEnabled ? Permission.EnableBackupPlan : Permission.DisableBackupPlan) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await PlanUse.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        if (outdated(plan.Version) is { } problem) return problem;
        var switched = await PlanUse.SwitchAsync(change.Change, project, id, isEnabled, change.Cancellation).ConfigureAwait(false);
        if (switched.Refusal is { } refusal) return Problem.Of(refusal);
        change.Audit(isEnabled ? "enablePlan" : "disablePlan", $"plan {plan.Id} of {plan.ServerName}");
        return Told(plan);
    }

    /// <inheritdoc cref="ChangeAsync"/>
    public static async Task<Outcome<PlanId>> DeleteAsync(ApiChange change, PlanId id, Func<long, Problem?> outdated)
    {
        if (change.Caller.Lacks(Permission.DeleteBackupPlan) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await PlanUse.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } plan)
            return Problem.NoSuch("plan");
        if (outdated(plan.Version) is { } problem) return problem;
        if ((await PlanUse.DeleteAsync(change.Change, project, id, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
            return Problem.Of(refusal);
        change.Audit("deletePlan", $"plan {plan.Id} of {plan.ServerName}");
        return id;
    }

    static Versioned<PlanView> Told(Plan plan) => new(View(plan), plan.Version);

    public static PlanView View(Plan plan) => new(plan.Id, plan.Server, plan.ServerName, plan.Policy, plan.Location, plan.Volumes.Names(),
        plan.Volumes.IncludesLater, plan.IsEnabled, plan.Obstacle, plan.Note);
}
