using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Policies;

/// <summary><see cref="PolicyRules"/> as somebody sends them: what may not be left out may still be missing.</summary>
public sealed record PolicyRulesRequest([property: Required] LocalTime? LaunchTime, [property: Required] string? Zone,
    HourlyRule? Hourly, DailyRule? Daily, WeeklyRule? Weekly,
    MonthlyRule? Monthly, FullPattern? FullPattern, PolicyWindow? Window, NotificationRule? Notification);

public sealed record PolicyRequest([property: Required] string? Name, [property: Required] PolicyRulesRequest? Rules);

/// <summary>Policies of a project, and those of the system.</summary>
static class PolicyRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var policies = api.MapGroup("/policies");
        policies.MapGet("", List).Needs(Permission.ListPolicy).Lists(PolicyRequests.List).Produces<Page<PolicyView>>()
            .WithSummary("List the project's policies and the system's");
        policies.MapPost("", Create).Needs(Permission.CreatePolicy).Creates<PolicyView>().WithSummary("Make a policy");
        policies.MapGet("/{id:guid}", Get).Needs(Permission.GetPolicy).Produces<PolicyView>().WithSummary("Get a policy");
        policies.MapPut("/{id:guid}", Update).Needs(Permission.UpdatePolicy).Updates<PolicyView>()
            .WithSummary("Change a policy; its retention holds for points that are there a minute later");
        policies.MapDelete("/{id:guid}", Delete).Needs(Permission.DeletePolicy).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a policy that no plan uses");
    }

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await PolicyRequests.ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        (await PolicyRequests.GetAsync(db, http.Caller(), PolicyId.From(id), http.RequestAborted).ConfigureAwait(false))
            .Answer(policy => Versions.Ok(http, policy));

    static async Task<IResult> Create(PolicyRequest request, HttpContext http, ApiChanges changes)
    {
        var (rules, wrong) = Read(request);
        if (wrong is not null) return wrong;
        return await changes.CreateAsync(http, request, async change =>
        {
            var made = await PolicyRequests.CreateAsync(change, request.Name!, rules!).ConfigureAwait(false);
            return made.Problem is { } problem ? problem
                : new Creation.Made($"/api/v1/policies/{made.Value.View.Id}", made.Value.View, Version: made.Value.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(Guid id, PolicyRequest request, HttpContext http, ApiChanges changes)
    {
        var (rules, wrong) = Read(request);
        if (wrong is not null) return wrong;
        return await changes.MakeAsync(http, async change =>
            (await PolicyRequests.ChangeAsync(change, PolicyId.From(id), request.Name!, rules!, version => Versions.Needed(http, version))
                .ConfigureAwait(false)).Answer(policy => Versions.Ok(http, policy))).ConfigureAwait(false);
    }

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
        (await PolicyRequests.DeleteAsync(change, PolicyId.From(id), version => Versions.Wanted(http, version)).ConfigureAwait(false))
            .Answer(_ => TypedResults.NoContent()));

    static (PolicyRules? Rules, Problem? Wrong) Read(PolicyRequest request)
    {
        if (Input.Present("name", request.Name) is { } noName) return (null, noName);
        if (request.Rules is not { } sent) return (null, Problem.Wrong("rules", "They are needed."));
        if (sent.LaunchTime is not { } launch) return (null, Problem.Wrong("rules.launchTime", "It is needed."));
        if (sent.Zone is not { } zone) return (null, Problem.Wrong("rules.zone", "It is needed."));
        // The reader asks that they are there, and lets them be null.
        if (sent.Weekly is { Days: null }) return (null, Problem.Wrong("rules.weekly.days", "They are needed."));
        if (sent.Monthly is { On: null }) return (null, Problem.Wrong("rules.monthly.on", "It is needed."));
        return (new(launch, zone, sent.Hourly, sent.Daily, sent.Weekly, sent.Monthly, sent.FullPattern, sent.Window, sent.Notification),
            null);
    }
}
