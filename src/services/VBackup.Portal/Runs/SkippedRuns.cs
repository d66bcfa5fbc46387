using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Runs;

/// <param name="Tags">The rules that named the instant; the next run carries them too.</param>
/// <param name="Reason">Why it did not start.</param>
public sealed record SkippedRunView(
    RunId Id, PlanId Plan, ServerRef Server, string ServerName, DateTimeOffset DueAt, IReadOnlyList<string> Tags, string? Reason);

/// <summary>Runs that were due and did not start. They are no runs: nothing happened that could be followed.</summary>
static class SkippedRuns
{
    static readonly Listing<Row> s_list = new("-dueAt",
        [new ListOrder<Row, DateTimeOffset, RunId>("dueAt", one => one.Run.DueAt, one => one.Run.Id)], "server", "from", "to");

    public static void Map(RouteGroupBuilder api) => api.MapGet("/history/skipped", List).Needs(Permission.ListHistory).Lists(s_list)
        .Produces<Page<SkippedRunView>>().WithSummary("List what was due and did not start, with the reason");

    static async Task<IResult> List(HttpContext http, PortalDb db, string? server, string? from, string? to)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofServer, since, until) = (filters.Server("server", server), filters.Instant("from", from), filters.Instant("to", to));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = from run in db.AskedRuns.AsNoTracking()
                   join plan in db.Plans.AsNoTracking() on run.Plan equals plan.Id
                   where run.Outcome == RunOutcome.Skipped && plan.Project == project
                   select new Row { Run = run, Plan = plan };
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Plan.Region == region && one.Plan.ServerId == id);
        if (since is not null) rows = rows.Where(one => one.Run.DueAt >= since);
        if (until is not null) rows = rows.Where(one => one.Run.DueAt < until);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static SkippedRunView View(Row row) => new(row.Run.Id, row.Plan.Id, row.Plan.Server, row.Plan.ServerName, row.Run.DueAt,
        RuleTagNames.Of(row.Run.Tags), row.Run.Reason);

    sealed class Row
    {
        public required AskedRun Run { get; init; }
        public required Plan Plan { get; init; }
    }
}
