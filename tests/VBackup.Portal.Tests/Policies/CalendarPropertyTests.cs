using CsCheck;
using NodaTime;
using VBackup.Portal.Policies;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

public sealed class CalendarPropertyTests
{
    delegate IEnumerable<Occurrence> Calendar(PolicyRules rules, Instant from, Instant until);

    /// <summary>Spans of some days anywhere in some years, often around the days on which clocks change or short months end.</summary>
    static readonly Gen<(Instant From, Instant Until)> s_span = Gen.Select(
        Gen.OneOf(
            Gen.Int[0, 3 * 365 * 24 * 60],
            Gen.Select(
                Gen.OneOf(59, 65, 86, 94, 112, 120, 276, 296, 303), Gen.Int[-3 * 24 * 60, 0], (day, minutes) => day * 24 * 60 + minutes)),
        Gen.Int[0, 8 * 24 * 60],
        (start, minutes) =>
        {
            var from = Instant.FromUtc(2026, 1, 1, 0, 0) + Duration.FromMinutes(start);
            return (from, from + Duration.FromMinutes(minutes));
        });

    [Fact]
    public void The_calendar_is_what_somebody_sees_who_looks_at_the_wall_clock_every_minute() =>
        Gen.Select(AnyPolicy.Rules, s_span)
            .Sample((rules, span) => IsAsSeen(PolicyCalendar.Occurrences, rules, span), iter: 1500, threads: 1);

    [Fact]
    public void Next_is_the_first_of_what_follows() => Gen.Select(AnyPolicy.Rules, s_span).Sample((rules, span) =>
    {
        var next = PolicyCalendar.Next(rules, span.From);
        return next.At > span.From
            && PolicyCalendar.Occurrences(rules, span.From.PlusNanoseconds(1), next.At.PlusNanoseconds(1)).SequenceEqual([next]);
    }, iter: 1000, threads: 1);

    [Fact]
    public void A_span_cut_in_two_has_the_same_instants() => Gen.Select(AnyPolicy.Rules, s_span, Gen.Double[0, 1]).Sample(
        (rules, span, part) =>
    {
        var middle = span.From + Duration.FromMinutes(Math.Floor((span.Until - span.From).TotalMinutes * part));
        return PolicyCalendar.Occurrences(rules, span.From, middle).Concat(PolicyCalendar.Occurrences(rules, middle, span.Until))
            .SequenceEqual(PolicyCalendar.Occurrences(rules, span.From, span.Until));
    }, iter: 1000, threads: 1);

    /// <summary>Wrong calendars, as they would be written by somebody who has not thought of one thing.</summary>
    static readonly Dictionary<string, Calendar> s_wrong = new()
    {
        ["a time that does not exist is moved by the length of the gap"] = (rules, from, until) =>
            PolicyCalendar.Occurrences(rules, from, until).Select(each =>
                each with { At = each.At + Shift(each.At, rules) }),
        ["the later of two is taken"] = (rules, from, until) => PolicyCalendar.Occurrences(rules, from, until).Select(each =>
        {
            var zone = DateTimeZoneProviders.Tzdb[rules.Zone];
            return each with { At = zone.MapLocal(each.At.InZone(zone).LocalDateTime).Last().ToInstant() };
        }),
        ["tags are not folded"] = (rules, from, until) => PolicyCalendar.Occurrences(rules, from, until)
            .SelectMany(each => RuleTagNames.Of(each.Tags).Select(name => each with { Tags = RuleTagNames.Parse([name]) })),
        ["hours end at midnight"] = (rules, from, until) => PolicyCalendar.Occurrences(rules, from, until).Where(each =>
            each.Tags != RuleTags.Hourly
            || each.At.InZone(DateTimeZoneProviders.Tzdb[rules.Zone]).TimeOfDay >= rules.LaunchTime),
        ["short months are left out"] = (rules, from, until) => PolicyCalendar.Occurrences(rules, from, until)
            .Select(each => rules.Monthly?.On.Day is { } day && each.At.InZone(DateTimeZoneProviders.Tzdb[rules.Zone]).Day != day
                ? each with { Tags = each.Tags & ~RuleTags.Monthly } : each)
            .Where(each => each.Tags != RuleTags.None),
    };

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_calendar_is_found(string wrong) => Planted.IsFound(() => Gen.Select(AnyPolicy.Rules, s_span)
        .Sample((rules, span) => IsAsSeen(s_wrong[wrong], rules, span), iter: 10_000, threads: 1));

    static bool IsAsSeen(Calendar calendar, PolicyRules rules, (Instant From, Instant Until) span) =>
        calendar(rules, span.From, span.Until).SequenceEqual(MinuteWalk.Occurrences(rules, span.From, span.Until));

    static Duration Shift(Instant at, PolicyRules rules)
    {
        var zone = DateTimeZoneProviders.Tzdb[rules.Zone];
        var interval = zone.GetZoneInterval(at);
        // The first instant behind a gap, where the policy names another time.
        return interval.HasStart && interval.Start == at && at.InZone(zone).Minute != rules.LaunchTime.Minute
            ? Duration.FromMinutes(rules.LaunchTime.Minute) : Duration.Zero;
    }
}
