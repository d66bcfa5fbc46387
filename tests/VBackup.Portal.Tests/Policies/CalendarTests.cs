using NodaTime;
using VBackup.Portal.Policies;
using Xunit;
using static VBackup.Portal.Tests.Policies.Sample;

namespace VBackup.Portal.Tests.Policies;

public sealed class CalendarTests
{
    [Fact]
    public void Every_4_hours_from_16_00_goes_on_across_midnight() => Assert.Equal(
        [
            "2026-05-04 16:00 +07", "2026-05-04 20:00 +07", "2026-05-05 00:00 +07", "2026-05-05 04:00 +07",
            "2026-05-05 08:00 +07", "2026-05-05 12:00 +07", "2026-05-05 16:00 +07",
        ],
        Locals(WorkedCase, At("2026-05-04 16:00 +07"), At("2026-05-05 16:01 +07")));

    [Fact]
    public void Hours_that_do_not_divide_the_day_are_counted_anew_from_each_launch_time() => Assert.Equal(
        [
            "2026-05-04 16:30 Z", "2026-05-04 21:30 Z", "2026-05-05 02:30 Z", "2026-05-05 07:30 Z", "2026-05-05 12:30 Z",
            "2026-05-05 16:30 Z", "2026-05-05 21:30 Z",
        ],
        Locals(Hourly("16:30", 5), At("2026-05-04 16:00 Z"), At("2026-05-05 22:00 Z")));

    [Fact]
    public void An_instant_that_several_rules_name_comes_once_with_every_tag()
    {
        // Sunday the 31st is the last day of the month, too.
        var rules = new PolicyRules(
            Time("12:00"), "Europe/Berlin", new(12, 1), new(1), new([IsoDayOfWeek.Sunday], 1), new(DayOfMonth.Last, 1));
        Assert.Equal(
            [
                "2026-05-30 12:00 +02 HD", "2026-05-31 00:00 +02 H", "2026-05-31 12:00 +02 HDWM", "2026-06-01 00:00 +02 H",
                "2026-06-01 12:00 +02 HD",
            ],
            Tagged(rules, At("2026-05-30 06:00 +02"), At("2026-06-01 13:00 +02")));
    }

    [Fact]
    public void The_first_instant_belongs_to_the_span_and_the_last_does_not()
    {
        var rules = Daily("16:00");
        var (first, second) = (At("2026-05-04 16:00 Z"), At("2026-05-05 16:00 Z"));
        Assert.Equal([first], PolicyCalendar.Occurrences(rules, first, second).Select(each => each.At));
        Assert.Equal(second, PolicyCalendar.Next(rules, first).At);
        Assert.Equal(first, PolicyCalendar.Next(rules, first.PlusNanoseconds(-1)).At);
        Assert.Empty(PolicyCalendar.Occurrences(rules, second, first));
    }

    [Fact]
    public void Weekly_runs_on_the_chosen_days() => Assert.Equal(
        ["2026-05-04 08:00 Z W", "2026-05-08 08:00 Z W", "2026-05-11 08:00 Z W"],
        Tagged(
            new(Time("08:00"), "UTC", Weekly: new([IsoDayOfWeek.Friday, IsoDayOfWeek.Monday], 1)),
            At("2026-05-03 00:00 Z"), At("2026-05-12 00:00 Z")));

    public static TheoryData<DayOfMonth, string> DaysOfMonths => new()
    {
        {
            DayOfMonth.Numbered(31),
            "01-31 02-29 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"
        },
        {
            DayOfMonth.Numbered(30),
            "01-30 02-29 03-30 04-30 05-30 06-30 07-30 08-30 09-30 10-30 11-30 12-30"
        },
        {
            DayOfMonth.Numbered(1),
            "01-01 02-01 03-01 04-01 05-01 06-01 07-01 08-01 09-01 10-01 11-01 12-01"
        },
        {
            DayOfMonth.Last,
            "01-31 02-29 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"
        },
        {
            DayOfMonth.Of(WeekOfMonth.Last, IsoDayOfWeek.Sunday),
            "01-30 02-27 03-26 04-30 05-28 06-25 07-30 08-27 09-24 10-29 11-26 12-31"
        },
        {
            DayOfMonth.Of(WeekOfMonth.Last, IsoDayOfWeek.Tuesday),
            "01-25 02-29 03-28 04-25 05-30 06-27 07-25 08-29 09-26 10-31 11-28 12-26"
        },
        {
            DayOfMonth.Of(WeekOfMonth.First, IsoDayOfWeek.Saturday),
            "01-01 02-05 03-04 04-01 05-06 06-03 07-01 08-05 09-02 10-07 11-04 12-02"
        },
        {
            DayOfMonth.Of(WeekOfMonth.Second, IsoDayOfWeek.Tuesday),
            "01-11 02-08 03-14 04-11 05-09 06-13 07-11 08-08 09-12 10-10 11-14 12-12"
        },
        {
            DayOfMonth.Of(WeekOfMonth.Fourth, IsoDayOfWeek.Monday),
            "01-24 02-28 03-27 04-24 05-22 06-26 07-24 08-28 09-25 10-23 11-27 12-25"
        },
    };

    /// <summary>2028 is a leap year that begins on a Saturday.</summary>
    [Theory]
    [MemberData(nameof(DaysOfMonths))]
    public void Monthly_runs_on_one_day_of_each_month_of_a_leap_year(DayOfMonth on, string days) => Assert.Equal(
        days.Split(' ').Select(day => $"2028-{day} 12:00 Z"), Locals(Monthly(on), At("2028-01-01 00:00 Z"), At("2029-01-01 00:00 Z")));

    [Theory]
    [InlineData(2027, "2027-02-28 12:00 Z")]
    [InlineData(2028, "2028-02-29 12:00 Z")]
    [InlineData(2100, "2100-02-28 12:00 Z")]
    [InlineData(2400, "2400-02-29 12:00 Z")]
    public void The_29th_of_February_is_its_last_day(int year, string day) => Assert.Equal(
        [day],
        Locals(Monthly(DayOfMonth.Numbered(29)), Instant.FromUtc(year, 2, 1, 0, 0), Instant.FromUtc(year, 3, 1, 0, 0)));

    [Fact]
    public void Hours_of_the_last_evening_of_a_month_go_on_in_the_next() => Assert.Equal(
        ["2028-02-29 22:00 Z", "2028-03-01 01:00 Z", "2028-03-01 04:00 Z"],
        Locals(Hourly("22:00", 3), At("2028-02-29 20:00 Z"), At("2028-03-01 05:00 Z")));
}
