using System.Globalization;
using NodaTime;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Web.Pages.Policies;

/// <summary>A policy, as one would say it.</summary>
static class PolicyText
{
    /// <summary>Such as <c>Every day and on Sunday at 02:00, Europe/Berlin</c>.</summary>
    public static string Starts(PolicyRules rules)
    {
        List<string> days = [];
        if (rules.Daily is not null) days.Add("every day");
        if (rules.Weekly is { } weekly) days.Add($"on {Listed(weekly.Days.Select(day => day.ToString()))}");
        if (rules.Monthly is { } monthly) days.Add($"on {DayOf(monthly.On)}");
        List<string> all = [];
        if (days.Count > 0) all.Add($"{Listed(days)} at {Time(rules.LaunchTime)}");
        if (rules.Hourly is { } hourly)
            all.Add($"{(hourly.EveryHours == 1 ? "every hour" : $"every {hourly.EveryHours} hours")} from {Time(rules.LaunchTime)} on");
        var text = string.Join("; ", all);
        return text.Length == 0 ? "Never" : $"{char.ToUpperInvariant(text[0])}{text[1..]}, {rules.Zone}";
    }

    /// <summary>Such as <c>Keeps 7 daily and 5 weekly copies</c>.</summary>
    public static string Keeps(PolicyRules rules) => $"Keeps {Kept(rules)}";

    /// <summary>The same, for where it is said that this is what it keeps.</summary>
    public static string Kept(PolicyRules rules)
    {
        var copies = RuleTagNames.All.Where(rule => rules.Tags.HasFlag(rule.Tag) && rules.KeepOf(rule.Tag) is not null)
            .Select(rule => $"{rules.KeepOf(rule.Tag)} {rule.Name}").ToList();
        List<string> all = [];
        if (copies.Count > 0)
            all.Add($"{Listed(copies)} {(copies is ["1 hourly" or "1 daily" or "1 weekly" or "1 monthly"] ? "copy" : "copies")}");
        if (rules.FullPattern?.KeepFulls is { } fulls)
            all.Add(fulls == 1 ? "the last full with what follows it" : $"the last {fulls} fulls with what follows them");
        return all.Count == 0 ? "nothing" : Listed(all);
    }

    public static string Reads(PolicyRules rules) => rules.FullPattern switch
    {
        null => "The first run reads everything, those that follow what changed",
        { Incrementals: 0 } => "Every run reads everything",
        { Incrementals: var count } => $"Every {Ordinal(count + 1)} run reads everything, the others what changed",
    };

    public static string? Window(PolicyRules rules) => rules.Window is not { } window ? null
        : $"Starts from {Time(window.EarliestStart)} to {Time(window.LatestStart)}"
            + (window.StopBy is { } stop ? $", and ends by {Time(stop)} whether it is done or not" : "");

    /// <summary>When it starts next, in its own time zone.</summary>
    public static IReadOnlyList<string> Next(PolicyRules rules, Instant now, int count)
    {
        var zone = DateTimeZoneProviders.Tzdb[rules.Zone];
        return [.. PolicyCalendar.Occurrences(rules, now.PlusNanoseconds(1), Instant.MaxValue).Take(count).Select(each =>
            $"{each.At.InZone(zone).ToString("ddd d MMM uuuu, HH:mm", CultureInfo.InvariantCulture)} "
                + $"({string.Join(", ", RuleTagNames.Of(each.Tags))})")];
    }

    static string DayOf(DayOfMonth on) => on switch
    {
        { LastDay: true } => "the last day of the month",
        { Weekday: { } weekday } => $"the {weekday.Week.ToString().ToLowerInvariant()} {weekday.Day} of the month",
        { Day: { } day } => $"the {Ordinal(day)} of the month",
        _ => "no day",
    };

    static string Time(LocalTime time) => time.ToString("HH:mm", CultureInfo.InvariantCulture);

    static string Ordinal(int number) => number + ((number % 100) is >= 11 and <= 13 ? "th"
        : (number % 10) switch { 1 => "st", 2 => "nd", 3 => "rd", _ => "th" });

    static string Listed(IEnumerable<string> all) => all.ToList() switch
    {
        [] => "",
        [var one] => one,
        [.. var first, var last] => $"{string.Join(", ", first)} and {last}",
    };
}
