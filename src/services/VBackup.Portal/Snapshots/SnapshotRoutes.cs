using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Servers;

namespace VBackup.Portal.Snapshots;

/// <param name="Volume">In place of a server: what the storage calls one volume.</param>
/// <param name="Volumes">Names; all that the server has then, when they are not said.</param>
/// <param name="KeptDays">When it goes by itself; never, when it is not said.</param>
public sealed record NewSnapshotRequest(
    ServerRequest? Server, VolumeRequest? Volume, [property: Required] string? Name, IReadOnlyList<string>? Volumes, int? KeptDays);

/// <param name="Id">What the storage calls it.</param>
public sealed record VolumeRequest([property: Required] string? Region, [property: Required] string? Id);

/// <param name="Volumes">Names; all that the snapshot has, when they are not said.</param>
public sealed record RollBackRequest(IReadOnlyList<string>? Volumes);

/// <param name="Instant">What the storage calls it.</param>
public sealed record SnapshotView(SnapshotId Id, ServerRef Server, string Name, SnapshotPurpose Purpose, SnapshotState State,
    IReadOnlyList<DiskView> Disks, DateTimeOffset? TakenAt, DateTimeOffset? KeptUntil, bool IsRollingBack, DateTimeOffset? RolledBackAt,
    string? Instant, string? Error)
{
    public static SnapshotView Of(SnapshotRow row) => new(row.Id, row.Server, row.Name, row.Purpose, row.State, row.Disks, row.TakenAt,
        row.KeptUntil, row.IsRollingBack, row.RolledBackAt, row.Instant, row.Error);
}

/// <summary>Snapshots of the project's servers, whatever they are for.</summary>
static partial class SnapshotRoutes
{
    const int KeptDaysMax = 3650;

