using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;
using Xunit;
using static VBackup.Portal.Tests.Policies.Sample;

namespace VBackup.Portal.Tests.Policies;

public sealed class RetentionTests
{
    static readonly Instant s_now = Hour(24 * 400);
    static readonly PolicyRules s_daily2 = Daily("00:00", keep: 2);

    [Fact]
    public void When_the_third_full_is_complete_the_first_and_its_incrementals_go()
    {
        List<KeptPoint> points = [.. Enumerable.Range(0, 10)
            .Select(i => Point(4 * i, RuleTags.Hourly, i % 5 == 0 ? PointKind.Full : PointKind.Incremental))];
        var third = Point(40, RuleTags.Hourly, PointKind.Full);

        Assert.Empty(Gone(WorkedCase, [.. points, third with { State = RestorePointState.Creating }]));
        Assert.Equal([0, 4, 8, 12, 16], Gone(WorkedCase, [.. points, third]));

        var verdicts = Decide(WorkedCase, [.. points, third]);
        Assert.Equal(["full pattern: 2 newer fulls"], verdicts[0].Departure!.Because.Skip(1));
        Assert.Equal("full pattern: full 2 of 2, or an incremental of it", Assert.Single(verdicts[5].Keeps).Text);
        Assert.Equal("full pattern: full 2 of 2, or an incremental of it", Assert.Single(verdicts[9].Keeps).Text);
        Assert.Equal("full pattern: full 1 of 2, or an incremental of it", Assert.Single(verdicts[10].Keeps).Text);
    }

    [Fact]
    public void An_incremental_of_a_dropped_full_stays_while_another_rule_keeps_it()
    {
        var rules = WorkedCase with { Weekly = new([IsoDayOfWeek.Sunday], 1), FullPattern = new(1, 1) };
        KeptPoint[] points =
        [
            Point(0, RuleTags.Hourly, PointKind.Full), Point(4, RuleTags.Hourly | RuleTags.Weekly),
            Point(8, RuleTags.Hourly, PointKind.Full),
        ];
        Assert.Equal([0], Gone(rules, points));
        Assert.Equal([new KeepReason(KeptBy.Weekly, 1, 1)], Decide(rules, points)[1].Keeps);
        Assert.Equal([0, 4], Gone(rules, [.. points, Point(12, RuleTags.Weekly)]));
    }

    [Fact]
    public void Incrementals_of_a_full_that_a_user_deleted_stay_as_long_as_it_would_have_stayed()
    {
        KeptPoint[] points =
        [
            Point(0, RuleTags.Hourly, PointKind.Full), Point(4, RuleTags.Hourly),
            Point(8, RuleTags.Hourly, PointKind.Full, state: RestorePointState.Deleted), Point(12, RuleTags.Hourly),
            Point(16, RuleTags.Hourly, PointKind.Full),
        ];
        Assert.Empty(Gone(WorkedCase, points));
        Assert.Equal([0, 4, 12], Gone(WorkedCase, [.. points, Point(20, RuleTags.Hourly, PointKind.Full), Point(24, RuleTags.Hourly)]));
    }

    [Fact]
    public void Each_rule_keeps_its_newest_copies_and_a_point_goes_when_none_does()
    {
        var rules = new PolicyRules(Time("00:00"), "UTC", Daily: new(3), Weekly: new([IsoDayOfWeek.Thursday], 2));
        // 1 January 2026 is a Thursday.
        var points = Enumerable.Range(0, 16)
            .Select(day => Point(24 * day, RuleTags.Daily | (day % 7 == 0 ? RuleTags.Weekly : 0))).ToArray();
        var kept = Decide(rules, points).Where(verdict => !verdict.IsGone(s_now)).ToList();
        Assert.Equal([7, 13, 14, 15], kept.Select(verdict => Array.IndexOf(points, verdict.Point)));
        Assert.Equal(["weekly: copy 2 of 2"], kept[0].Keeps.Select(reason => reason.Text));
        Assert.Equal(["daily: copy 2 of 3", "weekly: copy 1 of 2"], kept[2].Keeps.Select(reason => reason.Text));
        Assert.Equal(["daily: 3 newer copies", "weekly: 2 newer copies"], Decide(rules, points)[0].Departure!.Because);
    }

