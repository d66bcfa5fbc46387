using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;
using Xunit;
using static VBackup.Portal.Tests.Policies.Sample;

namespace VBackup.Portal.Tests.Policies;

/// <summary>A leap year of hourly, daily, weekly and monthly, run by run as a scheduler would do it, beside slow oracles.</summary>
public sealed class YearTests
{
    static readonly PolicyRules s_everything = new(
        Time("02:30"), "Europe/Berlin", new(4, 6), new(7), new([IsoDayOfWeek.Sunday], 5), new(DayOfMonth.Last, 12), new(5, 2));

    static readonly Instant s_begin = At("2028-01-01 00:00 +01");
    static readonly Instant s_end = At("2029-01-01 00:00 +01");

    sealed record Year(List<PastRun> Runs, List<KeptPoint> Points)
    {
        public IEnumerable<KeptPoint> Active => Points.Where(point => point.State == RestorePointState.Active);
    }

    [Theory]
    [InlineData("Europe/Berlin")]
    [InlineData("America/New_York")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("Asia/Ho_Chi_Minh")]
    public void The_calendar_of_a_year_is_what_the_wall_clock_shows(string zone)
    {
        var rules = s_everything with { Zone = zone };
        var year = PolicyCalendar.Occurrences(rules, s_begin, s_end).ToList();
        Assert.Equal(MinuteWalk.Occurrences(rules, s_begin, s_end), year);
        Assert.Equal(366 * 6, year.Count);
    }

    [Fact]
    public void At_every_instant_of_a_year_there_are_the_points_that_the_rules_keep_and_no_others()
    {
        var year = Simulate((_, _) => true, RetentionOracle);
        Assert.Equal(366 * 6, year.Runs.Count);
        Assert.All(year.Runs.Where((_, i) => i % 6 == 0), run => Assert.Equal(PointKind.Full, run.Kind));
        Assert.Equal(61 * 6, year.Runs.Count(run => run.Kind == PointKind.Full));

        // In the end: 6 of the last day and the full before, 7 days, 5 Sundays, 12 last days of months.
        string[] Kept(RuleTags tag) => [.. year.Active.Where(point => point.Tags.HasFlag(tag))
            .Select(point => Local(point.TakenAt, "Europe/Berlin")).Order()];
        Assert.Equal(
            [
                "2028-01-31 02:30 +01", "2028-02-29 02:30 +01", "2028-03-31 02:30 +02", "2028-04-30 02:30 +02", "2028-05-31 02:30 +02",
                "2028-06-30 02:30 +02", "2028-07-31 02:30 +02", "2028-08-31 02:30 +02", "2028-09-30 02:30 +02", "2028-10-31 02:30 +01",
                "2028-11-30 02:30 +01", "2028-12-31 02:30 +01",
            ],
            Kept(RuleTags.Monthly));
        Assert.Equal(
            ["2028-12-03 02:30 +01", "2028-12-10 02:30 +01", "2028-12-17 02:30 +01", "2028-12-24 02:30 +01", "2028-12-31 02:30 +01"],
            Kept(RuleTags.Weekly).TakeLast(5));
    }

    [Fact]
    public void A_year_in_which_runs_fail_loses_no_weekly_and_no_monthly_copy()
    {
        // Every run due on a Sunday or on a month's last day at the launch time fails, and every seventh of the others.
        var year = Simulate(
            (occurrence, number) => (occurrence.Tags & (RuleTags.Weekly | RuleTags.Monthly)) == 0 && number % 7 != 0, RetentionOracle);
        Assert.Contains(year.Runs, run => run.Outcome == RunOutcome.Failed && run.Tags.HasFlag(RuleTags.Monthly));
        // Each has its copy from a later run of the same day.
        var lastDays = Enumerable.Range(1, 12).Select(month => new LocalDate(2028, month, 1).PlusMonths(1).PlusDays(-1));
        Assert.Equal(lastDays, Days(RuleTags.Monthly));
        Assert.Equal([3, 10, 17, 24, 31], Days(RuleTags.Weekly).Where(day => day.Month == 12).Select(day => day.Day));

        IEnumerable<LocalDate> Days(RuleTags tag) => year.Active.Where(point => point.Tags.HasFlag(tag))
            .Select(point => point.TakenAt.InZone(DateTimeZoneProviders.Tzdb[s_everything.Zone]).Date);
    }

    [Fact]
    public void The_simulation_finds_a_retention_that_drops_a_copy()
    {
        // The oracle keeps an eighth daily copy, which the policy lets go: first of all on the eighth day.
        static IEnumerable<KeptPoint> Eight(Year year) => SlowRetention.KeptByRules(s_everything with { Daily = new(8) }, year.Active);
        var found = Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Simulate((_, _) => true, Eight));
        Assert.StartsWith("2028-01-08 02:30 +01: ", found.Message, StringComparison.Ordinal);
    }

    static IEnumerable<KeptPoint> RetentionOracle(Year year) => SlowRetention.KeptByRules(s_everything, year.Active);

    /// <summary>A scheduler that sleeps until there is something to look at. After each run there is what the oracle keeps.</summary>
    static Year Simulate(Func<Occurrence, int, bool> succeeds, Func<Year, IEnumerable<KeptPoint>> oracle)
    {
        var year = new Year([], []);
        for (var now = s_begin; now < s_end;)
        {
            // A scheduler reads what it needs: all since the last full, which is never as many as these.
            var decision = DuePlan.Decide(s_everything, new(s_begin, [.. year.Runs.TakeLast(60)]), now);
            Assert.Empty(decision.Skipped);
            if (decision.Run is { } run)
            {
                var occurrence = new Occurrence(run.DueAt, run.Tags & ~run.CarriedTags);
                var outcome = succeeds(occurrence, year.Runs.Count) ? RunOutcome.Succeeded : RunOutcome.Failed;
                year.Runs.Add(new(run.DueAt, run.Tags, RunTrigger.Policy, outcome, run.Kind));
                if (outcome == RunOutcome.Succeeded)
                    year.Points.Add(new(Id(year.Points.Count), RunTrigger.Policy, run.Kind, RestorePointState.Active, run.Tags, now, now));
                var kept = oracle(year).Select(point => point.Point).ToHashSet();
                var verdicts = Retention.Decide(s_everything, s_begin, LocationDays.Unbounded, year.Points, now);
                for (var i = 0; i < verdicts.Count; i++)
                    if (verdicts[i].IsGone(now)) year.Points[i] = year.Points[i] with { State = RestorePointState.Deleted };
                var active = year.Active.Select(point => point.Point).ToHashSet();
                Assert.True(kept.SetEquals(active), $"{Local(now, s_everything.Zone)}: {kept.Count} are kept, {active.Count} are there");
            }
            now = decision.LookAgainAt;
        }
        return year;
    }
}
