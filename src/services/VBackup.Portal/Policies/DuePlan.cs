using NodaTime;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Policies;

/// <summary>What became of a backup run.</summary>
public enum RunOutcome
{
    GoingOn,
    Succeeded,
    Failed,
    Cancelled,
    WindowClosed,
    /// <summary>It came due and never started.</summary>
    Skipped,
}

/// <summary>A backup run of a server, as it is remembered.</summary>
/// <param name="DueAt">The instant of the calendar; of a manual one, when it was asked for.</param>
/// <param name="Tags">With those that it took over from runs before it.</param>
/// <param name="Kind">As it was really made. Means nothing unless it succeeded.</param>
public sealed record PastRun(Instant DueAt, RuleTags Tags, RunTrigger Trigger, RunOutcome Outcome, PointKind Kind);

/// <summary>What is known of a server's runs.</summary>
/// <param name="Since">
/// What was due until this instant does not matter: the policy was put on the plan or changed, or the plan enabled.
/// </param>
/// <param name="Runs">
/// In any order. REQUIRES: holds the last full that succeeded by policy and every policy run due after it, whoever deleted what of their
/// points, and whatever is going on, manual runs too.
/// </param>
/// <param name="RestoreSince">When the restore, or roll back, was asked for that writes to the server itself now; null when none
/// does.</param>
public sealed record RunHistory(Instant Since, IReadOnlyList<PastRun> Runs, Instant? RestoreSince = null);

/// <summary>A run to start at once.</summary>
/// <param name="Tags">Those of the calendar and <paramref name="CarriedTags"/>.</param>
/// <param name="CarriedTags">Of runs before it that left no point.</param>
/// <param name="NotAfter">From this instant on it may not start any more.</param>
/// <param name="StopBy">When the window closes for it.</param>
public sealed record DueRun(Instant DueAt, RuleTags Tags, RuleTags CarriedTags, PointKind Kind, Instant? NotAfter, Instant? StopBy);

/// <summary>Why a run that came due does not start.</summary>
public enum SkipReason
{
    /// <summary>Another run of this server was going on.</summary>
    RunGoingOn,
    /// <summary>The server was being restored in place, or rolled back.</summary>
    RestoreGoingOn,
    /// <summary>It had not started when a later one came due.</summary>
    Superseded,
    /// <summary>Its window had closed before it could start.</summary>
    WindowClosed,
}

/// <summary>A run to be recorded as skipped.</summary>
/// <param name="Tags">Those of the calendar. The server's next run takes them over.</param>
/// <param name="Because">When that was which is in the way: the run that goes on, or the later one, was due; the restore was asked for;
/// the window closed.</param>
public sealed record SkippedRun(Instant DueAt, RuleTags Tags, SkipReason Reason, Instant Because)
{
    public string Text => Reason switch
    {
        SkipReason.RunGoingOn => $"the run of {Because} was still going on",
        SkipReason.RestoreGoingOn => $"the restore in place, or roll back, that was asked for at {Because} was still going on",
        SkipReason.Superseded => $"it had not started when the run of {Because} came due",
        SkipReason.WindowClosed => $"its window closed at {Because}",
        _ => throw new InvalidOperationException($"unknown reason {Reason}"),
    };
}

/// <param name="Run">What starts now, if anything.</param>
/// <param name="Skipped">What is recorded now, by the instant it was due at.</param>
/// <param name="LookAgainAt">Until then nothing new is due, unless a run ends or the policy changes.</param>
public sealed record DueDecision(DueRun? Run, IReadOnlyList<SkippedRun> Skipped, Instant LookAgainAt);

/// <summary>
/// Decides what a server's policy wants to run. It remembers nothing: whoever calls it records the run and what was skipped, in one
/// transaction, and gives it as history the next time.
/// </summary>
public static class DuePlan
{
    private const PointKind NoPoint = PointKind.Full;

    /// <exception cref="ArgumentException">The policy has faults.</exception>
    public static DueDecision Decide(PolicyRules rules, RunHistory history, Instant now)
    {
        var policyRuns = history.Runs.Where(run => run.Trigger == RunTrigger.Policy).OrderBy(run => run.DueAt).ToList();
        var seenUntil = policyRuns.Count == 0 ? history.Since : Instant.Max(history.Since, policyRuns[^1].DueAt);
        var next = PolicyCalendar.Next(rules, Instant.Max(now, seenUntil)).At;
        var due = PolicyCalendar.Occurrences(rules, seenUntil.PlusNanoseconds(1), now.PlusNanoseconds(1)).ToList();
        if (due.Count == 0) return new(null, [], next);

        if (history.Runs.FirstOrDefault(run => run.Outcome == RunOutcome.GoingOn) is { } busy)
            return new(null, [.. due.Select(each => new SkippedRun(each.At, each.Tags, SkipReason.RunGoingOn, busy.DueAt))], next);
        if (history.RestoreSince is { } restore)
            return new(null, [.. due.Select(each => new SkippedRun(each.At, each.Tags, SkipReason.RestoreGoingOn, restore))], next);

        // Later occurrences have windows that close no earlier, so the latest is the one to start if any can.
        var latest = due[^1];
        List<SkippedRun> skipped =
            [.. due.SkipLast(1).Select(each => new SkippedRun(each.At, each.Tags, SkipReason.Superseded, latest.At))];
        var window = StartWindow.For(rules, latest.At);
        if (window.ClosesAt is { } closedAt && now >= closedAt)
        {
            skipped.Add(new(latest.At, latest.Tags, SkipReason.WindowClosed, closedAt));
            return new(null, skipped, next);
        }
        if (now < window.OpensAt) return new(null, skipped, Instant.Min(next, window.OpensAt));

        var carried = CarriedTags(policyRuns.Concat(skipped.Select(each =>
            new PastRun(each.DueAt, each.Tags, RunTrigger.Policy, RunOutcome.Skipped, NoPoint)))) & rules.Tags;
        return new(
            new(latest.At, latest.Tags | carried, carried, KindOfNext(rules, policyRuns), window.ClosesAt, window.StopBy), skipped, next);
    }

    /// <summary>The tags of all that left no point since the last run that did, so that its rules do not go without a copy.</summary>
    private static RuleTags CarriedTags(IEnumerable<PastRun> policyRuns) => policyRuns.Aggregate(RuleTags.None, (tags, run) =>
        run.Outcome == RunOutcome.Succeeded ? RuleTags.None : tags | run.Tags);

    /// <summary>Counts what was made, not what is still there: retention and users may have deleted points of the pattern.</summary>
    private static PointKind KindOfNext(PolicyRules rules, List<PastRun> policyRuns)
    {
        var made = policyRuns.Where(run => run.Outcome == RunOutcome.Succeeded).ToList();
        var lastFull = made.FindLastIndex(run => run.Kind == PointKind.Full);
        if (lastFull < 0) return PointKind.Full;
        var incrementals = made.Count - 1 - lastFull;
        return rules.FullPattern is { } pattern && incrementals >= pattern.Incrementals ? PointKind.Full : PointKind.Incremental;
    }
}
