using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Servers;

/// <param name="Id">What its hypervisor calls it.</param>
/// <param name="State"><c>running</c>, <c>shutdown</c>, <c>paused</c> or <c>other</c>.</param>
/// <param name="Plan">What protects it; null when nothing does.</param>
/// <param name="IsGone">Its region did not see it any more.</param>
public sealed record ServerDetails(
    string Region, string Id, string Name, string State, IReadOnlyList<DiskView> Disks, PlanId? Plan, bool IsGone, DateTimeOffset SeenAt);

/// <summary>The project's servers, as their regions saw them last.</summary>
static class ServerRoutes
{
    static readonly Listing<Row> s_list = new("name",
        [
            new ListOrder<Row, string, string>("name", one => one.Server.Name, one => one.Server.Region + "/" + one.Server.ServerId),
            new ListOrder<Row, DateTimeOffset, string>("seenAt", one => one.Server.SeenAt, one => one.Server.Region + "/" + one.Server.ServerId),
        ], "name", "region", "state", "gone");

    public static void Map(RouteGroupBuilder api)
    {
        var servers = api.MapGroup("/servers");
        servers.MapGet("", List).Needs(Permission.ListServer).Lists(s_list).Produces<Page<ServerDetails>>().WithSummary("List the project's servers");
        servers.MapGet("/{region}/{serverId}", Get).Needs(Permission.GetServer).Produces<ServerDetails>().WithSummary("Get a server");
        servers.MapPost("/{region}/{serverId}/backups", BackUp).Needs(Permission.BackupNow).Starts<StartedRun>()
            .WithSummary("Back a server up now; without a plan it gets one by the defaults first, which needs CreateBackupPlanWithDefaults too");
        ServerEstimate.Map(servers);
    }

    static async Task<IResult> List(HttpContext http, PortalDb db, string? name, string? region, string? state, string? gone)
    {
        var filters = new ListFilters();
        var isGone = filters.Flag("gone", gone);
        if (filters.Wrong is { } wrong) return wrong;
        var rows = Visible(db, http.Caller().InProject).Where(one => (name == null || one.Server.Name == name)
            && (region == null || one.Server.Region == region) && (state == null || one.Server.State == state));
        if (isGone is not null) rows = rows.Where(one => one.Server.IsGone == isGone);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static async Task<IResult> Get(string region, string serverId, HttpContext http, PortalDb db) =>
        await Visible(db, http.Caller().InProject).SingleOrDefaultAsync(one => one.Server.Region == region && one.Server.ServerId == serverId,
            http.RequestAborted).ConfigureAwait(false) is { } row ? TypedResults.Ok(View(row)) : Problem.NoSuch("server");

    static Task<IResult> BackUp(string region, string serverId, HttpContext http, ApiChanges changes) =>
        changes.CreateAsync(http, new ServerRef(region, serverId), async change =>
        {
            var project = change.Caller.InProject;
            var hasPlan = await change.Db.Plans.AnyAsync(one => one.Project == project && one.Region == region && one.ServerId == serverId,
                change.Cancellation).ConfigureAwait(false);
            // Whoever may make any plan may make this one.
            if (!hasPlan && !change.Caller.May(Permission.CreateBackupPlan)
                && change.Caller.Lacks(Permission.CreateBackupPlanWithDefaults) is { } lacks) return lacks;
            var asked = await PlanUse.BackUpNowAsync(change.Change, project, new(region, serverId), change.Cancellation).ConfigureAwait(false);
            if (asked.Refusal is { } refusal) return Problem.Of(refusal);
            change.Audit("backUpNow", $"server {region}/{serverId}: run {asked.Value}");
            return StartedRun.Answer(asked.Value);
        });

    static IQueryable<Row> Visible(PortalDb db, ProjectId project) =>
        from server in db.Servers.AsNoTracking()
        where server.Project == project
        select new Row
        {
            Server = server,
            Plan = db.Plans.Where(plan => plan.Region == server.Region && plan.ServerId == server.ServerId)
                .Select(plan => (PlanId?)plan.Id).FirstOrDefault(),
        };

    static ServerDetails View(Row row) => new(row.Server.Region, row.Server.ServerId, row.Server.Name, row.Server.State, row.Server.Disks,
        row.Plan, row.Server.IsGone, row.Server.SeenAt);

    sealed class Row
    {
        public required ServerRow Server { get; init; }
        public required PlanId? Plan { get; init; }
    }
}
