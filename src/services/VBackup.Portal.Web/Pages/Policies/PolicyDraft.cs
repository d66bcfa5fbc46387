using System.Globalization;
using NodaTime;
using NodaTime.Text;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Web.Pages.Policies;

/// <summary>A policy while somebody writes it. What the form does not show stays as it was.</summary>
public sealed class PolicyDraft
{
    static readonly LocalTimePattern s_time = LocalTimePattern.Create("HH':'mm", CultureInfo.InvariantCulture);
    readonly PolicyRules? _before;

    public PolicyDraft(string zone) => Zone = zone;

    public PolicyDraft(string name, PolicyRules rules)
    {
        (_before, Name, Launch, Zone) = (rules, name, s_time.Format(rules.LaunchTime), rules.Zone);
        (IsHourly, EveryHours) = (rules.Hourly is not null, rules.Hourly?.EveryHours ?? EveryHours);
        KeepHourly = rules.Hourly is { } hourly ? hourly.Keep : KeepHourly;
        (IsDaily, KeepDaily) = (rules.Daily is not null, rules.Daily is { } daily ? daily.Keep : KeepDaily);
        (IsWeekly, KeepWeekly) = (rules.Weekly is not null, rules.Weekly is { } weekly ? weekly.Keep : KeepWeekly);
        if (rules.Weekly is not null) Days = [.. rules.Weekly.Days];
        (IsMonthly, KeepMonthly) = (rules.Monthly is not null, rules.Monthly is { } monthly ? monthly.Keep : KeepMonthly);
        if (rules.Monthly is not null) On = DayOfMonthText.Of(rules.Monthly.On);
        (HasPattern, KeepFulls) = (rules.FullPattern is not null, rules.FullPattern?.KeepFulls);
        Incrementals = rules.FullPattern?.Incrementals ?? Incrementals;
        if (rules.Window is not { } window) return;
        (HasWindow, Earliest, Latest) = (true, s_time.Format(window.EarliestStart), s_time.Format(window.LatestStart));
        StopBy = window.StopBy is { } stop ? s_time.Format(stop) : null;
    }

    public string Name { get; set; } = "";
    public string? Launch { get; set; } = "02:00";
    public string? Zone { get; set; }
    public bool IsHourly { get; set; }
    public int? EveryHours { get; set; } = 4;
    public int? KeepHourly { get; set; } = 12;
    public bool IsDaily { get; set; } = true;
    public int? KeepDaily { get; set; } = 7;
    public bool IsWeekly { get; set; }
    public int? KeepWeekly { get; set; } = 5;
    public HashSet<IsoDayOfWeek> Days { get; } = [IsoDayOfWeek.Sunday];
    public bool IsMonthly { get; set; }
    public int? KeepMonthly { get; set; } = 12;
    public string? On { get; set; } = DayOfMonthText.Of(DayOfMonth.Numbered(1));
    public bool HasPattern { get; set; }
    public int? Incrementals { get; set; } = 6;
    public int? KeepFulls { get; set; }
    public bool HasWindow { get; set; }
    public string? Earliest { get; set; } = "22:00";
    public string? Latest { get; set; } = "04:00";
    public string? StopBy { get; set; }

    /// <summary>Whether it can be read at all; <see cref="PolicyFaults"/> says what else is wrong.</summary>
    /// <param name="fault">What cannot.</param>
    public PolicyRules? Read(out PolicyFault? fault)
    {
        fault = TimeOf(Launch) is null ? new("launchTime", "is no time of day")
            : HasWindow && (TimeOf(Earliest) is null || TimeOf(Latest) is null) ? new("window", "has an earliest and a latest start")
            : string.IsNullOrWhiteSpace(Zone) ? new("zone", "is needed") : null;
        if (fault is not null) return null;
        var drawn = (_before ?? new(default, "")) with
        {
            LaunchTime = TimeOf(Launch)!.Value,
            Zone = Zone!.Trim(),
            Hourly = IsHourly ? new(EveryHours ?? 0, KeepHourly) : null,
            Daily = IsDaily ? new(KeepDaily) : null,
            Weekly = IsWeekly ? new([.. Days.Order()], KeepWeekly) : null,
            Monthly = IsMonthly ? new(DayOfMonthText.Read(On), KeepMonthly) : null,
            FullPattern = HasPattern ? new(Incrementals ?? 0, KeepFulls) : null,
            Window = HasWindow ? new(TimeOf(Earliest)!.Value, TimeOf(Latest)!.Value, TimeOf(StopBy)) : null,
        };
        fault = PolicyFaults.Of(drawn) is [var first, ..] ? first : null;
        return drawn;
    }

    // Browsers may send seconds.
    static LocalTime? TimeOf(string? text) =>
        text is { Length: >= 5 } && s_time.Parse(text[..5]) is { Success: true, Value: var time } ? time : null;
}

/// <summary>The days of a month that a policy can have, as values of a list.</summary>
static class DayOfMonthText
{
    public static IReadOnlyList<(string Value, string Word)> All { get; } =
    [
        .. Enumerable.Range(1, 31).Select(day => (Of(DayOfMonth.Numbered(day)), $"Day {day}")),
        (Of(DayOfMonth.Last), "The last day"),
        .. from week in Enum.GetValues<WeekOfMonth>()
           from day in Enum.GetValues<IsoDayOfWeek>()
           where day != IsoDayOfWeek.None
           select (Of(DayOfMonth.Of(week, day)), $"The {week.ToString().ToLowerInvariant()} {day}"),
    ];

    public static string Of(DayOfMonth on) => on switch
    {
        { LastDay: true } => "last",
        { Weekday: { } weekday } => $"{(int)weekday.Week}-{(int)weekday.Day}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{on.Day}"),
    };

    /// <returns>No day at all for what is none of <see cref="All"/>; the policy is then refused.</returns>
    public static DayOfMonth Read(string? text) =>
        text == "last" ? DayOfMonth.Last
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var day) ? DayOfMonth.Numbered(day)
        : text?.Split('-') is [var week, var weekday]
            && int.TryParse(week, NumberStyles.None, CultureInfo.InvariantCulture, out var nth)
            && int.TryParse(weekday, NumberStyles.None, CultureInfo.InvariantCulture, out var of)
            ? DayOfMonth.Of((WeekOfMonth)nth, (IsoDayOfWeek)of)
        : new();
}
