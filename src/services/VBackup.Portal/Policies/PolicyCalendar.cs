using NodaTime;
using NodaTime.TimeZones;

namespace VBackup.Portal.Policies;

/// <summary>An instant at which a policy runs, with every rule that names it.</summary>
public readonly record struct Occurrence(Instant At, RuleTags Tags);

/// <summary>
/// All rules of a policy folded into one calendar. Every slot is a local time of the policy's zone: one that does not exist is the next
/// instant that does, one that occurs twice is the earlier. Pure functions of their arguments and of NodaTime's zone database.
/// </summary>
public static class PolicyCalendar
{
    /// <summary>What runs from <paramref name="from"/> on and before <paramref name="until"/>, in order, no instant twice.</summary>
    /// <exception cref="ArgumentException">The policy has faults.</exception>
    public static IEnumerable<Occurrence> Occurrences(PolicyRules rules, Instant from, Instant until)
    {
        PolicyFaults.RefuseFaulty(rules);
        return From(rules, from).TakeWhile(each => each.At < until);
    }

    /// <summary>The first that runs after this instant, not at it.</summary>
    /// <exception cref="ArgumentException">The policy has faults.</exception>
    public static Occurrence Next(PolicyRules rules, Instant after)
    {
        PolicyFaults.RefuseFaulty(rules);
        return From(rules, after.PlusNanoseconds(1)).First();
    }

    internal static DateTimeZone ZoneOf(PolicyRules rules) => DateTimeZoneProviders.Tzdb[rules.Zone];

    /// <summary>The instant of a local time: the next valid one in a gap, the earlier of two. It never falls as local times rise.</summary>
    internal static Instant InstantOf(LocalDateTime local, DateTimeZone zone) => zone.ResolveLocal(local, s_resolver).ToInstant();

    private static readonly ZoneLocalMappingResolver s_resolver =
        Resolvers.CreateMappingResolver(Resolvers.ReturnEarlier, Resolvers.ReturnStartOfIntervalAfter);

    /// <summary>Endless, as every policy without faults runs at least once a month.</summary>
    private static IEnumerable<Occurrence> From(PolicyRules rules, Instant from)
    {
        var zone = ZoneOf(rules);
        var pending = new SortedDictionary<Instant, RuleTags>();
        // A day before, because a zone may leave a whole day out, whose slots are then at the start of the next.
        for (var day = from.InZone(zone).Date.PlusDays(-1); ; day = day.PlusDays(1))
        {
            foreach (var (local, tags) in SlotsOf(rules, day))
            {
                var at = InstantOf(local, zone);
                if (at >= from) pending[at] = pending.GetValueOrDefault(at) | tags;
            }
            // Invariant: no later day has a slot before its start. A gap at midnight can bring one of this day to that very instant.
            var settled = InstantOf(day.PlusDays(1).AtMidnight(), zone);
            while (pending.Count > 0 && pending.First() is var (first, firstTags) && first < settled)
            {
                pending.Remove(first);
                yield return new(first, firstTags);
            }
        }
    }

    private static IEnumerable<(LocalDateTime Local, RuleTags Tags)> SlotsOf(PolicyRules rules, LocalDate day)
    {
        var tags = (rules.Daily is null ? RuleTags.None : RuleTags.Daily)
            | (rules.Weekly is { } weekly && weekly.Days.Contains(day.DayOfWeek) ? RuleTags.Weekly : 0)
            | (rules.Monthly is { } monthly && IsOn(monthly.On, day) ? RuleTags.Monthly : 0);
        if (tags != RuleTags.None) yield return (day + rules.LaunchTime, tags);

        if (rules.Hourly is not { } hourly) yield break;
        // Those that yesterday's launch time began and that lie behind midnight come first; then those of today's.
        for (var hours = 0; hours < 24; hours += hourly.EveryHours)
        {
            var slot = day.PlusDays(-1) + rules.LaunchTime + Period.FromHours(hours);
            if (slot.Date == day) yield return (slot, RuleTags.Hourly);
            slot = slot.PlusDays(1);
            if (slot.Date == day) yield return (slot, RuleTags.Hourly);
        }
    }

    private static bool IsOn(DayOfMonth on, LocalDate day)
    {
        var lastDay = day.Calendar.GetDaysInMonth(day.Year, day.Month);
        if (on.LastDay) return day.Day == lastDay;
        if (on.Day is { } number) return day.Day == Math.Min(number, lastDay);
        return on.Weekday is { } weekday && day.DayOfWeek == weekday.Day
            && (weekday.Week == WeekOfMonth.Last ? day.Day > lastDay - 7 : (day.Day - 1) / 7 + 1 == (int)weekday.Week);
    }
}
