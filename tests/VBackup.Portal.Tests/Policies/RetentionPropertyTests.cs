using CsCheck;
using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

public sealed class RetentionPropertyTests
{
    /// <summary>Which points are to be deleted now.</summary>
    delegate IEnumerable<KeptPoint> Deciding(PolicyRules rules, LocationDays days, IReadOnlyCollection<KeptPoint> points, Instant now);

    static readonly Gen<(PolicyRules Rules, LocationDays Days, KeptPoint[] Points, Instant Now)> s_case = Gen.Select(
        AnyPolicy.Rules, AnyPolicy.Days, AnyPolicy.Points, Gen.Int[0, 24 * 30],
        (rules, days, points, hours) =>
            (rules, days, points, (points.Length == 0 ? Sample.Hour(0) : points[^1].TakenAt) + Duration.FromHours(hours)));

    static readonly KeptPoint[] s_more =
    [
        Sample.Point(1_000_000, (RuleTags)15), Sample.Point(1_000_000, (RuleTags)15, PointKind.Full),
        Sample.Point(1_000_000, RuleTags.None),
        Sample.Point(1_000_000, RuleTags.None, PointKind.Full, RunTrigger.Manual),
        Sample.Point(1_000_000, RuleTags.Daily, state: RestorePointState.Creating),
    ];

    static readonly Dictionary<string, Func<Deciding, PolicyRules, LocationDays, KeptPoint[], Instant, bool>> s_properties = new()
    {
        ["never deletes a point that a rule keeps"] = (decide, rules, days, points, now) =>
        {
            var kept = SlowRetention.KeptByRules(rules, points);
            return !decide(rules, days, points, now).Any(point => kept.Contains(point) && !IsTooOld(days, point, now));
        },
        ["deletes what no rule keeps, but the newest, and what is locked"] = (decide, rules, days, points, now) =>
        {
            var alive = points.Where(point => !IsTooOld(days, point, now)).ToList();
            var kept = SlowRetention.KeptByRules(rules, alive);
            var copies = alive.Where(point => point.Trigger == RunTrigger.Policy && point.State == RestorePointState.Active).ToList();
            var expected = copies.Where(point => !kept.Contains(point) && point != copies[^1]
                && !(days.MinDays is { } min && now - point.CompletedAt < Duration.FromDays(min)));
            return decide(rules, days, points, now).Where(point => !IsTooOld(days, point, now)).ToHashSet().SetEquals(expected);
        },
        ["never touches manual points"] = (decide, rules, days, points, now) =>
            !decide(rules, days, points, now).Any(point => point.Trigger == RunTrigger.Manual && !IsTooOld(days, point, now)),
        ["touches only what is there"] = (decide, rules, days, points, now) =>
            decide(rules, days, points, now).All(point => point.State == RestorePointState.Active),
        ["never deletes what is younger than its location's minimum"] = (decide, rules, days, points, now) =>
            days.MinDays is not { } min || !decide(rules, days, points, now).Any(point => now < point.CompletedAt + Duration.FromDays(min)),
        ["deletes whatever is older than its location's maximum"] = (decide, rules, days, points, now) => points
            .Where(point => point.State == RestorePointState.Active && IsTooOld(days, point, now))
            .All(decide(rules, days, points, now).ToHashSet().Contains),
        ["applied twice changes nothing more"] = (decide, rules, days, points, now) =>
            !decide(rules, days, Without(points, decide(rules, days, points, now), remember: false), now).Any()
            && !decide(rules, days, Without(points, decide(rules, days, points, now), remember: true), now).Any(),
        ["another point brings none back"] = (decide, rules, days, points, now) => s_more.All(more =>
        {
            var added = more with { TakenAt = now + Duration.FromHours(1), CompletedAt = now + Duration.FromHours(1) };
            return decide(rules, days, points, now).All(decide(rules, days, [.. points, added], now).ToHashSet().Contains);
        }),
    };

    public static TheoryData<string> Properties => [.. s_properties.Keys];

    [Theory]
    [MemberData(nameof(Properties))]
    public void Retention(string property) => s_case.Sample(
        one => s_properties[property](Decided, one.Rules, one.Days, one.Points, one.Now), iter: 4000, threads: 1);

