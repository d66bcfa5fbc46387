namespace VBackup.Cli.Remote;

/// <summary>A policy's rules in words.</summary>
static class PolicyText
{
    public static IEnumerable<(string Name, string Text)> RulesOf(RulesView rules)
    {
        if (rules.Hourly is { } hourly) yield return ("hourly", Join($"every {hourly.EveryHours} h", Keep(hourly.Keep)));
        if (rules.Daily is { } daily) yield return ("daily", Keep(daily.Keep));
        if (rules.Weekly is { } weekly) yield return ("weekly", Join(string.Join(", ", weekly.Days), Keep(weekly.Keep)));
        if (rules.Monthly is { } monthly) yield return ("monthly", Join(DayOf(monthly.On), Keep(monthly.Keep)));
        if (rules.FullPattern is { } pattern)
            yield return ("fulls", Join(pattern.Incrementals == 0 ? "every run" : $"after {pattern.Incrementals} incrementals",
                Keep(pattern.KeepFulls)));
        if (rules.Window is { } window)
            yield return ("window", Join($"begins {window.EarliestStart} to {window.LatestStart}", window.StopBy is { } stop
                ? $"stops by {stop}" : ""));
    }

    public static string TellsOf(NotificationView notification, Names names)
    {
        var whom = (notification.Recipients ?? []).Concat((notification.Webhooks ?? []).Select(id => $"webhook {names.Webhook(id)}"));
        var when = notification switch
        {
            { OnSuccess: true, OnFailure: true } => "success and failure",
            { OnSuccess: true } => "success",
            _ => "failure",
        };
        return $"{string.Join(", ", whom)} of {when}";
    }

    static string Keep(int? copies) => copies is { } count ? $"keeps {count}" : "";

    static string Join(string first, string second) => second.Length == 0 ? first : $"{first}, {second}";

    static string DayOf(DayView day) => day switch
    {
        { LastDay: true } => "last day",
        { Day: { } number } => $"day {number}",
        { Weekday: { } weekday } => $"{weekday.Week} {weekday.Day}",
        _ => "?",
    };
}
