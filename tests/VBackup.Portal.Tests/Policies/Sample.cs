using System.Globalization;
using NodaTime;
using NodaTime.Text;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Tests.Policies;

/// <summary>Short ways to write policies, instants and points.</summary>
static class Sample
{
    static readonly OffsetDateTimePattern s_withOffset =
        OffsetDateTimePattern.CreateWithInvariantCulture("uuuu'-'MM'-'dd' 'HH':'mm o<G>");

    /// <summary>Such as <c>2026-03-29 03:00 +02</c>: what a wall clock showed there.</summary>
    public static Instant At(string text) => s_withOffset.Parse(text).GetValueOrThrow().ToInstant();

    public static string Local(Instant at, string zone) =>
        s_withOffset.Format(at.InZone(DateTimeZoneProviders.Tzdb[zone]).ToOffsetDateTime());

    public static string[] Locals(PolicyRules rules, Instant from, Instant until) =>
        [.. PolicyCalendar.Occurrences(rules, from, until).Select(each => Local(each.At, rules.Zone))];

    /// <summary>With the tags' first letters, such as <c>2026-05-31 16:00 +02 HDWM</c>.</summary>
    public static string[] Tagged(PolicyRules rules, Instant from, Instant until) =>
        [.. PolicyCalendar.Occurrences(rules, from, until).Select(each => $"{Local(each.At, rules.Zone)} {Letters(each.Tags)}")];

    public static string Letters(RuleTags tags) =>
        string.Concat(RuleTagNames.Of(tags).Select(name => char.ToUpper(name[0], CultureInfo.InvariantCulture)));

    public static LocalTime Time(string text) => LocalTimePattern.CreateWithInvariantCulture("HH:mm").Parse(text).GetValueOrThrow();

    public static PolicyRules Daily(string launch, string zone = "UTC", int keep = 4) => new(Time(launch), zone, Daily: new(keep));

    public static PolicyRules Hourly(string launch, int hours, string zone = "UTC") => new(Time(launch), zone, Hourly: new(hours, 4));

    public static PolicyRules Monthly(DayOfMonth on, string launch = "12:00", string zone = "UTC") =>
        new(Time(launch), zone, Monthly: new(on, 12));

    /// <summary>The worked case: launch 16:00, every 4 hours, 4 incrementals between fulls, 2 fulls kept.</summary>
    public static PolicyRules WorkedCase { get; } = new(Time("16:00"), "Asia/Ho_Chi_Minh", Hourly: new(4), FullPattern: new(4, 2));

    public static RestorePointId Id(int number) => new(new Guid(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0));

    public static Instant Hour(int hours) => Instant.FromUtc(2026, 1, 1, 0, 0) + Duration.FromHours(hours);

    public static KeptPoint Point(
        int hour, RuleTags tags, PointKind kind = PointKind.Incremental, RunTrigger trigger = RunTrigger.Policy,
        RestorePointState state = RestorePointState.Active) => new(Id(hour), trigger, kind, state, tags, Hour(hour), Hour(hour));

    public static PastRun Past(
        Instant due, RuleTags tags, RunOutcome outcome = RunOutcome.Succeeded, PointKind kind = PointKind.Incremental,
        RunTrigger trigger = RunTrigger.Policy) => new(due, tags, trigger, outcome, kind);
}
