using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;
using VBackup.Portal.Identity;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Servers;

public sealed record ServerOwnerRequest([property: Required] ProjectId? Project);

public sealed record ServerOwnerView(string Region, string Id, string Name, ProjectId Project);

/// <summary>Whose a server is: the region's project's, until an administrator gives it to another, or a restore made it for one.</summary>
static class ServerOwner
{
    public static void Map(RouteGroupBuilder servers) => servers.MapPut("/{region}/{serverId}/project", Handle).NeedsAdministrator()
        .Produces<ServerOwnerView>()
        .WithSummary("Give a server that has no plan to a project; its points stay with the project that made them");

    static async Task<IResult> Handle(string region, string serverId, ServerOwnerRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.Present("project", request.Project) is { } wrong) return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            var (db, to) = (change.Db, request.Project!.Value);
            if (await db.Servers.FindAsync([region, serverId], change.Cancellation).ConfigureAwait(false) is not { } server)
                return Problem.NoSuch("server");
            if (await db.Set<Project>().FindAsync([to], change.Cancellation).ConfigureAwait(false) is null)
                return Problem.Wrong("project", "There is no such project.");
            var from = server.Project;
            if (from == to) change.LeaveAll();
            else
            {
                if (await ObstacleAsync(db, server, change.Cancellation).ConfigureAwait(false) is { } obstacle) return obstacle;
                server.IsGivenTo(to);
                // Both see it in their audit, and neither sees who the other is.
                Note(change, from, $"server {region}/{serverId} ({server.Name}) to another project");
                Note(change, to, $"server {region}/{serverId} ({server.Name}) to this project");
            }
            return TypedResults.Ok(new ServerOwnerView(region, serverId, server.Name, to));
        }).ConfigureAwait(false);
    }

    static void Note(ApiChange change, ProjectId project, string target) =>
        change.Audit(project, change.Caller.User, change.Caller.UserName, "giveServer", target, AuditOutcome.Done);

    /// <summary>A restore made a server, for the project whose point it was. It is that project's, wherever nobody has given or used it
    /// before this was heard. By its id, so that no project catches another's by a name.</summary>
    public static async Task MadeAsync(ServerMade made, Change<PortalDb> change, CancellationToken cancellation)
    {
        var (db, at) = (change.Db, made.Server);
        if (await db.Regions.FindAsync([at.Region], cancellation).ConfigureAwait(false) is not { } region) return;
        if (await db.Servers.FindAsync([at.Region, at.Id], cancellation).ConfigureAwait(false) is not { } server)
            db.Servers.Add(ServerRow.Expected(at, made.ServerName, made.Project));
        else if (server.Project == region.Project && await ObstacleAsync(db, server, cancellation).ConfigureAwait(false) is null)
            server.IsGivenTo(made.Project);
    }

    /// <summary>What its project has going on with it; null when there is nothing.</summary>
    static async Task<Problem?> ObstacleAsync(PortalDb db, ServerRow server, CancellationToken cancellation)
    {
        if (await db.Plans.AnyAsync(one => one.Region == server.Region && one.ServerId == server.ServerId, cancellation)
            .ConfigureAwait(false)) return new(ProblemCode.PlanExists, "The server has a plan: have it deleted first.");
        return await SnapshotRoutes.GoingOnAsync(db, server.Ref, cancellation).ConfigureAwait(false);
    }
}