    /// <summary>Wrong retentions, each with the property that must find it.</summary>
    static readonly Dictionary<string, (string Property, Deciding Decide)> s_wrong = new()
    {
        ["keeps one copy less"] = ("never deletes a point that a rule keeps", (rules, days, points, now) =>
            Decided(rules with { Daily = rules.Daily is { Keep: > 1 } daily ? new(daily.Keep - 1) : rules.Daily }, days, points, now)),
        ["drops the incrementals of a full with it"] = ("never deletes a point that a rule keeps", (rules, days, points, now) =>
            WithIncrementals(Decided(rules, days, points, now), points)),
        ["deletes nothing"] = ("deletes what no rule keeps, but the newest, and what is locked", (_, _, _, _) => []),
        ["keeps one full more"] = ("deletes what no rule keeps, but the newest, and what is locked", (rules, days, points, now) =>
            Decided(rules with { FullPattern = OneMore(rules.FullPattern) }, days, points, now)),
        ["takes manual points for others"] = ("never touches manual points", (rules, days, points, now) =>
            Decided(rules, days, [.. points.Select(point => point with { Trigger = RunTrigger.Policy })], now)
                .Select(point => points.Single(each => each.Point == point.Point))),
        ["deletes again what is in the bin"] = ("touches only what is there", (rules, days, points, now) =>
            [.. Decided(rules, days, points, now), .. points.Where(point => point.State == RestorePointState.SoftDeleted)]),
        ["knows no lock"] = ("never deletes what is younger than its location's minimum", (rules, days, points, now) =>
            Decided(rules, days with { MinDays = null }, points, now)),
        ["knows no maximum"] = ("deletes whatever is older than its location's maximum", (rules, days, points, now) =>
            Decided(rules, days with { MaxDays = null }, points, now)),
        ["deletes one at a time"] = ("applied twice changes nothing more", (rules, days, points, now) =>
            Decided(rules, days, points, now).Take(1)),
        ["waits while the newest is manual"] = ("another point brings none back", (rules, days, points, now) =>
            points.LastOrDefault() is { Trigger: RunTrigger.Manual } ? [] : Decided(rules, days, points, now)),
    };

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_retention_is_found(string wrong) => Planted.IsFound(() => s_case.Sample(
        one => s_properties[s_wrong[wrong].Property](s_wrong[wrong].Decide, one.Rules, one.Days, one.Points, one.Now),
        iter: 4000, threads: 1));

    [Fact]
    public void Every_property_has_a_wrong_retention_that_it_finds() =>
        Assert.Equal(s_properties.Keys.Order(), s_wrong.Values.Select(each => each.Property).Distinct().Order());

    static IEnumerable<KeptPoint> Decided(PolicyRules rules, LocationDays days, IReadOnlyCollection<KeptPoint> points, Instant now) =>
        [.. Portal.Policies.Retention.Decide(rules, Sample.Hour(-1), days, points, now)
            .Where(verdict => verdict.IsGone(now)).Select(verdict => verdict.Point)];

    static FullPattern? OneMore(FullPattern? pattern) => pattern is null ? null : pattern with { KeepFulls = pattern.KeepFulls + 1 };

    static KeptPoint[] Without(KeptPoint[] points, IEnumerable<KeptPoint> gone, bool remember)
    {
        var all = gone.ToHashSet();
        return remember
            ? [.. points.Select(point => all.Contains(point) ? point with { State = RestorePointState.Deleted } : point)]
            : [.. points.Where(point => !all.Contains(point))];
    }

    static HashSet<KeptPoint> WithIncrementals(IEnumerable<KeptPoint> gone, IReadOnlyCollection<KeptPoint> points)
    {
        var all = gone.ToHashSet();
        var isDropped = false;
        foreach (var point in Active(points))
        {
            if (point.Kind == PointKind.Full) isDropped = all.Contains(point);
            if (isDropped) all.Add(point);
        }
        return all;
    }

    static IEnumerable<KeptPoint> Active(IEnumerable<KeptPoint> points) =>
        points.Where(point => point is { State: RestorePointState.Active, Trigger: RunTrigger.Policy });

    static bool IsTooOld(LocationDays days, KeptPoint point, Instant now) =>
        days.MaxDays is { } max && now - point.CompletedAt >= Duration.FromDays(max);
}
