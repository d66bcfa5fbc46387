using CsCheck;
using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Tests.Policies;

/// <summary>Policies and points of every kind, for properties.</summary>
static class AnyPolicy
{
    public static readonly Gen<string> Zone = Gen.OneOf(
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Ho_Chi_Minh", "Africa/Cairo", "Asia/Beirut",
        "America/Scoresbysund", "America/St_Johns", "Pacific/Apia", "UTC");

    static readonly Gen<int?> s_keep = Gen.Int[1, 6].Select(keep => (int?)keep);

    static readonly Gen<IsoDayOfWeek> s_weekday = Gen.Int[1, 7].Select(day => (IsoDayOfWeek)day);

    static readonly Gen<DayOfMonth> s_dayOfMonth = Gen.OneOf(
        Gen.OneOf(Gen.Int[1, 31], Gen.Int[29, 31]).Select(DayOfMonth.Numbered), Gen.Const(DayOfMonth.Last),
        Gen.Select(Gen.Int[1, 5], s_weekday, (week, day) => DayOfMonth.Of((WeekOfMonth)week, day)));

    /// <summary>Often at hours in which clocks change.</summary>
    static readonly Gen<LocalTime> s_time = Gen.Select(
        Gen.OneOf(Gen.Int[0, 23], Gen.Int[0, 3]), Gen.OneOf(Gen.Int[0, 59], Gen.OneOf(0, 15, 30)),
        (hour, minute) => new LocalTime(hour, minute));

    /// <summary>Any mixture of rules but none; with copies for each, and with or without a pattern.</summary>
    public static readonly Gen<PolicyRules> Rules = Gen.Select(Gen.Int[1, 15], s_time, Zone).SelectMany((rules, launch, zone) => Gen.Select(
        Gen.Select(Gen.Int[1, 23], s_keep, (hours, keep) => new HourlyRule(hours, keep)),
        s_keep,
        Gen.Select(s_weekday.Array[1, 4], s_keep, (days, keep) => new WeeklyRule([.. days.Distinct()], keep)),
        Gen.Select(s_dayOfMonth, s_keep, (on, keep) => new MonthlyRule(on, keep)),
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], (incrementals, fulls) => fulls == 0 ? null : new FullPattern(incrementals, fulls)),
        (hourly, daily, weekly, monthly, pattern) => new PolicyRules(
            launch, zone, (rules & 1) == 0 ? null : hourly, (rules & 2) == 0 ? null : new(daily), (rules & 4) == 0 ? null : weekly,
            (rules & 8) == 0 ? null : monthly, pattern)));

    /// <summary>Points by policy and by hand, full and incremental, of every state; each at its own instant, the oldest first.</summary>
    public static readonly Gen<KeptPoint[]> Points = Gen.Select(
        Gen.Int[1, 40], Gen.Int[0, 15], Gen.Int[0, 3], Gen.Int[0, 5], Gen.Int[0, 9],
        (hours, tags, kind, trigger, state) => (hours, tags, kind, trigger, state)).Array[0, 30].Select(made =>
    {
        var hour = 0;
        return made.Select(each => Sample.Point(
            hour += each.hours, (RuleTags)each.tags, each.kind == 0 ? PointKind.Full : PointKind.Incremental,
            each.trigger == 0 ? RunTrigger.Manual : RunTrigger.Policy,
            each.state < 5 ? (RestorePointState)each.state : RestorePointState.Active)).ToArray();
    });

    /// <summary>Mostly without bounds.</summary>
    public static readonly Gen<LocationDays> Days = Gen.Select(Gen.Int[-20, 30], Gen.Int[-20, 60], (min, more) => new LocationDays(
        min < 0 ? null : min, more < 0 ? null : Math.Max(min, 0) + more));
}
