using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Policies;

/// <summary><see cref="PolicyRules"/> as somebody sends them: what may not be left out may still be missing.</summary>
public sealed record PolicyRulesRequest(LocalTime? LaunchTime, string? Zone, HourlyRule? Hourly, DailyRule? Daily, WeeklyRule? Weekly,
    MonthlyRule? Monthly, FullPattern? FullPattern, PolicyWindow? Window, NotificationRule? Notification);

public sealed record PolicyRequest(string? Name, PolicyRulesRequest? Rules);

/// <param name="IsSystemDefault">Every project may use it, and nobody changes it.</param>
public sealed record PolicyView(PolicyId Id, string Name, bool IsSystemDefault, PolicyRules Rules);

/// <summary>Policies of a project, and those of the system.</summary>
static class PolicyRoutes
{
    static readonly Listing<PolicyRow> s_list = new("name",
        [
            new ListOrder<PolicyRow, string, PolicyId>("name", one => one.Name, one => one.Id),
            new ListOrder<PolicyRow, PolicyId, PolicyId>("createdAt", one => one.Id, one => one.Id),
        ], "name");

    public static void Map(RouteGroupBuilder api)
    {
        var policies = api.MapGroup("/policies");
        policies.MapGet("", List).Needs(Permission.ListPolicy).Lists(s_list).Produces<Page<PolicyView>>()
            .WithSummary("List the project's policies and the system's");
        policies.MapPost("", Create).Needs(Permission.CreatePolicy).Creates<PolicyView>().WithSummary("Make a policy");
        policies.MapGet("/{id:guid}", Get).Needs(Permission.GetPolicy).Produces<PolicyView>().WithSummary("Get a policy");
        policies.MapPut("/{id:guid}", Update).Needs(Permission.UpdatePolicy).Updates<PolicyView>()
            .WithSummary("Change a policy; its retention holds for points that are there a minute later");
        policies.MapDelete("/{id:guid}", Delete).Needs(Permission.DeletePolicy).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a policy that no plan uses");
    }

    static Task<IResult> List(HttpContext http, PortalDb db, string? name)
    {
        var project = http.Caller().InProject;
        return s_list.AnswerAsync(http, db.Policies.AsNoTracking().Where(one =>
            (one.Project == null || one.Project == project) && (name == null || one.Name == name)), View);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        if (await PolicyUse.FindAsync(db, http.Caller().InProject, PolicyId.From(id), http.RequestAborted).ConfigureAwait(false) is not { } policy)
            return Problem.NoSuch("policy");
        Versions.Tell(http, policy.Version);
        return TypedResults.Ok(View(policy));
    }

    static async Task<IResult> Create(PolicyRequest request, HttpContext http, ApiChanges changes)
    {
        var (rules, wrong) = Read(request);
        if (wrong is not null) return wrong;
        return await changes.CreateAsync(http, request, async change =>
        {
            var made = await PolicyUse.CreateAsync(change.Change, change.Caller.InProject, request.Name!, rules!, change.Cancellation)
                .ConfigureAwait(false);
            if (made.Refusal is { } refusal) return ProblemOf(refusal);
            change.Audit("createPolicy", $"policy {made.Value.Name}");
            return new Creation.Made($"/api/v1/policies/{made.Value.Id}", View(made.Value), Version: made.Value.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(Guid id, PolicyRequest request, HttpContext http, ApiChanges changes)
    {
        var (rules, wrong) = Read(request);
        if (wrong is not null) return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            var (wanted, project) = (PolicyId.From(id), change.Caller.InProject);
            if (await PolicyUse.FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } policy)
                return Problem.NoSuch("policy");
            if (Versions.Needed(http, policy.Version) is { } outdated) return outdated;
            var changed = await PolicyUse.ChangeAsync(change.Change, project, wanted, request.Name!, rules!, change.Cancellation)
                .ConfigureAwait(false);
            if (changed.Refusal is { } refusal) return ProblemOf(refusal);
            change.Audit("updatePolicy", $"policy {policy.Name}");
            Versions.Tell(http, policy.Version);
            return TypedResults.Ok(View(policy));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var (wanted, project) = (PolicyId.From(id), change.Caller.InProject);
        if (await PolicyUse.FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } policy)
            return Problem.NoSuch("policy");
        if (Versions.Wanted(http, policy.Version) is { } outdated) return outdated;
        if ((await PolicyUse.DeleteAsync(change.Change, project, wanted, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
            return ProblemOf(refusal);
        change.Audit("deletePolicy", $"policy {policy.Name}");
        return TypedResults.NoContent();
    });

    static (PolicyRules? Rules, Problem? Wrong) Read(PolicyRequest request)
    {
        if (Input.Present("name", request.Name) is { } noName) return (null, noName);
        if (request.Rules is not { } sent) return (null, Problem.Wrong("rules", "They are needed."));
        if (sent.LaunchTime is not { } launch) return (null, Problem.Wrong("rules.launchTime", "It is needed."));
        if (sent.Zone is not { } zone) return (null, Problem.Wrong("rules.zone", "It is needed."));
        // The reader asks that they are there, and lets them be null.
        if (sent.Weekly is { Days: null }) return (null, Problem.Wrong("rules.weekly.days", "They are needed."));
        if (sent.Monthly is { On: null }) return (null, Problem.Wrong("rules.monthly.on", "It is needed."));
        return (new(launch, zone, sent.Hourly, sent.Daily, sent.Weekly, sent.Monthly, sent.FullPattern, sent.Window, sent.Notification), null);
    }

    /// <summary>Faults of the rules are named as their own members; those of the whole are of all rules.</summary>
    static Problem ProblemOf(Refusal refusal) => refusal switch
    {
        { Kind: RefusalKind.Invalid, Field: "policy" } => Problem.Of(refusal with { Field = "rules" }),
        { Kind: RefusalKind.Invalid, Field: not "name" } => Problem.Of(refusal, "rules"),
        _ => Problem.Of(refusal),
    };

    static PolicyView View(PolicyRow policy) => new(policy.Id, policy.Name, policy.IsSystemDefault, policy.Rules);
}
