using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Servers;

/// <summary>Takes in what a region's workers see: all of its servers, so that one that is missing is gone.</summary>
static class Inventory
{
    public static async Task ReportedAsync(InventoryReported report, Change<PortalDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        // A region that nobody has declared has no project, and nobody would see its servers.
        if (await db.Regions.FindAsync([report.Region], cancellation).ConfigureAwait(false) is not { } region) return;
        if (report.Version <= region.InventoryVersion) return;
        region.HasReported(report.Version, report.At);
        var known = await db.Servers.Where(server => server.Region == report.Region)
            .ToDictionaryAsync(server => server.ServerId, cancellation)
            .ConfigureAwait(false);
        foreach (var view in report.Servers)
        {
            if (!known.Remove(view.Id, out var server))
            {
                server = new(report.Region, view.Id, region.Project);
                db.Servers.Add(server);
            }
            server.WasSeen(view, report.At);
            await ReturnAsync(db, server, change.Now, cancellation).ConfigureAwait(false);
        }
        foreach (var gone in known.Values.Where(server => !server.IsGone))
            await LeaveAsync(change, gone, cancellation).ConfigureAwait(false);
    }

    // Its points stay, and can be restored to new; nothing more is backed up until it is seen again.
    static async Task LeaveAsync(Change<PortalDb> change, ServerRow server, CancellationToken cancellation)
    {
        server.HasGone();
        if (await PlanOfAsync(change.Db, server, cancellation).ConfigureAwait(false) is not { } plan) return;
        plan.LostServer();
        await Notices.ServerGoneAsync(change, plan, cancellation).ConfigureAwait(false);
    }

    static async Task ReturnAsync(PortalDb db, ServerRow server, DateTimeOffset now, CancellationToken cancellation)
    {
        if (await PlanOfAsync(db, server, cancellation).ConfigureAwait(false) is not { } plan) return;
        plan.SeesServer(server.Name, now);
    }

    static async Task<Plan?> PlanOfAsync(PortalDb db, ServerRow server, CancellationToken cancellation) =>
        await db.Plans.FirstOrDefaultAsync(plan => plan.Region == server.Region && plan.ServerId == server.ServerId, cancellation)
            .ConfigureAwait(false);
}