    [Theory]
    [InlineData(RestorePointState.Creating)]
    [InlineData(RestorePointState.Failed)]
    [InlineData(RestorePointState.SoftDeleted)]
    [InlineData(RestorePointState.Deleted)]
    public void Only_complete_points_are_copies(RestorePointState state)
    {
        KeptPoint[] points = [Point(0, RuleTags.Daily), Point(24, RuleTags.Daily), Point(48, RuleTags.Daily, state: state)];
        Assert.Empty(Gone(s_daily2, points));
        Assert.Null(Decide(s_daily2, points)[2].Departure);
        Assert.Equal([0], Gone(s_daily2, [.. points, Point(72, RuleTags.Daily)]));
    }

    [Fact]
    public void Manual_points_stay_and_are_no_copies()
    {
        KeptPoint[] points =
        [
            Point(0, RuleTags.None, PointKind.Full, RunTrigger.Manual), Point(24, RuleTags.Daily), Point(48, RuleTags.Daily),
            Point(72, RuleTags.None, PointKind.Full, RunTrigger.Manual),
        ];
        Assert.Empty(Gone(s_daily2, points));
        Assert.Equal([new KeepReason(KeptBy.Manual)], Decide(s_daily2, points)[0].Keeps);
    }

    [Fact]
    public void A_protected_point_stays_whatever_the_rules_say_and_is_a_copy_all_the_same()
    {
        KeptPoint[] points = [Point(0, RuleTags.Daily), Point(24, RuleTags.Daily), Point(48, RuleTags.Daily), Point(72, RuleTags.Daily)];
        Assert.Equal([0, 24], Gone(s_daily2, points));
        points[0] = points[0] with { IsProtected = true };
        points[3] = points[3] with { IsProtected = true };
        Assert.Equal([24], Gone(s_daily2, points));
        Assert.Equal([new KeepReason(KeptBy.Protected)], Decide(s_daily2, points)[0].Keeps);
        Assert.Equal([new KeepReason(KeptBy.Protected), new KeepReason(KeptBy.Daily, 1, 2)], Decide(s_daily2, points)[3].Keeps);
    }

    [Fact]
    public void The_newest_policy_point_stays_though_no_rule_names_it()
    {
        KeptPoint[] points = [Point(0, RuleTags.Hourly, PointKind.Full), Point(4, RuleTags.Hourly)];
        Assert.Equal([0], Gone(s_daily2, points));
        Assert.Equal([new KeepReason(KeptBy.NewestOfAll)], Decide(s_daily2, points)[1].Keeps);
        Assert.Equal([0, 4], Gone(s_daily2, [.. points, Point(24, RuleTags.Daily)]));
    }

    [Fact]
    public void A_policys_change_applies_one_minute_later()
    {
        var changedAt = Hour(100);
        KeptPoint[] points = [Point(0, RuleTags.Daily), Point(24, RuleTags.Daily), Point(48, RuleTags.Daily)];
        var before = Retention.Decide(s_daily2, changedAt, LocationDays.Unbounded, points, changedAt + Duration.FromSeconds(59))[0];
        var applies = changedAt + Duration.FromMinutes(1);
        Assert.Equal((applies, DepartureHold.PolicyChange), (before.Departure!.At, before.Departure.HeldBy));
        Assert.False(before.IsGone(changedAt + Duration.FromSeconds(59)));
        Assert.True(before.IsGone(applies));
        Assert.True(Retention.Decide(s_daily2, changedAt, LocationDays.Unbounded, points, applies)[0].IsGone(applies));
    }

