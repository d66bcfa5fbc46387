using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;

namespace VBackup.Portal.Images;

/// <summary>Whether there is a folder in which projects have image files.</summary>
sealed record ImagePlace(bool IsThere)
{
    public Problem? Lacks => IsThere ? null : new(ProblemCode.NoImageFolder,
        "The region's workers have no folder for image files: whoever runs the system sets Worker:ImageFolder.");
}

/// <param name="Volume">Which of the point's volumes; not needed when it has one.</param>
/// <param name="File">Its name in the project's folder.</param>
/// <param name="Format">What the name ends in, when it is not said.</param>
public sealed record ExportImageRequest(string? Volume, [property: Required] string? File, ImageFormatView? Format);

/// <param name="Server">In its region and beside its volumes.</param>
/// <param name="Format">What the name ends in, when it is not said.</param>
/// <param name="Name">Of the new volume.</param>
public sealed record ImportImageRequest([property: Required] ServerRequest? Server, [property: Required] string? File,
    ImageFormatView? Format, [property: Required] string? Name);

/// <summary>Volumes of points as image files in the region's folder for images, and such files as new volumes.</summary>
static class ImageRoutes
{
    /// <summary>What nobody carried out for so long is not wanted any more.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/points/{id:guid}/export-image", Export).Needs(Permission.DownloadRestorePoint).Starts<StartedRun>()
            .WithSummary("Write a volume of a point to a raw or qcow2 file in the project's folder for images, with its digest beside");
        api.MapPost("/volumes/import-image", Import).Needs(Permission.RestoreVolume).Starts<StartedRun>()
            .WithSummary("Make a new volume of a raw or qcow2 file in the project's folder for images");
    }

    static Task<IResult> Export(Guid id, ExportImageRequest request, HttpContext http, ApiChanges changes, ImagePlace place) =>
        changes.CreateAsync(http, request, async change =>
            StartedRun.Answer(await ExportAsync(change, place, RestorePointId.From(id), request).ConfigureAwait(false)));

    /// <summary>By the API and in pages.</summary>
    public static async Task<Outcome<RunId>> ExportAsync(ApiChange change, ImagePlace place, RestorePointId id,
        ExportImageRequest request)
    {
        if ((change.Caller.Lacks(Permission.DownloadRestorePoint) ?? Input.Name("file", request.File)) is { } fault) return fault;
        var project = change.Caller.InProject;
        if (await PointRequests.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        if ((RestoreStart.WhyNot(point) ?? FaultOf(point, request.Volume) ?? place.Lacks) is { } obstacle) return obstacle;
        var run = change.NewId<RunId>();
        change.Db.Runs.Add(RunRow.Asked(
            run, RunKind.ExportImage, project, null, point.Server, point.ServerName, point.Location, point.Id, RunTrigger.Manual,
            change.Now));
        change.Send(Destination.Backup, new ExportImage(run, project, point.Id, request.Volume, request.File!, request.Format),
            MessageJson.Default.ExportImage, change.Now + s_patience);
        change.Audit("exportImage", $"point {point.Id} of {point.ServerName} to the file {request.File}: run {run}");
        return run;
    }

    static Problem? FaultOf(PointRow point, string? volume) =>
        volume is null && point.Volumes.Count == 1 || point.Volumes.Any(one => one.Name == volume) ? null
            : Problem.Wrong("volume", $"Say which: the point has {string.Join(", ", point.Volumes.Select(one => one.Name))}.");

    static Task<IResult> Import(ImportImageRequest request, HttpContext http, ApiChanges changes, ImagePlace place) =>
        changes.CreateAsync(http, request, async change =>
            StartedRun.Answer(await ImportAsync(change, place, request).ConfigureAwait(false)));

    /// <summary>By the API and in pages.</summary>
    public static async Task<Outcome<RunId>> ImportAsync(ApiChange change, ImagePlace place, ImportImageRequest request)
    {
        if ((change.Caller.Lacks(Permission.RestoreVolume) ?? Input.Present("server.region", request.Server?.Region)
            ?? Input.Present("server.id", request.Server?.Id) ?? Input.Name("file", request.File)
            ?? Input.Name("name", request.Name)) is { } fault) return fault;
        var project = change.Caller.InProject;
        var wanted = new ServerRef(request.Server!.Region!, request.Server.Id!);
        if (await PlanUse.FindServerAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } server)
            return Problem.NoSuch("server");
        if (server.IsGone || server.Disks.Count == 0)
            return new Problem(ProblemCode.ServerGone, $"{server.Name} has no volumes beside which another could be made.");
        if (place.Lacks is { } lacks) return lacks;
        var run = change.NewId<RunId>();
        change.Db.Runs.Add(RunRow.Asked(run, RunKind.ImportImage, project, null, server.Ref, server.Name, null, null, RunTrigger.Manual,
            change.Now));
        change.Send(Destination.Backup,
            new ImportImage(run, project, server.Ref, server.Name, server.Disks[0].Volume, request.File!, request.Format, request.Name!),
            MessageJson.Default.ImportImage, change.Now + s_patience);
        change.Audit("importImage", $"file {request.File} to the volume {request.Name} beside {server.Name}: run {run}");
        return run;
    }
}
