using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Plans;

/// <summary>A backup that a plan or a user asked for, or that was due and was skipped: what is due next depends on them.</summary>
public sealed class AskedRun
{
    AskedRun() { }

    public AskedRun(RunId id, PlanId plan, DateTimeOffset dueAt, RuleTags tags, RunTrigger trigger, PointKind kind,
        DateTimeOffset askedAt) =>
        (Id, Plan, DueAt, Tags, Trigger, Kind, AskedAt, Outcome) = (id, plan, dueAt, tags, trigger, kind, askedAt, RunOutcome.GoingOn);

    /// <summary>One that was due, and did not start.</summary>
    public static AskedRun Skipped(RunId id, PlanId plan, SkippedRun skipped, DateTimeOffset now) =>
        new(id, plan, skipped.DueAt.ToDateTimeOffset(), skipped.Tags, RunTrigger.Policy, PointKind.Full, now)
        { Outcome = RunOutcome.Skipped, Reason = skipped.Text };

    public RunId Id { get; private set; }
    public PlanId Plan { get; private set; }
    public DateTimeOffset DueAt { get; private set; }
    public RuleTags Tags { get; private set; }
    public RunTrigger Trigger { get; private set; }

    /// <summary>As it was asked for, and then as it was made.</summary>
    public PointKind Kind { get; private set; }
    public DateTimeOffset AskedAt { get; private set; }
    public RunOutcome Outcome { get; private set; }

    /// <summary>Why it was skipped, or never began.</summary>
    public string? Reason { get; private set; }

    public PastRun Past => new(Instant.FromDateTimeOffset(DueAt), Tags, Trigger, Outcome, Kind);

    /// <returns>Whether it is over now, and was not before.</returns>
    public bool Hears(RunState state)
    {
        if (Outcome != RunOutcome.GoingOn || state < RunState.Succeeded) return false;
        Outcome = state switch
        {
            RunState.Succeeded => RunOutcome.Succeeded,
            RunState.Cancelled => RunOutcome.Cancelled,
            RunState.WindowClosed => RunOutcome.WindowClosed,
            _ => RunOutcome.Failed,
        };
        return true;
    }

    public void WasMade(PointKind kind) => Kind = kind;

    public void WasNeverHeardOf(string reason) => (Outcome, Reason) = (RunOutcome.Failed, reason);
}
