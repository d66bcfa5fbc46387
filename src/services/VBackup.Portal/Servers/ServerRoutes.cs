using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Servers;

/// <summary>The project's servers, as their regions saw them last.</summary>
static class ServerRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var servers = api.MapGroup("/servers");
        servers.MapGet("", List).Needs(Permission.ListServer).Lists(ServerRequests.List).Produces<Page<ServerDetails>>()
            .WithSummary("List the project's servers");
        servers.MapGet("/{region}/{serverId}", Get).Needs(Permission.GetServer).Produces<ServerDetails>().WithSummary("Get a server");
        servers.MapPost("/{region}/{serverId}/backups", BackUp).Needs(Permission.BackupNow).Starts<StartedRun>()
            .WithSummary("Back a server up now; without a plan it gets one by the defaults first, which needs "
                + "CreateBackupPlanWithDefaults too");
        VolumeRoutes.Map(servers);
        ServerEstimate.Map(servers);
        ServerOwner.Map(servers);
    }

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await ServerRequests.ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static async Task<IResult> Get(string region, string serverId, HttpContext http, PortalDb db) =>
        (await ServerRequests.GetAsync(db, http.Caller(), new(region, serverId), http.RequestAborted).ConfigureAwait(false))
            .Answer(TypedResults.Ok);

    static Task<IResult> BackUp(string region, string serverId, HttpContext http, ApiChanges changes)
    {
        var server = new ServerRef(region, serverId);
        return changes.CreateAsync(http, server, async change =>
            StartedRun.Answer(await ServerRequests.BackUpNowAsync(change, server).ConfigureAwait(false)));
    }
}
