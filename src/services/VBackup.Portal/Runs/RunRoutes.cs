using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Runs;

/// <summary>The history of backups, restores and images, and those that are going on.</summary>
static class RunRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var runs = api.MapGroup("/runs");
        runs.MapGet("", List).Needs(Permission.ListHistory).Lists(RunRequests.List).Produces<Page<RunView>>()
            .WithSummary("List the project's runs; from and to choose by when they began");
        runs.MapGet("/{id:guid}", Get).Needs(Permission.GetHistory).Produces<RunView>().WithSummary("Get a run");
        runs.MapPost("/{id:guid}/cancel", Cancel).NeedsAny(
                Permission.BackupNow, Permission.RestoreServer, Permission.DownloadRestorePoint, Permission.RestoreVolume)
            .Produces<RunView>(StatusCodes.Status202Accepted)
            .WithSummary("End a run without its result; its kind says which permission that takes");
        RunEvents.Map(runs);
        SkippedRuns.Map(api);
    }

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await RunRequests.ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        (await RunRequests.GetAsync(db, http.Caller(), RunId.From(id), http.RequestAborted).ConfigureAwait(false)).Answer(TypedResults.Ok);

    static Task<IResult> Cancel(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
        (await RunRequests.CancelAsync(change, RunId.From(id)).ConfigureAwait(false))
            .Answer(run => TypedResults.Accepted($"/api/v1/runs/{run.Id}", run)));
}
