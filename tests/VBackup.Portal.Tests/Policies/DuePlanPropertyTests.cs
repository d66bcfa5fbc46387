using CsCheck;
using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

/// <summary>Some days of a server whose scheduler looks when it likes, and whose runs take long and fail.</summary>
public sealed class DuePlanPropertyTests
{
    delegate DueDecision Deciding(PolicyRules rules, RunHistory history, Instant now);

    /// <summary>One look of the scheduler, and what becomes of the run that it starts, if any.</summary>
    sealed record Look(int MinutesLater, int RunMinutes, RunOutcome Outcome);

    sealed record Days(List<PastRun> Runs, List<(Instant At, Instant EndsAt, DueRun Run)> Started, Instant LastLook);

    static readonly Instant s_since = Instant.FromUtc(2026, 3, 26, 0, 0);

    static readonly Gen<Look[]> s_looks = Gen.Select(
        Gen.OneOf(Gen.Int[1, 90], Gen.Int[1, 3000]), Gen.Int[0, 600], Gen.Int[1, 4],
        (later, run, outcome) => new Look(later, run, (RunOutcome)outcome)).Array[1, 40];

    static readonly Gen<PolicyWindow?> s_window = Gen.Select(
        Gen.Int[0, 2], Gen.Int[0, 23], Gen.Int[1, 12], Gen.Int[1, 11], (with, earliest, start, stop) => with == 0 ? null : new PolicyWindow(
            new(earliest, 0), new((earliest + start) % 24, 0), with == 1 ? null : new((earliest + start + stop) % 24, 0)));

    static readonly Dictionary<string, Func<PolicyRules, Days, bool>> s_properties = new()
    {
        ["records each instant of the calendar once, and at most the last waits"] = (rules, days) =>
        {
            var calendar = PolicyCalendar.Occurrences(rules, s_since.PlusNanoseconds(1), days.LastLook.PlusNanoseconds(1))
                .Select(each => each.At).ToList();
            var recorded = days.Runs.Select(run => run.DueAt).ToList();
            return recorded.SequenceEqual(calendar) || (calendar.Count > 0 && recorded.SequenceEqual(calendar.SkipLast(1)));
        },
        ["never starts a run while another goes on"] = (_, days) =>
            days.Started.Zip(days.Started.Skip(1)).All(two => two.First.EndsAt <= two.Second.At),
        ["hands each tag on until a run succeeds"] = (rules, days) =>
        {
            var open = RuleTags.None;
            foreach (var run in days.Runs)
            {
                if (run.Outcome == RunOutcome.Skipped) open |= run.Tags;
                else if ((run.Tags & open) != open) return false;
                else open = run.Outcome == RunOutcome.Succeeded ? RuleTags.None : run.Tags;
            }
            return true;
        },
        ["starts no run outside of the window, and lets it stop later than it starts"] = (rules, days) =>
            rules.Window is not { } window
            || days.Started.All(each =>
                MinutesIn(window.EarliestStart, Clock(each.At, rules)) <= MinutesIn(window.EarliestStart, window.LatestStart)
                && each.At < each.Run.NotAfter && (each.Run.StopBy is { } stopBy ? stopBy >= each.Run.NotAfter : window.StopBy is null)),
        ["begins with a full, and has no more incrementals between two than the pattern says"] = (rules, days) =>
        {
            var made = string.Concat(
                days.Runs.Where(run => run.Outcome == RunOutcome.Succeeded).Select(run => run.Kind == PointKind.Full ? 'F' : 'i'));
            return made.Length == 0 || (made[0] == 'F' && (rules.FullPattern is not { } pattern
                ? made.LastIndexOf('F') == 0 : made.Split('F').Skip(1).SkipLast(1).All(part => part.Length == pattern.Incrementals)
                    && made.Split('F')[^1].Length <= pattern.Incrementals));
        },
    };

    public static TheoryData<string> Properties => [.. s_properties.Keys];

