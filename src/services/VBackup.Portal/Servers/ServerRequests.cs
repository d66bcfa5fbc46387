using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Servers;

/// <param name="Id">What its hypervisor calls it.</param>
/// <param name="State"><c>running</c>, <c>shutdown</c>, <c>paused</c> or <c>other</c>.</param>
/// <param name="Plan">What protects it; null when nothing does.</param>
/// <param name="IsGone">Its region did not see it any more.</param>
/// <param name="SeenAt">Null when no region has seen it since the system was built again.</param>
public sealed record ServerDetails(
    string Region, string Id, string Name, string State, IReadOnlyList<DiskView> Disks, PlanId? Plan, bool IsGone,
    DateTimeOffset? SeenAt);

/// <summary>What is asked of the project's servers, by the API and in pages. Each looks for the permission that it takes.</summary>
static class ServerRequests
{
    // As regions tell them.
    static readonly string[] s_states = ["shutdown", "running", "paused", "other"];

    public static Listing<ServerWithPlan> List { get; } = new("name",
        [
            new ListOrder<ServerWithPlan, string, string>("name", one => one.Server.Name, one => one.Server.Region + "/"
                + one.Server.ServerId),
            new ListOrder<ServerWithPlan, DateTimeOffset, string>("seenAt", one => one.Server.SeenAt,
                one => one.Server.Region + "/" + one.Server.ServerId),
        ], "name", "region", "state", "gone");

    public static async Task<Outcome<Page<ServerDetails>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListServer) is { } lacks) return lacks;
        var filters = new ListFilters();
        var (name, region) = (query.One("name"), query.One("region"));
        var state = filters.OneOf("state", query.One("state"), s_states);
        var isGone = filters.Flag("gone", query.One("gone"));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = Visible(db, caller.InProject).Where(one => (name == null || one.Server.Name == name)
            && (region == null || one.Server.Region == region) && (state == null || one.Server.State == state));
        if (isGone is not null) rows = rows.Where(one => one.Server.IsGone == isGone);
        return await List.PageAsync(query, rows, View, cancellation).ConfigureAwait(false);
    }

    public static async Task<Outcome<ServerDetails>> GetAsync(PortalDb db, Caller caller, ServerRef server, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetServer) is { } lacks) return lacks;
        var found = await Visible(db, caller.InProject).SingleOrDefaultAsync(
            one => one.Server.Region == server.Region && one.Server.ServerId == server.Id, cancellation).ConfigureAwait(false);
        return found is null ? Problem.NoSuch("server") : View(found);
    }

    /// <summary>Without a plan it gets one by the defaults first.</summary>
    public static async Task<Outcome<RunId>> BackUpNowAsync(ApiChange change, ServerRef server)
    {
        if (change.Caller.Lacks(Permission.BackupNow) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        var hasPlan = await change.Db.Plans.AnyAsync(
            one => one.Project == project && one.Region == server.Region && one.ServerId == server.Id, change.Cancellation)
                .ConfigureAwait(false);
        // Whoever may make any plan may make this one.
        if (!hasPlan && !change.Caller.May(Permission.CreateBackupPlan)
            && change.Caller.Lacks(Permission.CreateBackupPlanWithDefaults) is { } lacksDefaults) return lacksDefaults;
        var asked = await PlanUse.BackUpNowAsync(change.Change, project, server, change.Cancellation).ConfigureAwait(false);
        if (asked.Refusal is { } refusal) return Problem.Of(refusal);
        change.Audit("backUpNow", $"server {server.Region}/{server.Id}: run {asked.Value}");
        return asked.Value;
    }

    static IQueryable<ServerWithPlan> Visible(PortalDb db, ProjectId project) =>
        from server in db.Servers.AsNoTracking()
        where server.Project == project
        select new ServerWithPlan
        {
            Server = server,
            Plan = db.Plans.Where(plan => plan.Region == server.Region && plan.ServerId == server.ServerId)
                .Select(plan => (PlanId?)plan.Id).FirstOrDefault(),
        };

    static ServerDetails View(ServerWithPlan row) => new(row.Server.Region, row.Server.ServerId, row.Server.Name, row.Server.State,
        row.Server.Disks,
        row.Plan, row.Server.IsGone, row.Server.WasEverSeen ? row.Server.SeenAt : null);
}

sealed class ServerWithPlan
{
    public required ServerRow Server { get; init; }
    public required PlanId? Plan { get; init; }
}
