using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Runs;

/// <param name="Notes">What was not asked for, and should be known: such as why an incremental became a full.</param>
/// <param name="Target">What a restore made or wrote.</param>
public sealed record RunView(RunId Id, RunKind Kind, ServerRef Server, string ServerName, PlanId? Plan, LocationId Location, RestorePointId Point,
    RunTrigger Trigger, RunState State, bool IsOver, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, long DoneBytes, long TotalBytes,
    long StoredBytes, IReadOnlyList<string> Notes, string? Error, string? Target)
{
    public static RunView Of(RunRow run) => new(run.Id, run.Kind, run.Server, run.ServerName, run.Plan, run.Location, run.Point, run.Trigger,
        run.State, run.IsOver, run.StartedAt, run.EndedAt, run.DoneBytes, run.TotalBytes, run.StoredBytes, run.Notes, run.Error, run.Target);
}

/// <summary>The history of backups and restores, and those that are going on.</summary>
static class RunRoutes
{
    // Ids sort by the time at which they were asked for.
    static readonly Listing<RunRow> s_list = new("-askedAt",
        [
            new ListOrder<RunRow, RunId, RunId>("askedAt", one => one.Id, one => one.Id),
            new ListOrder<RunRow, string, RunId>("serverName", one => one.ServerName, one => one.Id),
        ], "kind", "server", "state", "from", "to");

    public static void Map(RouteGroupBuilder api)
    {
        var runs = api.MapGroup("/runs");
        runs.MapGet("", List).Needs(Permission.ListHistory).Lists(s_list).Produces<Page<RunView>>()
            .WithSummary("List the project's runs; from and to choose by when they began");
        runs.MapGet("/{id:guid}", Get).Needs(Permission.GetHistory).Produces<RunView>().WithSummary("Get a run");
        runs.MapPost("/{id:guid}/cancel", Cancel).NeedsEither(Permission.BackupNow, Permission.RestoreServer)
            .Produces<RunView>(StatusCodes.Status202Accepted)
            .WithSummary("End a run without its result: of a backup it needs BackupNow, of a restore RestoreServer");
        RunEvents.Map(runs);
        SkippedRuns.Map(api);
    }

    public static async Task<RunRow?> FindAsync(PortalDb db, ProjectId project, Guid id, CancellationToken cancellation) =>
        await db.Runs.FindAsync([RunId.From(id)], cancellation).ConfigureAwait(false) is { } run && run.Project == project ? run : null;

    static async Task<IResult> List(HttpContext http, PortalDb db, string? kind, string? server, string? state, string? from, string? to)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofKind, inState) = (filters.OneOf<RunKind>("kind", kind), filters.OneOf<RunState>("state", state));
        var (ofServer, since, until) = (filters.Server("server", server), filters.Instant("from", from), filters.Instant("to", to));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Runs.AsNoTracking().Where(one => one.Project == project);
        if (ofKind is not null) rows = rows.Where(one => one.Kind == ofKind);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        if (since is not null) rows = rows.Where(one => one.StartedAt >= since);
        if (until is not null) rows = rows.Where(one => one.StartedAt < until);
        return await s_list.AnswerAsync(http, rows, RunView.Of).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is { } run
            ? TypedResults.Ok(RunView.Of(run)) : Problem.NoSuch("run");

    static Task<IResult> Cancel(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } run) return Problem.NoSuch("run");
        var needed = run.Kind == RunKind.Backup ? Permission.BackupNow : Permission.RestoreServer;
        if (change.Caller.Lacks(needed) is { } lacks) return lacks;
        if (run.IsOver) return new Problem(ProblemCode.RunOver, "A run that is over stays as it is.");
        change.Send(Destination.Backup, new CancelRun(run.Id, project), MessageJson.Default.CancelRun);
        change.Audit("cancelRun", $"run {run.Id} of {run.ServerName}");
        return TypedResults.Accepted($"/api/v1/runs/{run.Id}", RunView.Of(run));
    });
}
