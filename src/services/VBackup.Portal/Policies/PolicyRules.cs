using System.Text.Json;
using System.Text.Json.Serialization;
using NodaTime;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Policies;

/// <summary>
/// When a policy runs, what it keeps and whom it tells, as it is saved and as the API shows it: its JSON never changes, see <see
/// cref="PolicyJson"/>. At least one of the four frequencies is given, in any combination; <see cref="PolicyFaults"/> says what is wrong
/// with one.
/// </summary>
/// <param name="LaunchTime">
/// The local time of day of daily, weekly and monthly runs, from which hourly ones are counted. Whole minutes.
/// </param>
/// <param name="Zone">The IANA name of the time zone of every local time of the policy.</param>
public sealed record PolicyRules(
    LocalTime LaunchTime, string Zone, HourlyRule? Hourly = null, DailyRule? Daily = null, WeeklyRule? Weekly = null,
    MonthlyRule? Monthly = null, FullPattern? FullPattern = null, PolicyWindow? Window = null, NotificationRule? Notification = null)
{
    /// <summary>How many copies the rule keeps; null where there is no such rule, or it keeps none of its own.</summary>
    /// <param name="tag">One rule.</param>
    public int? KeepOf(RuleTags tag) => tag switch
    {
        RuleTags.Hourly => Hourly?.Keep,
        RuleTags.Daily => Daily?.Keep,
        RuleTags.Weekly => Weekly?.Keep,
        RuleTags.Monthly => Monthly?.Keep,
        _ => throw new ArgumentOutOfRangeException(nameof(tag), tag, "not one rule"),
    };

    /// <summary>Whether both run at the same instants, in the same windows, and keep the same points: all but whom they tell.</summary>
    public bool RunsAndKeepsAs(PolicyRules other) => Bare(this) == Bare(other);

    // As it is saved: lists of records are equal there when what is in them is.
    static string Bare(PolicyRules rules) =>
        JsonSerializer.Serialize(rules with { Notification = null }, PolicyJson.Default.PolicyRules);

    /// <summary>The rules that the policy has.</summary>
    [JsonIgnore]
    public RuleTags Tags =>
        (Hourly is null ? 0 : RuleTags.Hourly) | (Daily is null ? 0 : RuleTags.Daily)
        | (Weekly is null ? 0 : RuleTags.Weekly) | (Monthly is null ? 0 : RuleTags.Monthly);
}

/// <summary>Every so many hours around the clock, counted anew each day from the launch time.</summary>
/// <param name="Keep">How many copies; null when only the full pattern keeps them. So with the other rules.</param>
public sealed record HourlyRule(int EveryHours, int? Keep = null);

/// <summary>Every day at the launch time.</summary>
public sealed record DailyRule(int? Keep = null);

/// <summary>On the chosen days of every week at the launch time.</summary>
public sealed record WeeklyRule(IReadOnlyList<IsoDayOfWeek> Days, int? Keep = null);

/// <summary>On one day of every month at the launch time.</summary>
public sealed record MonthlyRule(DayOfMonth On, int? Keep = null);

/// <summary>Which day of a month: exactly one of the three is given.</summary>
/// <param name="Day">1 to 31. A month that is shorter has it on its last day.</param>
/// <param name="Weekday">Such as the second Tuesday, or the last Sunday.</param>
public sealed record DayOfMonth(int? Day = null, bool LastDay = false, WeekdayOfMonth? Weekday = null)
{
    public static DayOfMonth Last { get; } = new(LastDay: true);

    public static DayOfMonth Numbered(int day) => new(Day: day);

    public static DayOfMonth Of(WeekOfMonth week, IsoDayOfWeek day) => new(Weekday: new(week, day));
}

public sealed record WeekdayOfMonth(WeekOfMonth Week, IsoDayOfWeek Day);

/// <summary>Which of a month's days of the same weekday. There is no fifth, which many months lack.</summary>
[JsonConverter(typeof(EnumNameConverter<WeekOfMonth>))]
public enum WeekOfMonth
{
    [JsonStringEnumMemberName("first")] First = 1,
    [JsonStringEnumMemberName("second")] Second = 2,
    [JsonStringEnumMemberName("third")] Third = 3,
    [JsonStringEnumMemberName("fourth")] Fourth = 4,
    [JsonStringEnumMemberName("last")] Last = 5,
}

/// <summary>How often everything is read anew. Without a pattern the first run is full, and those that follow are incremental.</summary>
/// <param name="Incrementals">How many incrementals follow a full before the next full; 0 makes every run a full.</param>
/// <param name="KeepFulls">How many fulls are kept, each with the incrementals that follow it; null when the pattern keeps none.</param>
public sealed record FullPattern(int Incrementals, int? KeepFulls = null);

/// <summary>When a run may start and when it must have stopped, as local times of day. It may span midnight.</summary>
/// <param name="LatestStart">A run may still start within this minute.</param>
/// <param name="StopBy">The first such time behind the latest start; null when runs may take as long as they need.</param>
public sealed record PolicyWindow(LocalTime EarliestStart, LocalTime LatestStart, LocalTime? StopBy = null);
