using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Policies;

/// <summary>
/// Decides which points of one server stay and which go. Every rule counts complete policy points only, from the newest on; a point goes
/// when no rule counts it among its copies. A newer point only ever raises what is counted, so what went is never missed afterwards.
/// </summary>
public static class Retention
{
    /// <summary>A policy's change can be taken back this long before it deletes anything.</summary>
    public static Duration ChangeDelay { get; } = Duration.FromMinutes(1);

    /// <param name="rules">The policy as it is now; null when the plan has none.</param>
    /// <param name="changedAt">When it became so for this plan: it was edited, or put on the plan.</param>
    /// <param name="points">All of the server's points in one location, in any order.</param>
    /// <returns>A verdict for each point, in the order given.</returns>
    /// <exception cref="ArgumentException">The policy has faults, or the location's maximum is below its minimum.</exception>
    public static IReadOnlyList<PointVerdict> Decide(
        PolicyRules? rules, Instant changedAt, LocationDays days, IReadOnlyCollection<KeptPoint> points, Instant now)
    {
        if (rules is not null) PolicyFaults.RefuseFaulty(rules);
        if (days.MaxDays < days.MinDays) throw new ArgumentException("the maximum is below the minimum", nameof(days));

        // What the location deletes anyway is nobody's copy.
        var counted = points.Where(point => IsCopy(point) && !(days.MustGoAt(point) <= now)).OrderByDescending(point => point.TakenAt)
            .ThenByDescending(point => point.Point.Value).ToList();
        Dictionary<RestorePointId, Count> counts = [];
        if (rules is not null) CountCopies(rules, counted, counts);
        var appliesAt = changedAt + ChangeDelay;
        return [.. points.Select(point => VerdictOf(rules, appliesAt, days, point, counts.GetValueOrDefault(point.Point), now))];
    }

    private static bool IsCopy(KeptPoint point) => point is { Trigger: RunTrigger.Policy, State: RestorePointState.Active };

    /// <summary>What the rules say of one point: those that keep it, and a line for each that does not.</summary>
    private sealed record Count(IReadOnlyList<KeepReason> Keeps, IReadOnlyList<string> Because);

    private static void CountCopies(PolicyRules rules, List<KeptPoint> newestFirst, Dictionary<RestorePointId, Count> counts)
    {
        var newerCopies = RuleTagNames.All.ToDictionary(each => each.Tag, _ => 0);
        var newerFulls = 0;
        foreach (var point in newestFirst)
        {
            List<KeepReason> keeps = [];
            List<string> because = [];
            foreach (var (tag, name) in RuleTagNames.All)
            {
                if (!point.Tags.HasFlag(tag)) continue;
                var place = ++newerCopies[tag];
                if (rules.KeepOf(tag) is not { } keep) because.Add($"{name}: the policy keeps no such copies");
                else if (place <= keep) keeps.Add(new(ByOf(tag), place, keep));
                else because.Add($"{name}: {keep} newer copies");
            }
            // An incremental belongs to the full before it, which is the next that this loop comes to: both see as many newer fulls.
            if (rules.FullPattern?.KeepFulls is { } keepFulls)
            {
                if (newerFulls < keepFulls) keeps.Add(new(KeptBy.FullPattern, newerFulls + 1, keepFulls));
                else because.Add($"full pattern: {keepFulls} newer fulls");
            }
            if (point.Kind == PointKind.Full) newerFulls++;
            if (keeps.Count == 0 && counts.Count == 0) keeps.Add(new(KeptBy.NewestOfAll));
            counts.Add(point.Point, new(keeps, because));
        }
    }

    private static PointVerdict VerdictOf(
        PolicyRules? rules, Instant appliesAt, LocationDays days, KeptPoint point, Count? count, Instant now)
    {
        if (point.State is RestorePointState.Creating) return new(point, [new(KeptBy.Unfinished)], null);
        if (point.State is not RestorePointState.Active) return new(point, [new(KeptBy.NotThere)], null);

        var mustGoAt = days.MustGoAt(point);
        if (mustGoAt <= now) return new(point, [], TooOld(days, mustGoAt.Value, DepartureHold.Nothing));
        // Only what no rule keeps goes earlier than that.
        var tooOldLater = mustGoAt is { } at ? TooOld(days, at, DepartureHold.UntilTooOld) : null;
        if (point.IsProtected)
            return new(point, [new(KeptBy.Protected), .. IsCopy(point) ? count?.Keeps ?? [] : [new(KeptBy.Manual)]], tooOldLater);
        if (!IsCopy(point)) return new(point, [new(KeptBy.Manual)], tooOldLater);
        if (rules is null) return new(point, [new(KeptBy.NoPolicy)], tooOldLater);
        if (count is null) throw new InvalidOperationException($"point {point.Point} is a copy and was not counted");
        if (count.Keeps.Count > 0) return new(point, count.Keeps, tooOldLater);

        var (goesAt, hold) = appliesAt > now ? (appliesAt, DepartureHold.PolicyChange) : (now, DepartureHold.Nothing);
        if (days.MayGoAt(point) is { } mayGoAt && mayGoAt > goesAt) (goesAt, hold) = (mayGoAt, DepartureHold.LocationLock);
        return new(point, [], new(goesAt, DepartureReason.NoRuleKeepsIt, hold, count.Because));
    }

    private static Departure TooOld(LocationDays days, Instant at, DepartureHold hold) =>
        new(at, DepartureReason.OlderThanLocationAllows, hold, [$"its location keeps no point longer than {days.MaxDays} days"]);

    private static KeptBy ByOf(RuleTags tag) => tag switch
    {
        RuleTags.Hourly => KeptBy.Hourly,
        RuleTags.Daily => KeptBy.Daily,
        RuleTags.Weekly => KeptBy.Weekly,
        RuleTags.Monthly => KeptBy.Monthly,
        _ => throw new ArgumentOutOfRangeException(nameof(tag), tag, "not one rule"),
    };
}
