using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup policy create</c>: docs/policies.md, as flags. The Portal says what is wrong with the rules.</summary>
static class NewPolicy
{
    const int FileSizeMax = 64 * 1024;
    static readonly string[] s_days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    static readonly string[] s_weeks = ["first", "second", "third", "fourth", "last"];

    static readonly Argument<string> s_name = new("NAME") { Description = "What plans call it." };
    static readonly Option<string> s_file =
        new("--file") { HelpName = "FILE",
            Description = "The rules as JSON, as docs/policies.md has them, in place of all other options." };
    static readonly Option<string> s_at =
        new("--at") { HelpName = "HH:mm",
            Description = "The launch time: of daily, weekly and monthly runs, and from which hourly ones are counted." };
    static readonly Option<string> s_zone =
        new("--zone") { HelpName = "ZONE",
            Description = "The time zone of all times, such as Europe/Berlin; this machine's, if not said." };
    static readonly Option<string?> s_daily =
        new("--daily") { HelpName = "HH:mm", Description = "Every day; with a time, that is the launch time.",
            Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<int?> s_hourly = new("--hourly") { HelpName = "N", Description = "Every N hours from the launch time." };
    static readonly Option<string> s_weekly = new("--weekly") { HelpName = "DAYS", Description = "On these days, such as mon,fri." };
    static readonly Option<string> s_monthly =
        new("--monthly") { HelpName = "DAY", Description = "On a day of the month: 1 to 31, last-day, or such as second-tue or last-sun." };
    static readonly Option<int?> s_keepHourly = Keep("--keep-hourly", "hourly");
    static readonly Option<int?> s_keepDaily = Keep("--keep-daily", "daily");
    static readonly Option<int?> s_keepWeekly = Keep("--keep-weekly", "weekly");
    static readonly Option<int?> s_keepMonthly = Keep("--keep-monthly", "monthly");
    static readonly Option<int?> s_incrementals =
        new("--incrementals") { HelpName = "N", Description = "How many incrementals come between two fulls; 0 makes every run a full." };
    static readonly Option<int?> s_keepFulls =
        new("--keep-fulls") { HelpName = "N",
            Description = "With --incrementals: how many fulls are kept, with the incrementals that follow them." };
    static readonly Option<string> s_window =
        new("--window") { HelpName = "HH:mm-HH:mm", Description = "Runs begin only then, such as 22:00-02:30." };
    static readonly Option<string> s_stopBy = new("--stop-by")
        { HelpName = "HH:mm", Description = "With --window: when they must have stopped." };

    static readonly Option<string[]> s_notify = new("--notify")
        { HelpName = "WHOM", Description = "An e-mail address, or a webhook's name or id, that is told how runs end; may be repeated." };
    static readonly Option<string> s_notifyOn = new("--notify-on")
        { HelpName = "failure | success | both", Description = "With --notify: which ends are told; those that failed, if not said." };

    static readonly Option[] s_rules =
    [
        s_at, s_zone, s_daily, s_hourly, s_weekly, s_monthly, s_keepHourly, s_keepDaily, s_keepWeekly, s_keepMonthly, s_incrementals,
        s_keepFulls, s_window, s_stopBy, s_notify, s_notifyOn,
    ];

    public static Command Define() => PortalCall.Define("create", "Make a policy.", HandleAsync, [s_name, s_file, .. s_rules]);

    static Option<int?> Keep(string name, string rule) => new(name) { HelpName = "N", Description = $"How many {rule} copies are kept." };

    static async Task HandleAsync(PortalCall call)
    {
        var name = call.Get(s_name);
        // What a file says is sent as it is: the Portal knows more of it than this program may.
        var rules = call.Get(s_file) is { } file ? await ReadFileAsync(call, file).ConfigureAwait(false)
            : JsonSerializer.SerializeToElement(await ReadRulesAsync(call).ConfigureAwait(false), RemoteJson.Default.RulesView);
        var made = await call.Portal.CreateAsync("policies", new(name, rules), RemoteJson.Default.PolicyBody,
            RemoteJson.Default.PolicyView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", made.Json);
        call.Screen.Line(await Policies.TextOfAsync(call, made.Value).ConfigureAwait(false));
    }

    static async Task<JsonElement> ReadFileAsync(PortalCall call, string path)
    {
        if (s_rules.FirstOrDefault(option => call.Parsed.GetResult(option) is { Implicit: false }) is { } other)
            throw new UsageException($"give --file or {other.Name}, not both");
        var file = await InputStream.OpenAsync(path, "the policy's rules", FileSizeMax, "a policy is short", call.Stop)
            .ConfigureAwait(false);
        await using var closing = file.ConfigureAwait(false);
        try
        {
            using var document = await JsonDocument.ParseAsync(file, default, call.Stop).ConfigureAwait(false);
            return document.RootElement.Clone();
        }
        catch (JsonException wrong)
        {
            throw new RefusedException($"{path} is not JSON: {wrong.Message}");
        }
    }

    static async Task<RulesView> ReadRulesAsync(PortalCall call)
    {
        // Nobody is asked for webhooks where the flags make no policy.
        var (rules, ends) = (ReadRules(call), ReadEnds(call));
        if (ends is not var (onSuccess, onFailure)) return rules;
        List<string> recipients = [], webhooks = [];
        foreach (var whom in call.Get(s_notify)!)
        {
            if (whom.Contains('@', StringComparison.Ordinal)) recipients.Add(whom);
            else webhooks.Add((await Choice.WebhookAsync(call, whom).ConfigureAwait(false)).Value.Id);
        }
        return rules with { Notification = new(onSuccess, onFailure, recipients, webhooks) };
    }

    /// <summary>Null when nobody is to be told.</summary>
    static (bool OnSuccess, bool OnFailure)? ReadEnds(PortalCall call)
    {
        var on = call.Get(s_notifyOn);
        if (call.Get(s_notify) is not { Length: > 0 })
            return on is null ? null : throw new UsageException("--notify-on goes with --notify");
        return on switch
        {
            null or "failure" => (false, true),
            "success" => (true, false),
            "both" => (true, true),
            _ => throw new UsageException($"--notify-on {on}: there are failure, success and both"),
        };
    }

    static RulesView ReadRules(PortalCall call)
    {
        var (at, daily) = (call.Get(s_at), call.Get(s_daily));
        if (at is not null && daily is not null && at != daily)
            throw new UsageException($"--at {at} and --daily {daily}: a policy has one launch time");
        var launch = at is not null ? TimeOf(s_at, at) : daily is not null ? TimeOf(s_daily, daily)
            : throw new UsageException("give the launch time: --at HH:mm, or --daily HH:mm");
        return new(launch, call.Get(s_zone) ?? TimeZoneInfo.Local.Id,
            call.Get(s_hourly) is { } hours ? new(hours, call.Get(s_keepHourly)) : Without<HourlyView>(call, s_keepHourly, s_hourly),
            call.Parsed.GetResult(s_daily) is not null ? new(call.Get(s_keepDaily)) : Without<DailyView>(call, s_keepDaily, s_daily),
            call.Get(s_weekly) is { } days ? new(ReadDays(days), call.Get(s_keepWeekly))
                : Without<WeeklyView>(call, s_keepWeekly, s_weekly),
            call.Get(s_monthly) is { } day ? new(ReadDay(day), call.Get(s_keepMonthly))
                : Without<MonthlyView>(call, s_keepMonthly, s_monthly),
            call.Get(s_incrementals) is { } count ? new(count, call.Get(s_keepFulls))
                : Without<PatternView>(call, s_keepFulls, s_incrementals),
            ReadWindow(call));
    }

    /// <summary>Copies of a rule that is not there are a mistake.</summary>
    static T? Without<T>(PortalCall call, Option<int?> keep, Option rule) where T : class =>
        call.Get(keep) is null ? null : throw new UsageException($"{keep.Name} goes with {rule.Name}");

    static WindowView? ReadWindow(PortalCall call)
    {
        var stopBy = call.Get(s_stopBy);
        if (call.Get(s_window) is not { } text) return stopBy is null ? null : throw new UsageException("--stop-by goes with --window");
        return text.Split('-') is [{ Length: > 0 } earliest, { Length: > 0 } latest]
            ? new(TimeOf(s_window, earliest), TimeOf(s_window, latest), stopBy is null ? null : TimeOf(s_stopBy, stopBy))
            : throw new UsageException($"--window {text}: give two times, such as 22:00-02:30");
    }

    static string TimeOf(Option option, string text) =>
        TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? text
            : throw new UsageException($"{option.Name} {text} is not a time of day: give one such as 02:00");

    static IReadOnlyList<string> ReadDays(string text) => [.. text.Split(',').Select(day => DayNamed(day.Trim())
        ?? throw new UsageException($"--weekly {text}: give days, such as mon,fri"))];

    static DayView ReadDay(string text)
    {
        if (text == "last-day") return new(LastDay: true);
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return new(Day: number);
        return text.Split('-') is [var week, var day] && s_weeks.Contains(week) && DayNamed(day) is { } named
            ? new(Weekday: new(week, named))
            : throw new UsageException($"--monthly {text}: give 1 to 31, last-day, or such as second-tue or last-sun");
    }

    /// <summary>By the whole name, or its first three letters.</summary>
    static string? DayNamed(string text) =>
        s_days.FirstOrDefault(day => day.Equals(text, StringComparison.OrdinalIgnoreCase)
            || day[..3].Equals(text, StringComparison.OrdinalIgnoreCase));
}
