using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;
using Xunit;
using static VBackup.Portal.Tests.Policies.Sample;

namespace VBackup.Portal.Tests.Policies;

public sealed class DuePlanTests
{
    static readonly Instant s_since = At("2026-05-04 00:00 Z");
    static readonly PolicyRules s_every4 = Hourly("16:00", 4);
    static readonly PolicyWindow s_night = new(Time("22:00"), Time("02:00"), Time("06:00"));

    [Fact]
    public void Nothing_is_due_before_the_first_instant_and_the_next_look_is_then()
    {
        var decision = Decide(s_every4, "2026-05-04 03:59 Z");
        Assert.Null(decision.Run);
        Assert.Empty(decision.Skipped);
        Assert.Equal(At("2026-05-04 04:00 Z"), decision.LookAgainAt);
    }

    [Fact]
    public void A_run_is_due_at_its_instant_once()
    {
        var decision = Decide(s_every4, "2026-05-04 04:00 Z");
        Assert.Equal(new DueRun(At("2026-05-04 04:00 Z"), RuleTags.Hourly, RuleTags.None, PointKind.Full, null, null), decision.Run);
        Assert.Equal(At("2026-05-04 08:00 Z"), decision.LookAgainAt);
        foreach (var outcome in Enum.GetValues<RunOutcome>())
            Assert.Null(Decide(s_every4, "2026-05-04 04:00 Z", Past(At("2026-05-04 04:00 Z"), RuleTags.Hourly, outcome)).Run);
    }

    [Fact]
    public void What_was_due_when_the_plan_began_is_not_made_up_for() =>
        Assert.Null(DuePlan.Decide(s_every4, new(At("2026-05-04 04:00 Z"), []), At("2026-05-04 04:00 Z")).Run);

    [Fact]
    public void After_downtime_the_latest_missed_run_starts_and_the_others_are_recorded_as_skipped()
    {
        var decision = Decide(s_every4, "2026-05-04 17:10 Z", Past(At("2026-05-04 04:00 Z"), RuleTags.Hourly, kind: PointKind.Full));
        Assert.Equal(At("2026-05-04 16:00 Z"), decision.Run!.DueAt);
        Assert.Equal(PointKind.Incremental, decision.Run.Kind);
        Assert.Equal(
            [Superseded("2026-05-04 08:00 Z", "2026-05-04 16:00 Z"), Superseded("2026-05-04 12:00 Z", "2026-05-04 16:00 Z")],
            decision.Skipped);
        Assert.Equal("it had not started when the run of 2026-05-04T16:00:00Z came due", decision.Skipped[0].Text);
    }

    [Theory]
    [InlineData(RunTrigger.Policy)]
    [InlineData(RunTrigger.Manual)]
    public void While_a_run_goes_on_what_comes_due_is_recorded_as_skipped(RunTrigger trigger)
    {
        var busy = Past(At("2026-05-04 04:00 Z"), RuleTags.Hourly, RunOutcome.GoingOn, trigger: trigger);
        var decision = DuePlan.Decide(s_every4, new(At("2026-05-04 04:00 Z"), [busy]), At("2026-05-04 12:00 Z"));
        Assert.Null(decision.Run);
        Assert.Equal(
            [
                new(At("2026-05-04 08:00 Z"), RuleTags.Hourly, SkipReason.RunGoingOn, busy.DueAt),
                new SkippedRun(At("2026-05-04 12:00 Z"), RuleTags.Hourly, SkipReason.RunGoingOn, busy.DueAt),
            ],
            decision.Skipped);
        Assert.Equal("the run of 2026-05-04T04:00:00Z was still going on", decision.Skipped[0].Text);
    }

    [Fact]
    public void While_the_server_is_restored_in_place_what_comes_due_is_recorded_as_skipped()
    {
        var asked = At("2026-05-04 07:30 Z");
        var decision = DuePlan.Decide(s_every4, new(At("2026-05-04 04:00 Z"), [], asked), At("2026-05-04 08:00 Z"));
        Assert.Null(decision.Run);
        Assert.Equal([new SkippedRun(At("2026-05-04 08:00 Z"), RuleTags.Hourly, SkipReason.RestoreGoingOn, asked)], decision.Skipped);
        Assert.Equal(At("2026-05-04 12:00 Z"), decision.LookAgainAt);
    }

