using NodaTime;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Tests.Policies;

/// <summary>
/// The calendar told a second time, slowly and in another way: somebody looks at the wall clock once a minute, the whole time. Minutes that
/// the clock has jumped over are looked at together with the first one behind them, and minutes that it shows again are passed over.
/// </summary>
static class MinuteWalk
{
    public static IEnumerable<Occurrence> Occurrences(PolicyRules rules, Instant from, Instant until)
    {
        var zone = DateTimeZoneProviders.Tzdb[rules.Zone];
        // A day earlier, so that it is known what the clock has shown already.
        var at = Instant.FromUnixTimeSeconds((from - Duration.FromDays(1)).ToUnixTimeSeconds() / 60 * 60);
        var shown = Clock(at) - TimeSpan.FromMinutes(1);
        for (; at < until; at += Duration.FromMinutes(1))
        {
            var tags = RuleTags.None;
            for (; shown < Clock(at); shown += TimeSpan.FromMinutes(1)) tags |= TagsOf(rules, shown + TimeSpan.FromMinutes(1));
            if (tags != RuleTags.None && at >= from) yield return new(at, tags);
        }

        DateTime Clock(Instant instant) => instant.InZone(zone).ToDateTimeUnspecified();
    }

    static RuleTags TagsOf(PolicyRules rules, DateTime shown)
    {
        var sinceLaunch = (shown.Hour * 60 + shown.Minute + 1440 - (rules.LaunchTime.Hour * 60 + rules.LaunchTime.Minute)) % 1440;
        var tags = RuleTags.None;
        if (rules.Hourly is { } hourly && sinceLaunch % (hourly.EveryHours * 60) == 0) tags |= RuleTags.Hourly;
        if (sinceLaunch != 0) return tags;
        if (rules.Daily is not null) tags |= RuleTags.Daily;
        if (rules.Weekly is { } weekly && weekly.Days.Any(day => IsDay(day, shown))) tags |= RuleTags.Weekly;
        if (rules.Monthly is { } monthly && IsMonths(monthly.On, shown)) tags |= RuleTags.Monthly;
        return tags;
    }

    static bool IsMonths(DayOfMonth on, DateTime shown)
    {
        var isLastDay = shown.AddDays(1).Day == 1;
        if (on.LastDay) return isLastDay;
        if (on.Day is { } day) return shown.Day == day || (isLastDay && shown.Day < day);
        var (week, weekday) = on.Weekday!;
        if (!IsDay(weekday, shown)) return false;
        if (week == WeekOfMonth.Last) return shown.AddDays(7).Month != shown.Month;
        // The first has none a week before it in its month, the second one, and so on.
        var before = 0;
        for (var earlier = shown.AddDays(-7); earlier.Month == shown.Month; earlier = earlier.AddDays(-7)) before++;
        return week == (WeekOfMonth)(before + 1);
    }

    static bool IsDay(IsoDayOfWeek day, DateTime shown) => (int)shown.DayOfWeek == (int)day % 7;
}
