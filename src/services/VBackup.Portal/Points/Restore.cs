using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Points;

/// <param name="Name">Of the new server or volume.</param>
/// <param name="Volume">Only this one of the point's volumes; a new volume is always of one.</param>
/// <param name="StopsServer">To the original: a running server may be stopped, and is started again when all went well.</param>
public sealed record RestoreRequest(RestoreTarget? Target, string? Name, string? Volume, bool? StopsServer);

/// <summary>Restores a point: in place, to a new server, or one volume of it to a new volume.</summary>
static class Restore
{
    /// <summary>What nobody carried out for so long is not wanted any more: in place, the server has gone on meanwhile.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    public static void Map(RouteGroupBuilder points) => points.MapPost("/{id:guid}/restores", Handle)
        .NeedsEither(Permission.RestoreServer, Permission.RestoreVolume).Starts<StartedRun>()
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
        var (project, target) = (change.Caller.InProject, request.Target!.Value);
        if (await PointRequests.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        if (await ObstacleAsync(change, point, request, target).ConfigureAwait(false) is { } obstacle) return obstacle;
        var run = change.NewId<RunId>();
        change.Db.Runs.Add(RunRow.Asked(run, RunKind.Restore, project, null, point.Server, point.ServerName, point.Location, point.Id,
            RunTrigger.Manual));
        change.Send(Destination.Backup, new StartRestore(run, project, point.Id, target, request.Name, request.Volume,
            request.StopsServer == true, RunTrigger.Manual), MessageJson.Default.StartRestore, change.Now + s_patience);
        change.Audit("restorePoint", $"point {point.Id} of {point.ServerName} to {request.Name ?? "the original"}: run {run}");
        return run;
    }

    /// <summary>What is wrong whatever the point is.</summary>
    static Problem? FaultOf(Caller caller, RestoreRequest request)
    {
        if (request.Target is not { } target) return Problem.Wrong("target", "It is one of original, newServer, newVolume.");
        return FaultOf(request, target) ?? caller.Lacks(target == RestoreTarget.NewVolume ? Permission.RestoreVolume : Permission.RestoreServer);
    }

    static Problem? FaultOf(RestoreRequest request, RestoreTarget target)
    {
        if (target == RestoreTarget.Original)
            return request.Name is null ? null : Problem.Wrong("name", "What is there keeps its name; a name is for what is new.");
        if (request.StopsServer is not null) return Problem.Wrong("stopsServer", "Nothing is stopped for a restore to new.");
        if (target == RestoreTarget.NewVolume && request.Volume is null) return Problem.Wrong("volume", "Say which volume of the point.");
        return Input.Name("name", request.Name);
    }

    /// <summary>What keeps this point from being restored so.</summary>
    static async Task<Problem?> ObstacleAsync(ApiChange change, PointRow point, RestoreRequest request, RestoreTarget target)
    {
        if (point.State != RestorePointState.Active)
            return new(ProblemCode.PointNotActive, point.State switch
            {
                RestorePointState.SoftDeleted => "It is in the bin: bring it back first.",
                RestorePointState.Erased => "The key that it needs was erased: nobody can read it any more.",
                _ => "It is not complete, or is not there any more.",
            });
        if (request.Volume is { } volume && point.Volumes.All(one => one.Name != volume))
            return Problem.Wrong("volume", $"The point has {string.Join(", ", point.Volumes.Select(one => one.Name))}.");
        if (target != RestoreTarget.Original) return null;
        var server = await change.Db.Servers.FindAsync([point.Region, point.ServerId], change.Cancellation).ConfigureAwait(false);
        if (server is null || server.IsGone || server.Project != point.Project)
            return new(ProblemCode.ServerGone, $"{point.ServerName} is not there any more: restore to a new server.");
        return await change.Db.Runs.AnyAsync(run => run.Region == point.Region && run.ServerId == point.ServerId && run.Kind == RunKind.Backup
                && run.State < RunState.Succeeded, change.Cancellation).ConfigureAwait(false)
            ? new(ProblemCode.RunGoingOn, $"A backup of {point.ServerName} is going on: wait for it, or cancel it.") : null;
    }
}