    [Theory]
    [InlineData(RunOutcome.Failed)]
    [InlineData(RunOutcome.Cancelled)]
    [InlineData(RunOutcome.WindowClosed)]
    [InlineData(RunOutcome.Skipped)]
    public void A_run_that_left_no_point_hands_its_tags_to_the_next(RunOutcome outcome)
    {
        var rules = Daily("16:00") with { Weekly = new([IsoDayOfWeek.Sunday], 5), Monthly = new(DayOfMonth.Last, 12) };
        // Sunday 31 May is weekly and monthly.
        PastRun[] runs =
        [
            Past(At("2026-05-30 16:00 Z"), RuleTags.Daily, kind: PointKind.Full),
            Past(At("2026-05-31 16:00 Z"), RuleTags.Daily | RuleTags.Weekly | RuleTags.Monthly, outcome),
        ];
        var run = Decide(rules, "2026-06-01 16:00 Z", runs).Run!;
        Assert.Equal("DWM", Letters(run.CarriedTags));
        Assert.Equal("DWM", Letters(run.Tags));

        // It succeeds, and the next carries nothing.
        var next = Decide(rules, "2026-06-02 16:00 Z", [.. runs, Past(run.DueAt, run.Tags)]).Run!;
        Assert.Equal(("", "D"), (Letters(next.CarriedTags), Letters(next.Tags)));
    }

    [Fact]
    public void Tags_of_runs_that_are_skipped_just_now_go_to_the_run_that_starts()
    {
        var rules = s_every4 with { Weekly = new([IsoDayOfWeek.Monday], 5) };
        var run = Decide(rules, "2026-05-04 20:00 Z").Run!;
        Assert.Equal(At("2026-05-04 20:00 Z"), run.DueAt);
        Assert.Equal("HW", Letters(run.Tags));
    }

    [Fact]
    public void A_manual_run_takes_over_no_tags_and_takes_none_away()
    {
        var rules = Daily("16:00") with { Weekly = new([IsoDayOfWeek.Sunday], 5) };
        var run = Decide(rules, "2026-05-11 16:00 Z",
            Past(At("2026-05-10 16:00 Z"), RuleTags.Daily | RuleTags.Weekly, RunOutcome.Failed),
            Past(At("2026-05-10 18:00 Z"), RuleTags.None, trigger: RunTrigger.Manual, kind: PointKind.Full)).Run!;
        Assert.Equal("DW", Letters(run.Tags));
        Assert.Equal(PointKind.Full, run.Kind);
    }

    [Fact]
    public void Tags_of_rules_that_the_policy_has_no_more_are_not_carried() => Assert.Equal(
        RuleTags.Daily,
        Decide(Daily("16:00"), "2026-05-11 16:00 Z", Past(At("2026-05-10 16:00 Z"), RuleTags.Weekly, RunOutcome.Failed)).Run!.Tags);

    [Fact]
    public void The_pattern_of_the_worked_case_is_a_full_and_four_incrementals()
    {
        var (since, runs) = (At("2026-05-04 15:00 +07"), new List<PastRun>());
        foreach (var occurrence in PolicyCalendar.Occurrences(WorkedCase, since, At("2026-05-06 12:00 +07")))
        {
            var run = DuePlan.Decide(WorkedCase, new(since, runs), occurrence.At).Run!;
            runs.Add(Past(run.DueAt, run.Tags, kind: run.Kind));
        }
        Assert.Equal("FiiiiFiiiiF", string.Concat(runs.Select(run => run.Kind == PointKind.Full ? 'F' : 'i')));
        Assert.Equal("2026-05-05 12:00 +07", Local(runs[5].DueAt, WorkedCase.Zone));
    }

    [Theory]
    [InlineData("", PointKind.Full)]
    [InlineData("F", PointKind.Incremental)]
    [InlineData("Fii", PointKind.Full)]
    [InlineData("Fiix", PointKind.Full)]
    [InlineData("Fix", PointKind.Incremental)]
    [InlineData("Fixx", PointKind.Incremental)]
    [InlineData("xx", PointKind.Full)]
    // An incremental that became a full by itself begins the pattern anew.
    [InlineData("FiF", PointKind.Incremental)]
    [InlineData("FiFii", PointKind.Full)]
    public void The_pattern_counts_what_succeeded_since_the_last_full(string runs, PointKind expected)
    {
        var history = runs.Select((letter, i) => Past(
            s_since + Duration.FromHours(4 * i + 4), RuleTags.Hourly, letter == 'x' ? RunOutcome.Failed : RunOutcome.Succeeded,
            letter == 'F' ? PointKind.Full : PointKind.Incremental));
        // The order in which runs are given does not matter.
        var run = Decide(s_every4 with { FullPattern = new(2) }, "2026-05-05 12:00 Z", [.. history.Reverse()]).Run!;
        Assert.Equal(expected, run.Kind);
    }

