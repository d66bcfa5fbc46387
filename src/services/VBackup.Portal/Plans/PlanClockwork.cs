using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Portal.Declarations;
using VBackup.Portal.Notifications;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Plans;

/// <summary>What plans have to do because time went by: runs that are due are asked for, points that no rule keeps go; what was
/// declared is told, to be saved in vaults. Any number of replicas may do it: whoever is second finds the plan changed, and looks
/// anew.</summary>
public sealed class PlanClockwork(ChangeMaker<PortalDb> changes)
{
    /// <summary>A run that the vBackup service has said nothing of for so long never began.</summary>
    public static readonly TimeSpan AnswerPatience = TimeSpan.FromHours(24);

    const int BatchMax = 100;
    internal const string NeverAnswered = "the vBackup service never answered";

    readonly MessageTidying<PortalDb> _tidying = new(changes);

    /// <exception cref="AggregateException">Some of it failed, and is tried again with the next turn. All else was done.</exception>
    public async Task TurnAsync(CancellationToken cancellation)
    {
        var turn = new Turn<PortalDb>(changes, cancellation);
        await turn.DoEachAsync("looking at what is due of plan", change => IdsOfAsync(change.Db.Plans
            .Where(one => one.IsEnabled && one.PausedBecause == null && one.LookAt <= change.Now), cancellation),
            (change, plan) => LookAsync(change, plan, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("the retention of plan", change => IdsOfAsync(change.Db.Plans
            .Where(one => !one.IsRecovered && one.RetentionAt <= change.Now), cancellation),
            (change, plan) => RetainAsync(change, plan, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("giving up run", change => FindSilentAsync(change, cancellation),
            (change, run) => GiveUpAsync(change, run, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("giving up the roll back to snapshot", change => FindSilentRollBacksAsync(change, cancellation),
            (change, snapshot) => GiveUpRollBackAsync(change, snapshot, cancellation)).ConfigureAwait(false);
        await turn.DoEachAsync("telling what is declared of project", change => DeclarationsTelling.FindDueAsync(change, cancellation),
            (change, project) => DeclarationsTelling.TellNowAsync(change, project, cancellation)).ConfigureAwait(false);
        await turn.DoAsync("forgetting old messages", _tidying.TurnAsync).ConfigureAwait(false);
        turn.End();
    }

    static Task<List<PlanId>> IdsOfAsync(IQueryable<Plan> plans, CancellationToken cancellation) =>
        plans.OrderBy(plan => plan.LookAt).Select(plan => plan.Id).Take(BatchMax).ToListAsync(cancellation);

    static async Task LookAsync(Change<PortalDb> change, PlanId id, CancellationToken cancellation)
    {
        var db = change.Db;
        // Another replica may have been faster, or a user has switched it off meanwhile.
        if (await db.Plans.FindAsync([id], cancellation).ConfigureAwait(false) is not { IsEnabled: true, PausedBecause: null } plan
            || plan.LookAt > change.Now) return;
        var rules = await RulesOfAsync(db, plan, cancellation).ConfigureAwait(false);
        var history = await HistoryAsync(db, plan, rules, cancellation).ConfigureAwait(false);
        var decision = DuePlan.Decide(rules, history, Instant.FromDateTimeOffset(change.Now));
        foreach (var skipped in decision.Skipped) db.AskedRuns.Add(AskedRun.Skipped(change.NewId<RunId>(), plan.Id, skipped, change.Now));
        if (decision.Run is { } due)
            await PlanUse.AskAsync(change, plan, due.DueAt.ToDateTimeOffset(), due.Tags, RunTrigger.Policy, due.Kind,
                due.NotAfter?.ToDateTimeOffset(), due.StopBy?.ToDateTimeOffset(), cancellation).ConfigureAwait(false);
        plan.LooksAgainAt(decision.LookAgainAt.ToDateTimeOffset());
    }

    // All that the decision depends on, and no more: since the last full where there is a pattern, else since the last that succeeded.
    static async Task<RunHistory> HistoryAsync(PortalDb db, Plan plan, PolicyRules rules, CancellationToken cancellation)
    {
        var all = db.AskedRuns.Where(run => run.Plan == plan.Id);
        var made = all.Where(run => run.Trigger == RunTrigger.Policy && run.Outcome == RunOutcome.Succeeded);
        var lastFull = await made.Where(run => run.Kind == PointKind.Full).OrderByDescending(run => run.DueAt)
            .FirstOrDefaultAsync(cancellation)
            .ConfigureAwait(false);
        var from = rules.FullPattern is not null ? lastFull?.DueAt
            : await made.MaxAsync(run => (DateTimeOffset?)run.DueAt, cancellation).ConfigureAwait(false);
        var runs = await all.Where(run => from == null || run.DueAt >= from || run.Outcome == RunOutcome.GoingOn).ToListAsync(cancellation)
            .ConfigureAwait(false);
        if (lastFull is not null && !runs.Contains(lastFull)) runs.Add(lastFull);
        var rewritten = await RewrittenSinceAsync(db, plan, cancellation).ConfigureAwait(false);
        return new(Instant.FromDateTimeOffset(plan.Since), [.. runs.Select(run => run.Past)],
            rewritten is { } asked ? Instant.FromDateTimeOffset(asked) : null);
    }

    // Null when nobody writes to the server's volumes but itself.
    static async Task<DateTimeOffset?> RewrittenSinceAsync(PortalDb db, Plan plan, CancellationToken cancellation)
    {
        if (await PlanUse.FindRestoreInPlaceAsync(db, plan, cancellation).ConfigureAwait(false) is { AskedAt: { } asked }) return asked;
        return await SnapshotRoutes.FindRollBackAsync(db, plan.Server, cancellation).ConfigureAwait(false) is { } back
            ? back.RollBackAskedAt ?? back.TakenAt : null;
    }

    static async Task RetainAsync(Change<PortalDb> change, PlanId id, CancellationToken cancellation)
    {
        var db = change.Db;
        if (await db.Plans.FindAsync([id], cancellation).ConfigureAwait(false) is not { IsRecovered: false } plan || plan.RetentionAt
            is not { } at || at > change.Now) return;
        var now = Instant.FromDateTimeOffset(change.Now);
        Instant? next = null;
        foreach (var verdict in await PointRetention.DecideAsync(db, plan, now, cancellation).ConfigureAwait(false))
        {
            if (verdict.IsGone(now))
                change.Send(Destination.Backup, new DeletePoint(verdict.Point.Point, plan.Project, IsByPolicy: true),
                    MessageJson.Default.DeletePoint);
            else if (verdict.Departure is { } later && (next is null || later.At < next)) next = later.At;
        }
        plan.RetentionLooksAgainAt(next?.ToDateTimeOffset());
    }

    static async Task<List<RunId>> FindSilentAsync(Change<PortalDb> change, CancellationToken cancellation)
    {
        var since = change.Now - AnswerPatience;
        var backups = await change.Db.AskedRuns.Where(run => run.Outcome == RunOutcome.GoingOn && run.AskedAt < since
                && !change.Db.Runs.Any(known => known.Id == run.Id && known.Version > 0))
            .Select(run => run.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        // A restore that nobody carries out must not be in the way of backups for ever.
        var others = await change.Db.Runs.Where(run => run.Version == 0 && run.State < RunState.Succeeded
                && run.Kind != RunKind.Backup && run.AskedAt < since)
            .Select(run => run.Id).Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        return [.. backups, .. others];
    }

    static async Task GiveUpAsync(Change<PortalDb> change, RunId id, CancellationToken cancellation)
    {
        var row = await change.Db.Runs.FindAsync([id], cancellation).ConfigureAwait(false);
        // It was answered meanwhile.
        if (row is { Version: > 0 }) return;
        if (await change.Db.AskedRuns.FindAsync([id], cancellation).ConfigureAwait(false) is { Outcome: RunOutcome.GoingOn } asked)
            asked.WasNeverHeardOf(NeverAnswered);
        if (row is not { IsOver: false }) return;
        row.NeverBegan(NeverAnswered, change.Now);
        await Notices.RunEndedAsync(change, row, cancellation).ConfigureAwait(false);
    }

    // One that nobody carries out must not be in the way of everything for ever.
    static Task<List<SnapshotId>> FindSilentRollBacksAsync(Change<PortalDb> change, CancellationToken cancellation)
    {
        var since = change.Now - AnswerPatience;
        return change.Db.Snapshots.Where(one => one.IsRollingBack && !one.IsRollBackHeard && one.RollBackAskedAt < since)
            .Select(one => one.Id).Take(BatchMax).ToListAsync(cancellation);
    }

    static async Task GiveUpRollBackAsync(Change<PortalDb> change, SnapshotId id, CancellationToken cancellation)
    {
        if (await change.Db.Snapshots.FindAsync([id], cancellation).ConfigureAwait(false)
            is { IsRollingBack: true, IsRollBackHeard: false } snapshot)
            snapshot.WasNeverRolledBack("the region's vSnapshot service never answered: nothing was rolled back");
    }

    internal static async Task<PolicyRules> RulesOfAsync(PortalDb db, Plan plan, CancellationToken cancellation) =>
        (await db.Policies.FindAsync([plan.Policy], cancellation).ConfigureAwait(false)
            ?? throw new InvalidOperationException($"Plan {plan.Id} has no policy.")).Rules;
}
