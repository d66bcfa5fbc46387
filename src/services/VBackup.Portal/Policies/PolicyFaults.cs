using NodaTime;
using NodaTime.TimeZones;

namespace VBackup.Portal.Policies;

/// <summary>What is wrong with one member of a policy.</summary>
/// <param name="Field">The member as JSON names it, such as <c>weekly.days</c>; <c>policy</c> for the whole.</param>
/// <param name="Problem">What follows on the field's name, such as <c>names no day</c>.</param>
public sealed record PolicyFault(string Field, string Problem)
{
    /// <summary>For where the field is told beside it.</summary>
    public string Sentence => $"It {Problem}.";

    public override string ToString() => $"{Field}: {Problem}";
}

/// <summary>Looks a policy over before it is taken. Calendar and retention take only policies without faults.</summary>
public static class PolicyFaults
{
    /// <summary>The most copies that one rule keeps, fulls that a pattern keeps, and incrementals between two fulls.</summary>
    public const int CountMax = 1000;

    /// <returns>Every fault, in the order of the members; none when the policy is good.</returns>
    public static IReadOnlyList<PolicyFault> Of(PolicyRules rules) =>
        [.. OfTimes(rules), .. OfFrequencies(rules), .. OfKeeping(rules), .. OfWindow(rules), .. rules.Notification?.Faults() ?? []];

    /// <exception cref="ArgumentException">There are faults: whoever saved this policy has not looked.</exception>
    internal static void RefuseFaulty(PolicyRules rules)
    {
        var faults = Of(rules);
        if (faults.Count > 0) throw new ArgumentException(string.Join('\n', faults), nameof(rules));
    }

    private static IEnumerable<PolicyFault> OfTimes(PolicyRules rules)
    {
        if (!IsWholeMinute(rules.LaunchTime)) yield return new("launchTime", "is not a whole minute");
        if (!TzdbDateTimeZoneSource.Default.CanonicalIdMap.ContainsKey(rules.Zone))
            yield return new("zone", $"is '{rules.Zone}', which is no time zone; IANA names are such as Europe/Berlin");
    }

    private static IEnumerable<PolicyFault> OfFrequencies(PolicyRules rules)
    {
        if (rules.Tags == RuleTags.None) yield return new("policy", "never runs: give hourly, daily, weekly or monthly");
        if (rules.Hourly is { EveryHours: < 1 or > 23 } hourly)
            yield return new("hourly.everyHours", $"is {hourly.EveryHours}; it is 1 to 23");
        if (rules.Weekly is { } weekly)
        {
            if (weekly.Days.Count == 0) yield return new("weekly.days", "names no day");
            if (!weekly.Days.All(IsWeekday)) yield return new("weekly.days", "names what is no day of the week");
            if (weekly.Days.Distinct().Count() != weekly.Days.Count) yield return new("weekly.days", "names a day twice");
        }
        if (rules.Monthly?.On is not { } on) yield break;
        if ((on.Day is null ? 0 : 1) + (on.LastDay ? 1 : 0) + (on.Weekday is null ? 0 : 1) != 1)
            yield return new("monthly.on", "is exactly one of day, lastDay and weekday");
        if (on.Day is < 1 or > 31) yield return new("monthly.on.day", $"is {on.Day}; it is 1 to 31");
        if (on.Weekday is not { } weekday) yield break;
        if (!Enum.IsDefined(weekday.Week)) yield return new("monthly.on.weekday.week", "is first, second, third, fourth or last");
        if (!IsWeekday(weekday.Day)) yield return new("monthly.on.weekday.day", "is no day of the week");
    }

    private static IEnumerable<PolicyFault> OfKeeping(PolicyRules rules)
    {
        foreach (var (tag, name) in RuleTagNames.All)
        {
            if (!rules.Tags.HasFlag(tag)) continue;
            if (rules.KeepOf(tag) is { } keep)
            {
                if (keep is < 1 or > CountMax) yield return new($"{name}.keep", $"is {keep}; it is 1 to {CountMax}");
            }
            // What only this rule names would go as soon as it is complete.
            else if (rules.FullPattern?.KeepFulls is null)
                yield return new($"{name}.keep", "is missing: say how many copies are kept, or give fullPattern.keepFulls");
        }
        if (rules.FullPattern is not { } pattern) yield break;
        if (pattern.Incrementals is < 0 or > CountMax)
            yield return new("fullPattern.incrementals", $"is {pattern.Incrementals}; it is 0 to {CountMax}");
        if (pattern.KeepFulls is < 1 or > CountMax)
            yield return new("fullPattern.keepFulls", $"is {pattern.KeepFulls}; it is 1 to {CountMax}");
    }

    private static IEnumerable<PolicyFault> OfWindow(PolicyRules rules)
    {
        if (rules.Window is not { } window) yield break;
        if (!IsWholeMinute(window.EarliestStart)) yield return new("window.earliestStart", "is not a whole minute");
        if (!IsWholeMinute(window.LatestStart)) yield return new("window.latestStart", "is not a whole minute");
        if (window.LatestStart == window.EarliestStart) yield return new("window.latestStart", "is the earliest start too");
        if (window.StopBy is not { } stopBy) yield break;
        if (!IsWholeMinute(stopBy)) yield return new("window.stopBy", "is not a whole minute");
        // Around the clock from the earliest start, the latest start comes first.
        if (TicksAfter(window.EarliestStart, stopBy) <= TicksAfter(window.EarliestStart, window.LatestStart))
            yield return new("window.stopBy", "lies between the earliest and the latest start; it comes behind them");
    }

    private static long TicksAfter(LocalTime from, LocalTime to) =>
        (to.TickOfDay - from.TickOfDay + NodaConstants.TicksPerDay) % NodaConstants.TicksPerDay;

    private static bool IsWholeMinute(LocalTime time) => time.NanosecondOfDay % NodaConstants.NanosecondsPerMinute == 0;

    private static bool IsWeekday(IsoDayOfWeek day) => day is >= IsoDayOfWeek.Monday and <= IsoDayOfWeek.Sunday;
}
