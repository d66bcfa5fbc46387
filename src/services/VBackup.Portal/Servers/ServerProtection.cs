using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Servers;

/// <summary>How a server is protected, at a glance.</summary>
/// <param name="Plan">Null when nothing protects it, or the caller may not see plans; so with the others.</param>
/// <param name="LastPointAt">The instant of the newest point that can be restored.</param>
/// <param name="Run">The one that is going on.</param>
public sealed record ServerProtection(PlanView? Plan, string? PolicyName, DateTimeOffset? LastPointAt, RunId? Run)
{
    static readonly ServerProtection s_unknown = new(null, null, null, null);

    /// <summary>Of some servers of the caller's project.</summary>
    public static async Task<IReadOnlyDictionary<ServerRef, ServerProtection>> OfAsync(
        PortalDb db, Caller caller, IReadOnlyCollection<ServerRef> servers, CancellationToken cancellation)
    {
        var (project, ids) = (caller.InProject, servers.Select(one => one.Id).Distinct().ToList());
        var known = servers.Distinct().ToDictionary(one => one, _ => s_unknown);
        if (caller.May(Permission.ListBackupPlan))
            foreach (var plan in await db.Plans.AsNoTracking().Where(one => one.Project == project && ids.Contains(one.ServerId))
                .ToListAsync(cancellation).ConfigureAwait(false))
                Learn(plan.Server, one => one with { Plan = PlanRequests.View(plan) });
        if (caller.May(Permission.ListPolicy))
            foreach (var (id, name) in await db.Policies.Where(one => one.Project == null || one.Project == project)
                .Select(one => new { one.Id, one.Name }).ToDictionaryAsync(one => one.Id, one => one.Name, cancellation)
                    .ConfigureAwait(false))
                foreach (var server in known.Where(one => one.Value.Plan?.Policy == id).Select(one => one.Key).ToList())
                    Learn(server, one => one with { PolicyName = name });
        if (caller.May(Permission.ListRestorePoint))
            foreach (var last in await db.Points.Where(one => one.Project == project && ids.Contains(one.ServerId)
                && one.State == RestorePointState.Active)
                .GroupBy(one => new { one.Region, one.ServerId }).Select(one => new { one.Key, At = one.Max(point => point.TakenAt) })
                .ToListAsync(cancellation).ConfigureAwait(false))
                Learn(new(last.Key.Region, last.Key.ServerId), one => one with { LastPointAt = last.At });
        if (caller.May(Permission.ListHistory))
            foreach (var run in await db.Runs.Where(one => one.Project == project && ids.Contains(one.ServerId)
                && one.State < RunState.Succeeded)
                .Select(one => new { one.Region, one.ServerId, one.Id }).ToListAsync(cancellation).ConfigureAwait(false))
                Learn(new(run.Region, run.ServerId), one => one with { Run = run.Id });
        return known;

        // Ids are unique within a region, so others of the same id may have been found.
        void Learn(ServerRef server, Func<ServerProtection, ServerProtection> news)
        {
            if (known.TryGetValue(server, out var so)) known[server] = news(so);
        }
    }
}
