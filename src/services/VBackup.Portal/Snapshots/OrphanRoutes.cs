using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Snapshots;

public sealed record SurveyRequest([property: Required] string? Region);

/// <summary>Snapshots that are on the storage of the project's servers, and that nobody knows of.</summary>
static class OrphanRoutes
{
    /// <summary>What is asked for so late comes by itself.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    static readonly Listing<OrphanRow> s_list = new("firstSeenAt",
        [
            new ListOrder<OrphanRow, DateTimeOffset, string>("firstSeenAt", one => one.FirstSeenAt, one =>
                one.Region + "/" + one.ServerId + "/" + one.Instant),
            new ListOrder<OrphanRow, string, string>("instant", one => one.Instant, one =>
                one.Region + "/" + one.ServerId + "/" + one.Instant),
        ], "region");

    public static void Map(RouteGroupBuilder snapshots)
    {
        snapshots.MapGet("/orphans", List).Needs(Permission.ListSnapshot).Lists(s_list).Produces<Page<OrphanView>>()
            .WithSummary("List snapshots on the storage that nobody knows of, as the last survey of their region found them");
        snapshots.MapPost("/surveys", Survey).Needs(Permission.DeleteSnapshot).Produces<SurveyRequest>(StatusCodes.Status202Accepted)
            .WithSummary("Have a region's storage compared with what is known, without waiting for when that is due");
    }

    static async Task<IResult> List(HttpContext http, PortalDb db, string? region)
    {
        var project = http.Caller().InProject;
        var rows = db.Orphans.AsNoTracking().Where(one => (region == null || one.Region == region)
            && db.Servers.Any(server => server.Region == one.Region && server.ServerId == one.ServerId && server.Project == project));
        return await s_list.AnswerAsync(http, rows, one => one.View()).ConfigureAwait(false);
    }

    static async Task<IResult> Survey(SurveyRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.Present("region", request.Region) is { } missing) return missing;
        return await changes.MakeAsync(http, async change =>
        {
            var project = change.Caller.InProject;
            if (!await change.Db.Servers.AnyAsync(one => one.Region == request.Region && one.Project == project, change.Cancellation)
                .ConfigureAwait(false)) return Problem.Wrong("region", "The project has no servers there.");
            change.Send(Destination.Snapshots(request.Region!), new SurveySnapshots(request.Region!), MessageJson.Default.SurveySnapshots,
                change.Now + s_patience);
            change.Audit("surveySnapshots", $"region {request.Region}");
            return TypedResults.Accepted("/api/v1/snapshots/orphans", request);
        }).ConfigureAwait(false);
    }
}
