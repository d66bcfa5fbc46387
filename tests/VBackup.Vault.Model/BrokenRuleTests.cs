namespace VBackup.Vault.Model;

/// <summary>Each rule earns its place: without it, something is lost.</summary>
public sealed class BrokenRuleTests(ITestOutputHelper output)
{
    const int StatesMax = 4_000_000;

    /// <summary>The scenario in which breaking the rule loses something soonest.</summary>
    static readonly Dictionary<Rule, Func<Rule, Scenario>> Shown = new()
    {
        [Rule.SessionBeforeCondemnations] = Scenarios.Reuse,
        [Rule.CondemnationsBeforePacks] = Scenarios.Reuse,
        [Rule.ReuseOnlyPresentPacks] = Scenarios.Reuse,
        [Rule.ReuseNoCondemnedPacks] = Scenarios.Reuse,
        [Rule.BaseCheckedAfterSession] = Scenarios.Revocation,
        [Rule.PackBeforeItsIndex] = Scenarios.Consolidation,
        [Rule.PointAfterItsIndex] = Scenarios.Revocation,
        [Rule.RevocationCheckedAfterPoint] = Scenarios.Revocation,
        [Rule.EndedSessionsStay] = Scenarios.Revocation,
        [Rule.DoubtfulPointDoesNotEnd] = Scenarios.DoubtfulPut,
        [Rule.DoubtfulPointIsSettled] = Scenarios.Resumed,
        [Rule.DoubtfulPackIsGivenUp] = Scenarios.PackComesBack,
        [Rule.DoubtfulRegistrationIsGivenUp] = Scenarios.Expelled,
        [Rule.ReaderNamesItsPoint] = Scenarios.Reading,
        [Rule.ReaderLooksAgain] = Scenarios.ReadingAmongMerges,
        [Rule.ReaderListsPacksBeforeDamage] = Scenarios.ReadingAmongMerges,
        [Rule.ReaderChecksRevocationBeforeDamage] = Scenarios.Reading,
        [Rule.PointsBeforeSessions] = Scenarios.Revocation,
        [Rule.PointsReadBeforeSessions] = Scenarios.Revocation,
        [Rule.DecisionsBeforeSessions] = Scenarios.LateDecision,
        [Rule.RegistrationCheckedAfterSessions] = Scenarios.Expelled,
        [Rule.NamedPointsAreLive] = Scenarios.Revocation,
        [Rule.NamedPointsReadBeforeSessions] = Scenarios.LateDecision,
        [Rule.BasesOfEndedSessionsAreLive] = Scenarios.Revocation,
        [Rule.BasesAreLive] = Scenarios.Revocation,
        [Rule.UndecidedPointsAreLive] = Scenarios.Revocation,
        [Rule.MissingNodeStops] = Scenarios.Walking,
        [Rule.CondemnBeforeListingSessions] = Scenarios.Revocation,
        [Rule.WaitForSessions] = Scenarios.Revocation,
        [Rule.RevokeBeforeListingPoints] = Scenarios.Revocation,
        [Rule.DecisionCreatedOnce] = Scenarios.Revocation,
        [Rule.MarkAfterWaiting] = Scenarios.Revocation,
        [Rule.OthersCondemnedNotCounted] = Scenarios.TwoRepairs,
        [Rule.OwnCondemnedNotCounted] = Scenarios.Rewriting,
        [Rule.CondemnationsBeforePacksInStep6] = Scenarios.Reuse,
        [Rule.HeldOnlyInPresentPacks] = Scenarios.Reuse,
        [Rule.HeldOnlyInIndexedPacks] = Scenarios.Reuse,
        [Rule.UnindexedPacksReadByFooter] = Scenarios.Reuse,
        [Rule.EntriesOfAPackStayTogether] = Scenarios.Splitting,
        [Rule.MergedBeforeReplaced] = Scenarios.Consolidation,
        [Rule.DropOnlyAbsentOfLaterListing] = Scenarios.Consolidation,
        [Rule.ReplaceOnlyWhatWasRead] = Scenarios.Consolidation,
        [Rule.DoubtfulDeletesKeepCondemnation] = Scenarios.DeadCollector,
        [Rule.CondemnationOutlivesItsPacks] = Scenarios.Reuse,
        [Rule.OthersCondemnationsOnlyWhenPacksGone] = Scenarios.DeadCollector,
        [Rule.RemoveEndedOnlyAlone] = Scenarios.Revocation,
        [Rule.EndedListedBeforeCollectors] = Scenarios.Revocation,
        [Rule.DecisionsAreNeverRemoved] = Scenarios.LateDecision,
        [Rule.ExpelBeforeNotCounting] = Scenarios.Expelled,
        [Rule.CondemnDamagedBeforeStoringAnew] = Scenarios.RepairingPacks,
    };

    /// <summary>Orders that are only tidy, with the scenarios in which they would matter if they did.</summary>
    static readonly Dictionary<Rule, Func<Rule, Scenario>[]> Needless = new()
    {
        [Rule.IndexAfterCondemnationsForWriters] = [Scenarios.Reuse, Scenarios.Rewriting, Scenarios.Consolidation],
        [Rule.CopyBeforeCondemning] = [Scenarios.Rewriting, Scenarios.DeadCollector, Scenarios.Reading],
        [Rule.IndexBeforeDeletingPacks] = [Scenarios.Consolidation, Scenarios.Reading, Scenarios.RepairingIndex],
        [Rule.RepairHasSession] = [Scenarios.RepairingPacks, Scenarios.RepairingIndex, Scenarios.TwoRepairs],
        [Rule.IndexBeforePacksInRepair] = [Scenarios.RepairingIndex],
        [Rule.DiscardBeforeLooking] = [Scenarios.Resumed],
    };

    public static TheoryData<string> ShownRules => [.. Shown.Keys.Select(rule => rule.ToString())];

    public static TheoryData<string> NeedlessRules => [.. Needless.Keys.Select(rule => rule.ToString())];

    [Theory]
    [MemberData(nameof(ShownRules))]
    public void Breaking_the_rule_loses_something(string name)
    {
        var rule = Enum.Parse<Rule>(name);
        var exploration = Explorer.Explore(Shown[rule](rule), StatesMax);
        output.WriteLine(exploration.ToString());
        Assert.NotNull(exploration.Loss);
    }

    [Theory]
    [MemberData(nameof(NeedlessRules))]
    public void Doing_otherwise_loses_nothing(string name)
    {
        var rule = Enum.Parse<Rule>(name);
        foreach (var make in Needless[rule])
        {
            var exploration = Explorer.Explore(make(rule), StatesMax);
            output.WriteLine(exploration.ToString());
            Assert.Null(exploration.Loss);
        }
    }

    [Fact]
    public void Every_rule_is_broken_by_some_test() =>
        Assert.Empty(Enum.GetValues<Rule>().Except([Rule.None]).Except(Shown.Keys).Except(Needless.Keys));
}
