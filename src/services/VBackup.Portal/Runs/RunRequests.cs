using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Runs;

/// <param name="Notes">What was not asked for, and should be known: such as why an incremental became a full.</param>
/// <param name="Location">Null, as the point, of the import of an image.</param>
/// <param name="Target">What a restore or an image made or wrote.</param>
/// <param name="CheckedBytes">Of what a restore or an image wrote, what was read back too and is right: in the end all of it.</param>
/// <param name="WaitsForWorkerSince">Since when no worker of the server's region is there to do its work; null when that is not
/// so.</param>
/// <param name="Policy">The one that asked for it; null of what a user or a schedule asked for.</param>
public sealed record RunView(RunId Id, RunKind Kind, ServerRef Server, string ServerName, PlanId? Plan, LocationId? Location,
    RestorePointId? Point, RunTrigger Trigger, RunState State, bool IsOver, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt,
    long DoneBytes,
    long TotalBytes, long StoredBytes, IReadOnlyList<string> Notes, string? Error, string? Target, long CheckedBytes,
    DateTimeOffset? WaitsForWorkerSince, PolicyId? Policy)
{
    public static RunView Of(RunRow run) => new(run.Id, run.Kind, run.Server, run.ServerName, run.Plan, run.Location, run.Point,
        run.Trigger,
        run.State, run.IsOver, run.StartedAt, run.EndedAt, run.DoneBytes, run.TotalBytes, run.StoredBytes, run.Notes, run.Error,
            run.Target, run.CheckedBytes, run.WaitsForWorkerSince, run.Policy);
}

/// <summary>What is asked of the project's runs, by the API and in pages. Each looks for the permission that it takes.</summary>
static class RunRequests
{
    // Ids sort by the time at which they were asked for.
    public static Listing<RunRow> List { get; } = new("-askedAt",
        [
            new ListOrder<RunRow, RunId, RunId>("askedAt", one => one.Id, one => one.Id),
            new ListOrder<RunRow, string, RunId>("serverName", one => one.ServerName, one => one.Id),
        ], "kind", "server", "policy", "state", "from", "to");

    public static async Task<RunRow?> FindAsync(PortalDb db, ProjectId project, RunId id, CancellationToken cancellation) =>
        await db.Runs.FindAsync([id], cancellation).ConfigureAwait(false) is { } run && run.Project == project ? run : null;

    public static async Task<Outcome<Page<RunView>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListHistory) is { } lacks) return lacks;
        var project = caller.InProject;
        var filters = new ListFilters();
        var (ofKind, inState) = (filters.OneOf<RunKind>("kind", query.One("kind")), filters.OneOf<RunState>("state", query.One("state")));
        var (ofServer, byPolicy) = (filters.Server("server", query.One("server")), filters.Id<PolicyId>("policy", query.One("policy")));
        var (since, until) = (filters.Instant("from", query.One("from")), filters.Instant("to", query.One("to")));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Runs.AsNoTracking().Where(one => one.Project == project);
        if (ofKind is not null) rows = rows.Where(one => one.Kind == ofKind);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (byPolicy is not null) rows = rows.Where(one => one.Policy == byPolicy);
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        // One that was refused never began: it is found by when it was asked for, or at least ended.
        if (since is not null) rows = rows.Where(one => (one.StartedAt ?? one.AskedAt ?? one.EndedAt) >= since);
        if (until is not null) rows = rows.Where(one => (one.StartedAt ?? one.AskedAt ?? one.EndedAt) < until);
        return await List.PageAsync(query, rows, RunView.Of, cancellation).ConfigureAwait(false);
    }

    public static async Task<Outcome<RunView>> GetAsync(PortalDb db, Caller caller, RunId id, CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetHistory) is { } lacks) return lacks;
        return await FindAsync(db, caller.InProject, id, cancellation).ConfigureAwait(false) is { } run
            ? RunView.Of(run) : Problem.NoSuch("run");
    }

    /// <summary>Ends it without its result.</summary>
    public static async Task<Outcome<RunView>> CancelAsync(ApiChange change, RunId id)
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } run) return Problem.NoSuch("run");
        if (change.Caller.Lacks(NeededToCancel(run.Kind)) is { } lacks) return lacks;
        if (run.IsOver) return new Problem(ProblemCode.RunOver, "A run that is over stays as it is.");
        change.Send(Destination.Backup, new CancelRun(run.Id, project), MessageJson.Default.CancelRun);
        change.Audit("cancelRun", $"run {run.Id} of {run.ServerName}");
        return RunView.Of(run);
    }

    public static Permission NeededToCancel(RunKind kind) => kind switch
    {
        RunKind.Backup => Permission.BackupNow,
        RunKind.Restore => Permission.RestoreServer,
        RunKind.ExportImage => Permission.DownloadRestorePoint,
        RunKind.ImportImage => Permission.RestoreVolume,
        _ => throw new InvalidOperationException($"Nobody says who may cancel {kind}."),
    };
}
