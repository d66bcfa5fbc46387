using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Points;

/// <param name="DueAt">The instant of the schedule, or when it was asked for.</param>
/// <param name="TakenAt">The instant whose state it holds.</param>
/// <param name="Consistency"><c>filesystem</c> or <c>crash</c>.</param>
/// <param name="InstantKind">How its instant was taken. <c>single</c>: it has one volume; <c>group</c>: the storage took all at once;
/// <c>frozen</c>: one after another, with the guest frozen for it. Null where nobody knows.</param>
/// <param name="SkewSeconds">So far apart at most are the instants of two volumes; null where nobody knows.</param>
/// <param name="Configuration">The server's as it was; null where nobody knows.</param>
/// <param name="IsDistrusted">Change tracking was found wrong after it: it may lack changes.</param>
/// <param name="PurgeAt">When one in the bin goes for good.</param>
/// <param name="IsProtected">Neither rules nor users delete it.</param>
public sealed record PointView(RestorePointId Id, ServerRef Server, string ServerName, PlanId? Plan, RunId Run, LocationId Location,
    RestorePointState State, PointKind Kind, RunTrigger Trigger, IReadOnlyList<string> Tags, DateTimeOffset DueAt, DateTimeOffset? TakenAt,
    DateTimeOffset? CompletedAt, string? Consistency, string? InstantKind, double? SkewSeconds,
    PointConfiguration? Configuration, bool IsDistrusted, long LengthBytes, long ReadBytes, long StoredBytes,
    IReadOnlyList<VolumePointView> Volumes, DateTimeOffset? DeletedAt, DateTimeOffset? PurgeAt, bool IsProtected)
{
    public static PointView Of(PointRow point) => new(point.Id, point.Server, point.ServerName, point.Plan, point.Run, point.Location,
        point.State,
        point.Kind, point.Trigger, point.Tags, point.DueAt, point.TakenAt, point.CompletedAt, point.Consistency, point.InstantKind,
        point.SkewSeconds, point.Configuration, point.IsDistrusted,
        point.Volumes.Sum(volume => volume.LengthBytes), point.Volumes.Sum(volume => volume.ReadBytes),
        point.Volumes.Sum(volume => volume.StoredBytes), point.Volumes, point.DeletedAt, point.PurgeAt,
        point.IsProtected);
}

/// <summary>What is asked of the project's restore points, by the API and in pages. Each looks for the permission that it takes.</summary>
static class PointRequests
{
    public static Listing<PointRow> List { get; } = new("-dueAt",
        [
            new ListOrder<PointRow, DateTimeOffset, RestorePointId>("dueAt", one => one.DueAt, one => one.Id),
            new ListOrder<PointRow, string, RestorePointId>("serverName", one => one.ServerName, one => one.Id),
        ], "server", "state", "location", "trigger");

    public static async Task<PointRow?> FindAsync(PortalDb db, ProjectId project, RestorePointId id, CancellationToken cancellation) =>
        await db.Points.FindAsync([id], cancellation).ConfigureAwait(false) is { } point && point.Project == project ? point : null;

    public static async Task<Outcome<Page<PointView>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListRestorePoint) is { } lacks) return lacks;
        var project = caller.InProject;
        var filters = new ListFilters();
        var (ofServer, inState) = (filters.Server("server", query.One("server")),
            filters.OneOf<RestorePointState>("state", query.One("state")));
        var (atLocation, byTrigger) =
            (filters.Id<LocationId>("location", query.One("location")), filters.OneOf<RunTrigger>("trigger", query.One("trigger")));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Points.AsNoTracking().Where(one => one.Project == project);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        if (atLocation is not null) rows = rows.Where(one => one.Location == atLocation);
        if (byTrigger is not null) rows = rows.Where(one => one.Trigger == byTrigger);
        return await List.PageAsync(query, rows, PointView.Of, cancellation).ConfigureAwait(false);
    }

    public static async Task<Outcome<PointView>> GetAsync(PortalDb db, Caller caller, RestorePointId id, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetRestorePoint) is { } lacks) return lacks;
        return await FindAsync(db, caller.InProject, id, cancellation).ConfigureAwait(false) is { } point
            ? PointView.Of(point) : Problem.NoSuch("point");
    }

    public static async Task<Outcome<PointExplanation>> ExplainAsync(
        PortalDb db, Caller caller, RestorePointId id, DateTimeOffset now, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetRestorePoint) is { } lacks) return lacks;
        return await FindAsync(db, caller.InProject, id, cancellation).ConfigureAwait(false) is { } point
            ? await PointExplanation.OfAsync(db, point, now, cancellation).ConfigureAwait(false) : Problem.NoSuch("point");
    }

    public static async Task<Outcome<PointView>> DeleteAsync(ApiChange change, RestorePointId id)
    {
        if (change.Caller.Lacks(Permission.DeleteRestorePoint) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        if (point.State != RestorePointState.Active || point.IsBeingDeleted)
            return new Problem(ProblemCode.PointNotActive,
                "It is not complete, or deleted already. What is in the bin is purged by itself.");
        if (point.IsProtected)
            return new Problem(ProblemCode.PointProtected, "It is protected: take that back before it is deleted.");
        if (await PointRetention.HeldUntilAsync(change.Db, point, change.Now, change.Cancellation).ConfigureAwait(false) is { } until)
            return new Problem(ProblemCode.PointLocked, $"Its location is locked: nobody deletes it before {until:u}.");
        point.IsToBeDeleted(change.Now);
        change.Send(Destination.Backup, new DeletePoint(point.Id, project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        change.Audit("deletePoint", $"point {point.Id} of {point.ServerName}");
        return PointView.Of(point);
    }

    /// <summary>As long as it is protected, neither rules nor users delete it.</summary>
    public static async Task<Outcome<PointView>> ProtectAsync(ApiChange change, RestorePointId id, bool isProtected)
    {
        if (change.Caller.Lacks(Permission.ProtectRestorePoint) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        if (point.State != RestorePointState.Active)
            return new Problem(ProblemCode.PointNotActive,
                "It is not complete, or deleted already. What is in the bin is brought back first.");
        if (isProtected && point.IsBeingDeleted)
            return new Problem(ProblemCode.PointNotActive,
                "It is being deleted. Where its location has a bin, it can be brought back from there, and is protected then.");
        if (point.IsProtected == isProtected)
        {
            change.LeaveAll();
            return PointView.Of(point);
        }
        point.IsToBeProtected(isProtected);
        change.Send(Destination.Backup, new ProtectPoint(point.Id, project, isProtected), MessageJson.Default.ProtectPoint);
        change.Audit(isProtected ? "protectPoint" : "unprotectPoint", $"point {point.Id} of {point.ServerName}");
        return PointView.Of(point);
    }

    /// <summary>Back from the bin, and protected: a point that no rule keeps would be there again a moment later.</summary>
    public static async Task<Outcome<PointView>> UndeleteAsync(ApiChange change, RestorePointId id)
    {
        if (change.Caller.Lacks(Permission.UndeleteRestorePoint) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } point)
            return Problem.NoSuch("point");
        if (point.State != RestorePointState.SoftDeleted)
            return new Problem(ProblemCode.PointNotInBin, "Only a point that is in the bin can be brought back.");
        point.IsToBeProtected(true);
        change.Send(Destination.Backup, new UndeletePoint(point.Id, project), MessageJson.Default.UndeletePoint);
        change.Audit("undeletePoint", $"point {point.Id} of {point.ServerName}");
        return PointView.Of(point);
    }
}
