using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Portal.Policies;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

public sealed class PolicyFaultTests
{
    static readonly PolicyRules s_good = Sample.Daily("16:00");
    static readonly PolicyWindow s_night = new(Sample.Time("22:00"), Sample.Time("02:00"), Sample.Time("06:00"));

    static readonly WebhookId s_webhook = new(new("00000001-0000-7000-8000-000000000000"));

    const string MissingKeep = "daily.keep: is missing: say how many copies are kept, or give fullPattern.keepFulls";
    const string StopsTooEarly = "window.stopBy: lies between the earliest and the latest start; it comes behind them";

    public static TheoryData<string, PolicyRules> Faulty => new()
    {
        { "launchTime: is not a whole minute", s_good with { LaunchTime = new(16, 0, 1) } },
        { "zone: is 'Mars/Olympus', which is no time zone; IANA names are such as Europe/Berlin", s_good with { Zone = "Mars/Olympus" } },
        { "zone: is 'UTC+02', which is no time zone; IANA names are such as Europe/Berlin", s_good with { Zone = "UTC+02" } },
        { "policy: never runs: give hourly, daily, weekly or monthly", s_good with { Daily = null } },
        { "hourly.everyHours: is 0; it is 1 to 23", s_good with { Hourly = new(0, 1) } },
        { "hourly.everyHours: is 24; it is 1 to 23", s_good with { Hourly = new(24, 1) } },
        { "weekly.days: names no day", s_good with { Weekly = new([], 1) } },
        { "weekly.days: names what is no day of the week", s_good with { Weekly = new([IsoDayOfWeek.None], 1) } },
        { "weekly.days: names a day twice", s_good with { Weekly = new([IsoDayOfWeek.Friday, IsoDayOfWeek.Friday], 1) } },
        { "monthly.on.day: is 0; it is 1 to 31", s_good with { Monthly = new(DayOfMonth.Numbered(0), 1) } },
        { "monthly.on.day: is 32; it is 1 to 31", s_good with { Monthly = new(DayOfMonth.Numbered(32), 1) } },
        { "monthly.on.weekday.week: is first, second, third, fourth or last", MonthlyOn(0, IsoDayOfWeek.Friday) },
        { "monthly.on.weekday.day: is no day of the week", MonthlyOn(WeekOfMonth.Last, IsoDayOfWeek.None) },
        { "monthly.on: is exactly one of day, lastDay and weekday", s_good with { Monthly = new(new(), 1) } },
        { "monthly.on: is exactly one of day, lastDay and weekday", s_good with { Monthly = new(new(1, true), 1) } },
        { MissingKeep, s_good with { Daily = new() } },
        { MissingKeep, s_good with { Daily = new(), FullPattern = new(4) } },
        { "daily.keep: is 0; it is 1 to 1000", s_good with { Daily = new(0) } },
        { "daily.keep: is 1001; it is 1 to 1000", s_good with { Daily = new(1001) } },
        { "fullPattern.incrementals: is -1; it is 0 to 1000", s_good with { FullPattern = new(-1) } },
        { "fullPattern.keepFulls: is 0; it is 1 to 1000", s_good with { FullPattern = new(1, 0) } },
        { "window.latestStart: is the earliest start too", s_good with { Window = new(new(1, 0), new(1, 0)) } },
        { "window.earliestStart: is not a whole minute", s_good with { Window = s_night with { EarliestStart = new(22, 0, 1) } } },
        { "window.latestStart: is not a whole minute", s_good with { Window = s_night with { LatestStart = new(2, 0, 1) } } },
        { "window.stopBy: is not a whole minute", s_good with { Window = s_night with { StopBy = new(6, 0, 1) } } },
        { StopsTooEarly, s_good with { Window = s_night with { StopBy = new(1, 0) } } },
        { StopsTooEarly, s_good with { Window = s_night with { StopBy = new(2, 0) } } },
        { StopsTooEarly, s_good with { Window = s_night with { StopBy = new(22, 0) } } },
        { "notification: tells nothing: set onSuccess, onFailure or both", Tells(new(Recipients: ["a@b.example"])) },
        { "notification: tells nobody: give recipients or webhooks", Tells(new(true)) },
        { "notification.recipients: has 'ops', which is no e-mail address such as ops@example.org", Tells(new(true, Recipients: ["ops"])) },
        { "notification.recipients: has '', which is no e-mail address such as ops@example.org", Tells(new(true, Recipients: [null!])) },
        { "notification.recipients: has 'Ops <ops@b.example>', which is no e-mail address such as ops@example.org",
            Tells(new(true, Recipients: ["Ops <ops@b.example>"])) },
        { "notification.recipients: names an address twice", Tells(new(true, Recipients: ["a@b.example", "A@b.example"])) },
        { "notification.recipients: has 21; it takes 20 at most",
            Tells(new(true, Recipients: [.. Enumerable.Range(0, 21).Select(i => $"a{i}@b.example")])) },
        { "notification.webhooks: names a webhook twice", Tells(new(true, Webhooks: [s_webhook, s_webhook])) },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_fault_is_one_line_that_names_the_field(string line, PolicyRules rules) =>
        Assert.Equal(line, Assert.Single(PolicyFaults.Of(rules)).ToString());

    [Fact]
    public void All_faults_are_told_at_once() => Assert.Equal(
        ["zone", "policy", "window.latestStart"],
        PolicyFaults.Of(new(new(1, 0), "", Window: new(new(1, 0), new(1, 0)))).Select(fault => fault.Field));

    [Fact]
    public void A_policy_without_copies_and_without_pattern_is_refused_for_each_of_its_rules() => Assert.Equal(
        ["hourly.keep", "monthly.keep"],
        PolicyFaults.Of(new(new(1, 0), "UTC", Hourly: new(4), Monthly: new(DayOfMonth.Last))).Select(fault => fault.Field));

    public static TheoryData<PolicyRules> Good => new(
        s_good,
        Sample.WorkedCase,
        s_good with { Hourly = new(5), FullPattern = new(0, 1) },
        s_good with { FullPattern = new(6) },
        s_good with { Zone = "Asia/Saigon" },
        s_good with { Window = s_night },
        s_good with { Window = s_night with { StopBy = null } },
        s_good with { Window = s_night with { StopBy = new(21, 59) } });

    [Theory]
    [MemberData(nameof(Good))]
    public void A_good_policy_has_none(PolicyRules rules) => Assert.Empty(PolicyFaults.Of(rules));

    [Fact]
    public void Calendar_plan_and_retention_take_no_faulty_policy()
    {
        var faulty = s_good with { Daily = null };
        var now = Sample.Hour(0);
        Assert.Throws<ArgumentException>(() => PolicyCalendar.Next(faulty, now));
        Assert.Throws<ArgumentException>(() => PolicyCalendar.Occurrences(faulty, now, now));
        Assert.Throws<ArgumentException>(() => DuePlan.Decide(faulty, new(now, []), now));
        Assert.Throws<ArgumentException>(() => Retention.Decide(faulty, now, LocationDays.Unbounded, [], now));
    }

    static PolicyRules Tells(NotificationRule rule) => s_good with { Notification = rule };

    static PolicyRules MonthlyOn(WeekOfMonth week, IsoDayOfWeek day) => s_good with { Monthly = new(DayOfMonth.Of(week, day), 1) };
}