    [Theory]
    [MemberData(nameof(Properties))]
    public void The_plan(string property) => Check(s_properties[property], DuePlan.Decide, 1500);

    static readonly Dictionary<string, (string Property, Deciding Decide)> s_wrong = new()
    {
        ["does not record what it passes over"] = (
            "records each instant of the calendar once, and at most the last waits", (rules, history, now) =>
            DuePlan.Decide(rules, history, now) with { Skipped = [] }),
        ["does not see what goes on"] = ("never starts a run while another goes on", (rules, history, now) =>
            DuePlan.Decide(rules, history with { Runs = [.. history.Runs.Select(AsIfOver)] }, now)),
        ["carries no tags"] = ("hands each tag on until a run succeeds", (rules, history, now) =>
            WithoutCarriedTags(DuePlan.Decide(rules, history, now))),
        ["knows no window"] = (
            "starts no run outside of the window, and lets it stop later than it starts", (rules, history, now) =>
            DuePlan.Decide(rules with { Window = null }, history, now)),
        ["makes one incremental more"] = (
            "begins with a full, and has no more incrementals between two than the pattern says", (rules, history, now) =>
            DuePlan.Decide(rules with { FullPattern = OneMore(rules.FullPattern) }, history, now)),
    };

    static DueDecision WithoutCarriedTags(DueDecision decision) =>
        decision.Run is { } run ? decision with { Run = run with { Tags = run.Tags & ~run.CarriedTags } } : decision;

    static PastRun AsIfOver(PastRun run) => run.Outcome == RunOutcome.GoingOn ? run with { Outcome = RunOutcome.Succeeded } : run;

    static FullPattern? OneMore(FullPattern? pattern) => pattern is null ? null : pattern with { Incrementals = pattern.Incrementals + 1 };

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_plan_is_found(string wrong) =>
        Planted.IsFound(() => Check(s_properties[s_wrong[wrong].Property], s_wrong[wrong].Decide, 3000));

    [Fact]
    public void Every_property_has_a_wrong_plan_that_it_finds() =>
        Assert.Equal(s_properties.Keys.Order(), s_wrong.Values.Select(each => each.Property).Order());

    static void Check(Func<PolicyRules, Days, bool> property, Deciding decide, int cases) =>
        Gen.Select(AnyPolicy.Rules, s_window, s_looks).Sample((rules, window, looks) =>
        {
            rules = rules with { Window = window };
            return property(rules, Live(rules, looks, decide));
        }, iter: cases, threads: 1);

    static Days Live(PolicyRules rules, Look[] looks, Deciding decide)
    {
        List<PastRun> runs = [];
        List<(Instant At, Instant EndsAt, DueRun Run)> started = [];
        var now = s_since;
        (int Index, Instant EndsAt, RunOutcome Outcome)? busy = null;
        foreach (var look in looks)
        {
            now += Duration.FromMinutes(look.MinutesLater);
            if (busy is { } ending && ending.EndsAt <= now)
            {
                runs[ending.Index] = runs[ending.Index] with { Outcome = ending.Outcome };
                busy = null;
            }
            var decision = decide(rules, new(s_since, [.. runs]), now);
            runs.AddRange(decision.Skipped.Select(each => Sample.Past(each.DueAt, each.Tags, RunOutcome.Skipped)));
            if (decision.Run is not { } run) continue;
            runs.Add(Sample.Past(run.DueAt, run.Tags, RunOutcome.GoingOn, run.Kind));
            busy = (runs.Count - 1, now + Duration.FromMinutes(look.RunMinutes), look.Outcome);
            started.Add((now, busy.Value.EndsAt, run));
        }
        return new(runs, started, now);
    }

    static LocalTime Clock(Instant at, PolicyRules rules) => at.InZone(DateTimeZoneProviders.Tzdb[rules.Zone]).TimeOfDay;

    static int MinutesIn(LocalTime from, LocalTime to) => ((to.Hour - from.Hour) * 60 + to.Minute - from.Minute + 1440) % 1440;
}
