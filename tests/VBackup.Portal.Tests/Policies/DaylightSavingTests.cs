using VBackup.Portal.Policies;
using Xunit;
using static VBackup.Portal.Tests.Policies.Sample;

namespace VBackup.Portal.Tests.Policies;

/// <summary>What the wall clocks of several zones do in 2026, and on which instants a policy runs then.</summary>
public sealed class DaylightSavingTests
{
    [Theory]
    // Forward: the time of the middle day does not exist.
    [InlineData("Europe/Berlin", "02:30", "2026-03-28 00:00 +01",
        "2026-03-28 02:30 +01", "2026-03-29 03:00 +02", "2026-03-30 02:30 +02")]
    [InlineData("Europe/Berlin", "02:00", "2026-03-28 00:00 +01",
        "2026-03-28 02:00 +01", "2026-03-29 03:00 +02", "2026-03-30 02:00 +02")]
    [InlineData("America/New_York", "02:30", "2026-03-07 00:00 -05",
        "2026-03-07 02:30 -05", "2026-03-08 03:00 -04", "2026-03-09 02:30 -04")]
    [InlineData("Australia/Lord_Howe", "02:15", "2026-10-03 00:00 +10:30",
        "2026-10-03 02:15 +10:30", "2026-10-04 02:30 +11", "2026-10-05 02:15 +11")]
    // Back: the time of the middle day occurs twice.
    [InlineData("Europe/Berlin", "02:30", "2026-10-24 00:00 +02",
        "2026-10-24 02:30 +02", "2026-10-25 02:30 +02", "2026-10-26 02:30 +01")]
    [InlineData("Europe/Berlin", "03:00", "2026-10-24 00:00 +02",
        "2026-10-24 03:00 +02", "2026-10-25 03:00 +01", "2026-10-26 03:00 +01")]
    [InlineData("America/New_York", "01:30", "2026-10-31 00:00 -04",
        "2026-10-31 01:30 -04", "2026-11-01 01:30 -04", "2026-11-02 01:30 -05")]
    [InlineData("Australia/Lord_Howe", "01:45", "2026-04-04 00:00 +11",
        "2026-04-04 01:45 +11", "2026-04-05 01:45 +11", "2026-04-06 01:45 +10:30")]
    // Midnight itself does not exist.
    [InlineData("Africa/Cairo", "00:00", "2026-04-23 00:00 +02",
        "2026-04-23 00:00 +02", "2026-04-24 01:00 +03", "2026-04-25 00:00 +03")]
    // No daylight saving.
    [InlineData("Asia/Ho_Chi_Minh", "02:30", "2026-03-28 00:00 +07",
        "2026-03-28 02:30 +07", "2026-03-29 02:30 +07", "2026-03-30 02:30 +07")]
    public void A_daily_run_is_once_a_day(string zone, string launch, string from, params string[] expected) => Assert.Equal(
        expected, Locals(Daily(launch, zone), At(from), At(expected[^1]).PlusNanoseconds(1)));

    [Theory]
    [InlineData("Europe/Berlin", "2026-03-29 00:30 +01",
        "2026-03-29 00:30 +01", "2026-03-29 01:30 +01", "2026-03-29 03:00 +02", "2026-03-29 03:30 +02")]
    [InlineData("Europe/Berlin", "2026-10-25 01:00 +02",
        "2026-10-25 01:30 +02", "2026-10-25 02:30 +02", "2026-10-25 03:30 +01")]
    [InlineData("America/New_York", "2026-11-01 00:00 -04",
        "2026-11-01 00:30 -04", "2026-11-01 01:30 -04", "2026-11-01 02:30 -05")]
    [InlineData("Australia/Lord_Howe", "2026-10-04 01:00 +10:30",
        "2026-10-04 01:30 +10:30", "2026-10-04 02:30 +11", "2026-10-04 03:30 +11")]
    [InlineData("Australia/Lord_Howe", "2026-04-05 01:00 +11", "2026-04-05 01:30 +11", "2026-04-05 02:30 +10:30")]
    public void Hourly_runs_follow_the_wall_clock(string zone, string from, params string[] expected) => Assert.Equal(
        expected, Locals(Hourly("00:30", 1, zone), At(from), At(expected[^1]).PlusNanoseconds(1)));

    [Fact]
    public void Slots_that_a_gap_brings_to_one_instant_run_once_with_the_tags_of_both() => Assert.Equal(
        ["2026-03-29 00:30 +01 H", "2026-03-29 03:00 +02 HD"],
        Tagged(
            new(Time("02:30"), "Europe/Berlin", Hourly: new(22, 1), Daily: new(1)),
            At("2026-03-29 00:00 +01"), At("2026-03-29 12:00 +02")));

    [Fact]
    public void A_day_that_a_zone_leaves_out_runs_with_the_next() =>
        // Samoa went across the date line and had no 30 December 2011.
        Assert.Equal(
            ["2011-12-29 00:00 -10 D", "2011-12-31 00:00 +14 D", "2012-01-01 00:00 +14 D"],
            Tagged(Daily("00:00", "Pacific/Apia"), At("2011-12-29 00:00 -10"), At("2012-01-01 00:01 +14")));

    [Fact]
    public void A_window_follows_the_wall_clock_too()
    {
        // The night in which clocks go back is an hour longer: the window from 22:00 to 04:00, stop by 06:00, has 7 and 9 hours.
        var rules = Daily("22:00", "Europe/Berlin") with { Window = new(Time("22:00"), Time("04:00"), Time("06:00")) };
        var due = At("2026-10-24 22:00 +02");
        var run = DuePlan.Decide(rules, new(due.PlusNanoseconds(-1), []), due).Run!;
        Assert.Equal(At("2026-10-25 04:01 +01"), run.NotAfter);
        Assert.Equal(At("2026-10-25 06:00 +01"), run.StopBy);
    }
}
