using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Declarations;
using VBackup.Portal.Locations;
using VBackup.Portal.Policies;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Plans;

/// <summary>What a plan is to be. Null leaves a member as it is, or gives a new plan the default.</summary>
/// <param name="Volumes">Names of the volumes that are included.</param>
/// <param name="IncludesLater">Whether volumes that are attached later are included.</param>
/// <param name="AllVolumes">Takes the choice of volumes back.</param>
public sealed record PlanWish(
    PolicyId? Policy = null, LocationId? Location = null, IReadOnlyList<string>? Volumes = null, bool? IncludesLater = null,
        string? Note = null,
    bool AllVolumes = false);

/// <summary>What users do with plans.</summary>
static class PlanUse
{
    const int NoteMax = 1000;

    public static async Task<Answer<Plan>> CreateAsync(
        Change<PortalDb> change, ProjectId project, ServerRef server, PlanWish wish, CancellationToken cancellation)
    {
        var db = change.Db;
        if (await FindServerAsync(db, project, server, cancellation).ConfigureAwait(false) is not { } row)
            return Refusal.NotFound("server");
        if (row.IsGone) return Refusal.Conflict("server-gone", $"the server {row.Name} is not there any more");
        if (await db.Plans.AnyAsync(plan => plan.Region == server.Region && plan.ServerId == server.Id, cancellation).ConfigureAwait(false))
            return Refusal.Conflict("plan-exists", $"the server {row.Name} has a plan already: change that one");
        var location = wish.Location ?? await DefaultLocationAsync(db, project, cancellation).ConfigureAwait(false);
        if (location is null)
            return Refusal.Conflict("no-default-location", "the project has no default location: name one, or make one the default");
        var plan = new Plan(change.NewId<PlanId>(), project, server, row.Name, wish.Policy ?? SystemPolicies.Default, location.Value,
            VolumeChoice.All, "", change.Now);
        if (await FaultAsync(db, project, row, wish with { Policy = plan.Policy, Location = plan.Location }, cancellation)
            .ConfigureAwait(false) is { } fault) return fault;
        Apply(plan, row, wish);
        db.Plans.Add(plan);
        return plan;
    }