    /// <summary>The guest has gone on: a snapshot much later is not the one that was asked for.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    static readonly Listing<SnapshotRow> s_list = new("-createdAt",
        [
            new ListOrder<SnapshotRow, SnapshotId, SnapshotId>("createdAt", one => one.Id, one => one.Id),
            new ListOrder<SnapshotRow, string, SnapshotId>("name", one => one.Name, one => one.Id),
        ], "server", "name", "purpose", "state");

    public static void Map(RouteGroupBuilder api)
    {
        var snapshots = api.MapGroup("/snapshots");
        snapshots.MapGet("", List).Needs(Permission.ListSnapshot).Lists(s_list).Produces<Page<SnapshotView>>()
            .WithSummary("List the project's snapshots, whatever they are for");
        snapshots.MapPost("", Create).Needs(Permission.CreateSnapshot).Starts<SnapshotView>().WithSummary(
            "Take a snapshot of a server, or of one volume");
        snapshots.MapGet("/{id:guid}", Get).Needs(Permission.GetSnapshot).Produces<SnapshotView>().WithSummary("Get a snapshot");
        snapshots.MapPost("/{id:guid}/rollback", RollBack).Needs(Permission.RollbackSnapshot)
            .Produces<SnapshotView>(StatusCodes.Status202Accepted)
            .WithSummary("Make a server's volumes what they were, after a safety snapshot of what they are");
        OrphanRoutes.Map(snapshots);
        snapshots.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteSnapshot).Produces<SnapshotView>(StatusCodes.Status202Accepted)
            .WithSummary("Delete a snapshot that no backup needs");
    }

    static async Task<SnapshotRow?> FindAsync(PortalDb db, ProjectId project, Guid id, CancellationToken cancellation) =>
        await db.Snapshots.FindAsync([SnapshotId.From(id)], cancellation).ConfigureAwait(false) is { } snapshot
            && snapshot.Project == project
            ? snapshot : null;

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false)).Answer(TypedResults.Ok);

    /// <summary>By the API and in pages.</summary>
    public static async Task<Outcome<Page<SnapshotView>>> ListAsync(
        PortalDb db, Caller caller, IQueryCollection query, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListSnapshot) is { } lacks) return lacks;
        var (project, name) = (caller.InProject, query.One("name"));
        var filters = new ListFilters();
        var ofServer = filters.Server("server", query.One("server"));
        var forPurpose = filters.OneOf<SnapshotPurpose>("purpose", query.One("purpose"));
        var inState = filters.OneOf<SnapshotState>("state", query.One("state"));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Snapshots.AsNoTracking().Where(one => one.Project == project && (name == null || one.Name == name));
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (forPurpose is not null) rows = rows.Where(one => one.Purpose == forPurpose);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        return await s_list.PageAsync(query, rows, SnapshotView.Of, cancellation).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        if (await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is not { } snapshot)
            return Problem.NoSuch("snapshot");
        // Nothing is changed by it; whoever waits for a roll back sees that something was told since.
        Versions.Tell(http, snapshot.Version);
        return TypedResults.Ok(SnapshotView.Of(snapshot));
    }

    static async Task<IResult> Create(NewSnapshotRequest request, HttpContext http, ApiChanges changes, SnapshotCaps caps)
    {
        if (FaultOf(request) is { } fault) return fault;
        return await changes.CreateAsync(http, request, async change =>
        {
            var project = change.Caller.InProject;
            if (await ServerOfAsync(change, request).ConfigureAwait(false) is not { } known)
                return Problem.NoSuch(request.Volume is null ? "server" : "volume");
            var server = known.Ref;
            if (known.IsGone) return new Problem(ProblemCode.ServerGone, $"The server {known.Name} is not there any more.");
            if (request.Volumes?.FirstOrDefault(name => known.Disks.All(disk => disk.Name != name)) is { } missing)
                return Problem.Wrong("volumes", $"The server has no volume {missing}.");
            var wanted = request.Volume is { } one ? [known.Disks.First(disk => disk.Volume == one.Id).Name] : request.Volumes;
            List<DiskView> disks = [.. known.Disks.Where(disk => wanted?.Contains(disk.Name) is not false)];
            if (await CapMetAsync(change, server, disks, caps).ConfigureAwait(false) is { } met) return met;
            // What is gone, or never came to be, has given its name back.
            if (await change.Db.Snapshots.AnyAsync(one => one.Project == project && one.Region == server.Region && one.Name == request.Name
                && one.State != SnapshotState.Removed && one.State != SnapshotState.Failed, change.Cancellation).ConfigureAwait(false))
                return Problem.Taken("snapshot", request.Name!);
            var keptUntil = request.KeptDays is { } days ? change.Now + TimeSpan.FromDays(days) : (DateTimeOffset?)null;
            var row = SnapshotRow.Asked(change.NewId<SnapshotId>(), project, server, request.Name!, disks, keptUntil);
            change.Db.Snapshots.Add(row);
            change.Send(Destination.Snapshots(server.Region), new TakeServerSnapshot(row.Id, null, project, server, row.Name, wanted,
                SnapshotPurpose.Manual, keptUntil), MessageJson.Default.TakeServerSnapshot, change.Now + s_patience);
            change.Audit("createSnapshot", $"snapshot {row.Name} of {known.Name}");
            return new Creation.Made($"/api/v1/snapshots/{row.Id}", SnapshotView.Of(row), GoesOn: true);
        }).ConfigureAwait(false);
    }

    static async Task<ServerRow?> ServerOfAsync(ApiChange change, NewSnapshotRequest request)
    {
        var project = change.Caller.InProject;
        if (request.Server is { } server)
            return await PlanUse.FindServerAsync(change.Db, project, new(server.Region!, server.Id!), change.Cancellation)
                .ConfigureAwait(false);
        var ofRegion = await change.Db.Servers.Where(one => one.Project == project && one.Region == request.Volume!.Region)
            .ToListAsync(change.Cancellation).ConfigureAwait(false);
        return ofRegion.FirstOrDefault(one => one.Disks.Any(disk => disk.Volume == request.Volume!.Id));
    }

    /// <summary>The region's service counts more exactly, and by pool, when it takes it; whoever asks for too much hears so at
    /// once.</summary>
    static async Task<Problem?> CapMetAsync(ApiChange change, ServerRef server, List<DiskView> disks, SnapshotCaps caps)
    {
        var there = change.Db.Snapshots.Where(one => one.Region == server.Region && one.State != SnapshotState.Removed
            && one.State != SnapshotState.Failed);
        if (await there.CountAsync(change.Cancellation).ConfigureAwait(false) >= caps.PerRegion)
            return new(ProblemCode.TooManySnapshots,
                $"The region has {caps.PerRegion} snapshots, the most that it may have. Delete some first.");
        var ofServer = await there.Where(one => one.ServerId == server.Id).Select(one => one.Disks).ToListAsync(change.Cancellation)
            .ConfigureAwait(false);
        return disks.FirstOrDefault(disk => ofServer.Count(held => held.Any(one => one.Volume == disk.Volume)) >= caps.PerVolume)
            is { } full
            ? new(ProblemCode.TooManySnapshots,
                $"The volume {full.Name} has {caps.PerVolume} snapshots, the most that it may have. Delete some first.")
            : null;
    }

    static Problem? FaultOf(NewSnapshotRequest request)
    {
        if (request.Server is null == request.Volume is null) return Problem.Wrong("server", "It or volume is needed, one of both.");
        if (request.Server is { } server
            && (Input.Present("server.region", server.Region) ?? Input.Present("server.id", server.Id)) is { } missing) return missing;
        if (request.Volume is { } volume
            && (Input.Present("volume.region", volume.Region) ?? Input.Present("volume.id", volume.Id)) is { } lacking) return lacking;
        if (request is { Volume: not null, Volumes: not null }) return Problem.Wrong("volumes", "They go with a server.");
        if (request.Name is null || !Name().IsMatch(request.Name))
            return Problem.Wrong("name", "It has 5 to 50 letters, digits, '_' and '-'.");
        if (VolumeNames.FaultOf(request.Volumes) is { } wrong) return Problem.Of(wrong);
        return request.KeptDays is < 1 or > KeptDaysMax ? Problem.Wrong("keptDays", $"It is 1 to {KeptDaysMax}.") : null;
    }

    static Task<IResult> RollBack(Guid id, RollBackRequest? request, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } snapshot)
            return Problem.NoSuch("snapshot");
        if (Versions.Wanted(http, snapshot.Version) is { } outdated) return outdated;
        if (snapshot.State is not (SnapshotState.Ready or SnapshotState.Base))
            return new Problem(ProblemCode.SnapshotNotReady, "It is not taken yet, or is going.");
        if (RollingBack(snapshot) is { } already) return already;
        if (VolumeNames.FaultOf(request?.Volumes) is { } wrong) return Problem.Of(wrong);
        if (request?.Volumes?.FirstOrDefault(name => snapshot.Disks.All(disk => disk.Name != name)) is { } missing)
            return Problem.Wrong("volumes", $"The snapshot has no volume {missing}.");
        var server = await PlanUse.FindServerAsync(change.Db, project, snapshot.Server, change.Cancellation).ConfigureAwait(false);
        if (server is null or { IsGone: true }) return new Problem(ProblemCode.ServerGone, "The server is not there any more.");
        if (await RunOfAsync(change.Db, snapshot.Server, change.Cancellation).ConfigureAwait(false) is { } going) return going;
        snapshot.IsToBeRolledBack(change.Now);
        change.Send(Destination.Snapshots(snapshot.Region), new RollBackSnapshot(snapshot.Id, project, request?.Volumes),
            MessageJson.Default.RollBackSnapshot,
            change.Now + s_patience);
        change.Audit("rollBackSnapshot", $"snapshot {snapshot.Name} of {snapshot.Region}/{snapshot.ServerId}");
        return TypedResults.Accepted($"/api/v1/snapshots/{snapshot.Id}", SnapshotView.Of(snapshot));
    });

    static Problem? RollingBack(SnapshotRow snapshot) => snapshot.IsRollingBack
        ? new(ProblemCode.SnapshotInUse, "Volumes are being made what they were at it: wait for that.") : null;

    /// <summary>Whether a server's volumes are being made what they were: nobody writes, and nothing goes, meanwhile.</summary>
    internal static async Task<Problem?> RollBackOfAsync(PortalDb db, ServerRef server, CancellationToken cancellation) =>
        await FindRollBackAsync(db, server, cancellation).ConfigureAwait(false) is not null
            ? new(ProblemCode.RunGoingOn, "Volumes of this server are being made what they were at a snapshot: wait for that.") : null;

    /// <summary>A roll back of a server that is not over: a backup meanwhile would be of nothing whole.</summary>
    internal static Task<SnapshotRow?> FindRollBackAsync(PortalDb db, ServerRef server, CancellationToken cancellation) =>
        db.Snapshots.FirstOrDefaultAsync(one => one.Region == server.Region && one.ServerId == server.Id && one.IsRollingBack,
            cancellation);

    /// <summary>What is going on with a server, of either kind.</summary>
    internal static async Task<Problem?> GoingOnAsync(PortalDb db, ServerRef server, CancellationToken cancellation) =>
        await RollBackOfAsync(db, server, cancellation).ConfigureAwait(false)
        ?? await RunOfAsync(db, server, cancellation).ConfigureAwait(false);

    /// <summary>The run of a server that is going on.</summary>
    internal static async Task<Problem?> RunOfAsync(PortalDb db, ServerRef server, CancellationToken cancellation) =>
        await db.Runs.AnyAsync(run => run.Region == server.Region && run.ServerId == server.Id && run.State < RunState.Succeeded,
            cancellation)
            .ConfigureAwait(false) ? new(ProblemCode.RunGoingOn, "A run of this server is going on: wait for it, or cancel it.") : null;

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } snapshot)
            return Problem.NoSuch("snapshot");
        if (Versions.Wanted(http, snapshot.Version) is { } outdated) return outdated;
        if (RollingBack(snapshot) is { } goesOn) return goesOn;
        if (snapshot.Purpose == SnapshotPurpose.Backup)
            return new Problem(ProblemCode.SnapshotInUse,
                "The next backup asks it what changed since. It goes by itself, or with its point.");
        // What it writes may have to be taken back.
        if (snapshot.Purpose == SnapshotPurpose.Safety
            && await GoingOnAsync(change.Db, snapshot.Server, change.Cancellation).ConfigureAwait(false) is { } going) return going;
        change.Send(Destination.Snapshots(snapshot.Region), new RemoveSnapshot(snapshot.Id, project), MessageJson.Default.RemoveSnapshot);
        change.Audit("deleteSnapshot", $"snapshot {snapshot.Name} of {snapshot.Region}/{snapshot.ServerId}");
        return TypedResults.Accepted($"/api/v1/snapshots/{snapshot.Id}", SnapshotView.Of(snapshot));
    });

    [GeneratedRegex(@"^[A-Za-z0-9_-]{5,50}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