    [Fact]
    public void Points_that_are_deleted_do_not_come_back_when_a_policy_keeps_more()
    {
        KeptPoint[] points = [Point(0, RuleTags.Daily, state: RestorePointState.Deleted), Point(24, RuleTags.Daily)];
        var verdict = Decide(Daily("00:00", keep: 100), points)[0];
        Assert.Equal([new KeepReason(KeptBy.NotThere)], verdict.Keeps);
        Assert.Null(verdict.Departure);
    }

    [Fact]
    public void Without_a_policy_nothing_goes()
    {
        var verdict = Assert.Single(Retention.Decide(null, Hour(0), LocationDays.Unbounded, [Point(0, RuleTags.Daily)], s_now));
        Assert.Equal([new KeepReason(KeptBy.NoPolicy)], verdict.Keeps);
        Assert.Null(verdict.Departure);
    }

    [Fact]
    public void A_point_younger_than_the_locations_minimum_waits()
    {
        KeptPoint[] points = [Point(0, RuleTags.Daily), Point(24, RuleTags.Daily), Point(48, RuleTags.Daily)];
        var departure = Retention.Decide(s_daily2, Hour(0), new(10, null), points, Hour(50))[0].Departure!;
        Assert.Equal((Hour(240), DepartureHold.LocationLock), (departure.At, departure.HeldBy));
        Assert.Equal(DepartureReason.NoRuleKeepsIt, departure.Reason);
        var justBefore = Hour(240).PlusNanoseconds(-1);
        Assert.False(Retention.Decide(s_daily2, Hour(0), new(10, null), points, justBefore)[0].IsGone(justBefore));
        Assert.True(Retention.Decide(s_daily2, Hour(0), new(10, null), points, Hour(240))[0].IsGone(Hour(240)));
    }

    [Theory]
    [InlineData(RunTrigger.Policy)]
    [InlineData(RunTrigger.Manual)]
    public void A_point_older_than_the_locations_maximum_goes_whatever_keeps_it(RunTrigger trigger)
    {
        KeptPoint[] points = [Point(0, RuleTags.Daily, PointKind.Full, trigger)];
        var before = Assert.Single(Retention.Decide(s_daily2, Hour(0), new(1, 10), points, Hour(239)));
        Assert.NotEmpty(before.Keeps);
        Assert.Equal((Hour(240), DepartureHold.UntilTooOld), (before.Departure!.At, before.Departure.HeldBy));
        Assert.False(before.IsGone(Hour(239)));

        var after = Assert.Single(Retention.Decide(s_daily2, Hour(0), new(1, 10), points, Hour(240)));
        Assert.Empty(after.Keeps);
        Assert.Equal(DepartureReason.OlderThanLocationAllows, after.Departure!.Reason);
        Assert.True(after.IsGone(Hour(240)));
        Assert.Equal(["its location keeps no point longer than 10 days"], after.Departure.Because);
    }

    [Fact]
    public void A_maximum_below_the_minimum_is_refused() => Assert.Throws<ArgumentException>(
        () => Retention.Decide(s_daily2, Hour(0), new(10, 9), [], s_now));

    [Fact]
    public void The_order_in_which_points_are_given_does_not_matter()
    {
        KeptPoint[] points = [Point(48, RuleTags.Daily), Point(0, RuleTags.Daily), Point(72, RuleTags.Daily), Point(24, RuleTags.Daily)];
        Assert.Equal([0, 24], Gone(s_daily2, points).Order());
        Assert.Equal(points, Decide(s_daily2, points).Select(verdict => verdict.Point));
    }

    static IReadOnlyList<PointVerdict> Decide(PolicyRules rules, params KeptPoint[] points) =>
        Retention.Decide(rules, Hour(-1), LocationDays.Unbounded, points, s_now);

    static int[] Gone(PolicyRules rules, params KeptPoint[] points) =>
        [.. Decide(rules, points).Where(verdict => verdict.IsGone(s_now))
            .Select(verdict => (int)(verdict.Point.TakenAt - Hour(0)).TotalHours)];
}
