using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Points;

/// <param name="Name">Of the new server or volume.</param>
/// <param name="Volume">Only this one of the point's volumes; a new volume is always of one.</param>
/// <param name="StopsServer">To the original: a running server may be stopped, and is started again when all went well.</param>
public sealed record RestoreRequest([property: Required] RestoreTarget? Target, string? Name, string? Volume, bool? StopsServer);

/// <summary>Restores a point: in place, to a new server, or one volume of it to a new volume.</summary>
static class Restore
{
    public static void Map(RouteGroupBuilder points) => points.MapPost("/{id:guid}/restores", Handle)
        .NeedsAny(Permission.RestoreServer, Permission.RestoreVolume).Starts<StartedRun>()
        .WithSummary("Restore a point; to a new volume it needs RestoreVolume, else RestoreServer");

    static async Task<IResult> Handle(Guid id, RestoreRequest request, HttpContext http, ApiChanges changes)
    {
        if (FaultOf(http.Caller(), request) is { } fault) return fault;
        return await changes.CreateAsync(http, request, async change =>
            StartedRun.Answer(await StartAsync(change, RestorePointId.From(id), request).ConfigureAwait(false))).ConfigureAwait(false);
    }

    /// <summary>By the API and in pages.</summary>
    public static async Task<Outcome<RunId>> StartAsync(ApiChange change, RestorePointId id, RestoreRequest request)
    {
        if (FaultOf(change.Caller, request) is { } fault) return fault;
        if (await PointRequests.FindAsync(change.Db, change.Caller.InProject, id, change.Cancellation)
            .ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        var wish = new RestoreWish(null, request.Target!.Value, request.Name, request.Volume, request.StopsServer == true);
        if (await RestoreStart.ObstacleAsync(change.Db, point, wish, change.Cancellation).ConfigureAwait(false) is { } obstacle)
            return obstacle;
        var run = RestoreStart.Ask(change.Change, point, wish, RunTrigger.Manual);
        change.Audit("restorePoint", $"point {point.Id} of {point.ServerName} to {request.Name ?? "the original"}: run {run}");
        return run;
    }

    /// <summary>What is wrong whatever the point is.</summary>
    static Problem? FaultOf(Caller caller, RestoreRequest request) =>
        RestoreStart.FaultOf(request.Target, "name", request.Name, request.Volume, request.StopsServer)
        ?? RestoreStart.Lacks(caller, request.Target!.Value);
}