    [Fact]
    public void Without_a_pattern_one_full_is_enough()
    {
        var runs = Enumerable.Range(1, 500).Select(day => Past(
            s_since + Duration.FromDays(day), RuleTags.Daily, kind: day == 1 ? PointKind.Full : PointKind.Incremental));
        Assert.Equal(PointKind.Incremental, DuePlan.Decide(
            Daily("16:00"), new(s_since, [.. runs]), s_since + Duration.FromDays(502)).Run!.Kind);
    }

    [Fact]
    public void No_incrementals_between_fulls_makes_every_run_a_full() => Assert.Equal(
        PointKind.Full,
        Decide(
            Daily("16:00") with { FullPattern = new(0) }, "2026-05-05 16:00 Z",
            Past(At("2026-05-04 16:00 Z"), RuleTags.Daily, kind: PointKind.Full)).Run!.Kind);

    [Theory]
    [InlineData("23:00", "2026-05-04 23:00 Z", "2026-05-04 23:00 Z")]
    [InlineData("23:00", "2026-05-05 02:00 Z", "2026-05-04 23:00 Z")]
    [InlineData("02:00", "2026-05-05 02:00 Z", "2026-05-05 02:00 Z")]
    [InlineData("16:00", "2026-05-04 22:00 Z", "2026-05-04 16:00 Z")]
    public void Within_its_window_a_run_starts(string launch, string now, string due)
    {
        var run = Decide(Daily(launch) with { Window = s_night }, now, Past(At("2026-05-04 15:00 Z"), RuleTags.Daily)).Run!;
        Assert.Equal((At(due), At("2026-05-05 02:01 Z"), At("2026-05-05 06:00 Z")), (run.DueAt, run.NotAfter, run.StopBy));
    }

    [Fact]
    public void What_is_due_outside_of_the_window_waits_for_it_to_open()
    {
        var decision = Decide(Daily("16:00") with { Window = s_night }, "2026-05-04 16:00 Z");
        Assert.Null(decision.Run);
        Assert.Empty(decision.Skipped);
        Assert.Equal(At("2026-05-04 22:00 Z"), decision.LookAgainAt);
    }

    [Fact]
    public void While_one_waits_for_the_window_a_later_one_takes_its_place()
    {
        var rules = s_every4 with { Window = s_night };
        var decision = Decide(rules, "2026-05-04 08:00 Z");
        Assert.Null(decision.Run);
        Assert.Equal([Superseded("2026-05-04 04:00 Z", "2026-05-04 08:00 Z")], decision.Skipped);
        Assert.Equal(At("2026-05-04 12:00 Z"), decision.LookAgainAt);

        var atOpening = Decide(rules, "2026-05-04 22:00 Z").Run!;
        Assert.Equal(At("2026-05-04 20:00 Z"), atOpening.DueAt);
    }

    [Fact]
    public void After_the_window_a_missed_run_is_skipped_and_the_next_takes_its_tags()
    {
        var rules = Daily("23:00") with { Weekly = new([IsoDayOfWeek.Monday], 5), Window = s_night };
        var decision = Decide(rules, "2026-05-05 02:01 Z");
        Assert.Null(decision.Run);
        var skipped = Assert.Single(decision.Skipped);
        Assert.Equal(
            new(At("2026-05-04 23:00 Z"), RuleTags.Daily | RuleTags.Weekly, SkipReason.WindowClosed, At("2026-05-05 02:01 Z")),
            skipped);
        Assert.Equal("its window closed at 2026-05-05T02:01:00Z", skipped.Text);
        Assert.Equal(At("2026-05-05 23:00 Z"), decision.LookAgainAt);

        var next = Decide(rules, "2026-05-05 23:00 Z", Past(skipped.DueAt, skipped.Tags, RunOutcome.Skipped)).Run!;
        Assert.Equal("DW", Letters(next.Tags));
    }

    [Fact]
    public void Without_a_stop_time_a_run_takes_as_long_as_it_needs() => Assert.Null(
        Decide(Daily("23:00") with { Window = s_night with { StopBy = null } }, "2026-05-04 23:00 Z").Run!.StopBy);

    static DueDecision Decide(PolicyRules rules, string now, params PastRun[] runs) => DuePlan.Decide(rules, new(s_since, runs), At(now));

    static SkippedRun Superseded(string due, string by) => new(At(due), RuleTags.Hourly, SkipReason.Superseded, At(by));
}