    public static async Task<Answer<Plan>> ChangeAsync(
        Change<PortalDb> change, ProjectId project, PlanId id, PlanWish wish, CancellationToken cancellation)
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } plan) return Refusal.NotFound("plan");
        var row = await FindServerAsync(change.Db, project, plan.Server, cancellation).ConfigureAwait(false);
        if (await FaultAsync(change.Db, project, row, wish, cancellation).ConfigureAwait(false) is { } fault) return fault;
        if (wish.Policy is { } policy) plan.UsesPolicy(policy, change.Now);
        if (wish.Location is { } location) plan.UsesLocation(location);
        Apply(plan, row, wish);
        return plan;
    }

    /// <summary>Its points stay, and no rule lets them go any more.</summary>
    public static async Task<Answer<Plan>> DeleteAsync(Change<PortalDb> change, ProjectId project, PlanId id,
        CancellationToken cancellation)
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } plan) return Refusal.NotFound("plan");
        change.Db.Plans.Remove(plan);
        // No backup will ask what changed since: the volumes are given free for deletion.
        change.Send(Destination.Snapshots(plan.Region), new FreeVolumes(project, plan.Server, Volumes: null, RemovesAll: false),
            MessageJson.Default.FreeVolumes);
        await change.Db.AskedRuns.Where(run => run.Plan == id).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        return plan;
    }

    public static async Task<Answer<Plan>> SwitchAsync(Change<PortalDb> change, ProjectId project, PlanId id, bool isEnabled,
        CancellationToken cancellation)
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } plan) return Refusal.NotFound("plan");
        if (isEnabled) plan.Enable(change.Now);
        else plan.Disable();
        return plan;
    }

    /// <summary>A full, which only a user deletes. A server without a plan gets one first, by the defaults.</summary>
    public static async Task<Answer<RunId>> BackUpNowAsync(Change<PortalDb> change, ProjectId project, ServerRef server,
        CancellationToken cancellation)
    {
        var db = change.Db;
        var plan = await db.Plans.FirstOrDefaultAsync(
            one => one.Project == project && one.Region == server.Region && one.ServerId == server.Id, cancellation).ConfigureAwait(false);
        if (plan is null)
        {
            var made = await CreateAsync(change, project, server, new(), cancellation).ConfigureAwait(false);
            if (made.Refusal is { } refusal) return refusal;
            plan = made.Value;
        }
        if (plan.Obstacle is { } reason) return Refusal.Conflict("plan-paused", $"the plan of {plan.ServerName} is paused: {reason}");
        if (await db.AskedRuns.AnyAsync(run => run.Plan == plan.Id && run.Outcome == RunOutcome.GoingOn, cancellation)
            .ConfigureAwait(false))
            return Refusal.Conflict("run-going-on", $"a run of {plan.ServerName} is going on: wait for it, or cancel it");
        if (await FindRestoreInPlaceAsync(db, plan, cancellation).ConfigureAwait(false) is not null)
            return Refusal.Conflict("run-going-on", $"a restore of {plan.ServerName} is going on: wait for it, or cancel it");
        if (await SnapshotRoutes.FindRollBackAsync(db, plan.Server, cancellation).ConfigureAwait(false) is not null)
            return Refusal.Conflict("run-going-on", $"volumes of {plan.ServerName} are being rolled back: wait for that");
        return await AskAsync(change, plan, change.Now, RuleTags.None, RunTrigger.Manual, PointKind.Full, null, null, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Asks the vBackup service for a run, and remembers that.</summary>
    /// <param name="notAfter">It is not to start any more then.</param>
    internal static async Task<RunId> AskAsync(Change<PortalDb> change, Plan plan, DateTimeOffset dueAt, RuleTags tags, RunTrigger trigger,
        PointKind kind,
        DateTimeOffset? notAfter, DateTimeOffset? stopBy, CancellationToken cancellation)
    {
        await DeclarationsTelling.TellNowAsync(change, plan.Project, cancellation).ConfigureAwait(false);
        var run = change.NewId<RunId>();
        var server = await FindServerAsync(change.Db, plan.Project, plan.Server, cancellation).ConfigureAwait(false);
        var disks = plan.Volumes.Of([.. (server?.Disks ?? []).Select(disk => disk.Name)]);
        DiskView[]? seen = server is null ? null : [.. server.Disks.Where(disk => disks is null || disks.Contains(disk.Name))];
        var point = change.NewId<RestorePointId>();
        change.Db.AskedRuns.Add(new(run, plan.Id, dueAt, tags, trigger, kind, change.Now));
        change.Db.Runs.Add(RunRow.Asked(run, RunKind.Backup, plan.Project, plan.Id, plan.Server, plan.ServerName, plan.Location, point,
            trigger, change.Now, policy: trigger == RunTrigger.Policy ? plan.Policy : null));
        change.Send(Destination.Backup, new StartBackup(run, point, plan.Project, plan.Id, plan.Server, plan.ServerName,
            plan.Location, disks, trigger, kind, RuleTagNames.Of(tags), dueAt, stopBy, seen), MessageJson.Default.StartBackup, notAfter);
        return run;
    }

    public static async Task<Plan?> FindAsync(PortalDb db, ProjectId project, PlanId id, CancellationToken cancellation) =>
        await db.Plans.FindAsync([id], cancellation).ConfigureAwait(false) is { } plan && plan.Project == project ? plan : null;

    /// <summary>One that writes to the plan's server itself, and is not over: a backup meanwhile would be of nothing whole.</summary>
    internal static Task<RunRow?> FindRestoreInPlaceAsync(PortalDb db, Plan plan, CancellationToken cancellation) =>
        db.Runs.Where(run => run.Region == plan.Region && run.ServerId == plan.ServerId && run.State < RunState.Succeeded
            && run.RestoresTo == RestoreTarget.Original).OrderBy(run => run.AskedAt).FirstOrDefaultAsync(cancellation);

    public static async Task<ServerRow?> FindServerAsync(PortalDb db, ProjectId project, ServerRef server,
        CancellationToken cancellation) =>
        await db.Servers.FindAsync([server.Region, server.Id], cancellation).ConfigureAwait(false) is { } row && row.Project == project
            ? row : null;

    static async Task<LocationId?> DefaultLocationAsync(PortalDb db, ProjectId project, CancellationToken cancellation) =>
        (await db.Locations.FirstOrDefaultAsync(location => location.Project == project && location.IsDefault && !location.IsDeleted,
            cancellation)
            .ConfigureAwait(false))?.Id;

    static void Apply(Plan plan, ServerRow? server, PlanWish wish)
    {
        if (wish.Note is { } note) plan.IsNoted(note);
        if (wish.Volumes is null && wish.IncludesLater is null && !wish.AllVolumes) return;
        var chosen = wish.AllVolumes ? null : wish.Volumes ?? plan.Volumes.Chosen;
        plan.Includes(new(chosen, [.. (server?.Disks ?? []).Select(disk => disk.Name)], wish.IncludesLater ?? plan.Volumes.IncludesLater));
    }

    static async Task<Refusal?> FaultAsync(PortalDb db, ProjectId project, ServerRow? server, PlanWish wish, CancellationToken cancellation)
    {
        if (wish.Note is { } note && (note.Length > NoteMax || note.Any(char.IsControl)))
            return Refusal.Invalid("note", $"a note has {NoteMax} characters at most, on one line");
        if (wish.Policy is { } policy && await PolicyUse.FindAsync(db, project, policy, cancellation).ConfigureAwait(false) is null)
            return Refusal.Invalid("policy", "the project has no such policy");
        if (wish.Location is { } location)
        {
            if (await db.Locations.FindAsync([location], cancellation).ConfigureAwait(false) is not { IsDeleted: false } found
                || found.Project != project)
                return Refusal.Invalid("location", "the project has no such location");
            if (found.State == LocationStateView.Refused)
                return Refusal.Invalid("location", $"the location {found.Name} cannot be used: {found.Refusal}");
        }
        // Else it would back nothing up.
        if (wish is { Volumes: null, IncludesLater: false } && server is null or { Disks.Count: 0 })
            return Refusal.Invalid("includesLater", "which volumes the server has now is not known: name them, or include later ones");
        if (wish.Volumes is not { } volumes) return null;
        if (VolumeNames.FaultOf(volumes) is { } wrong) return wrong;
        return volumes.FirstOrDefault(name => server is null || server.Disks.All(disk => disk.Name != name)) is { } missing
            ? Refusal.Invalid("volumes", $"the server has no volume {missing}") : null;
    }
}
