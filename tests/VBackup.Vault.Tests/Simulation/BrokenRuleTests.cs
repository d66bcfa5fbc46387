using Xunit;
using static VBackup.Vault.Tests.Simulation.StoriesOfCollecting;
using static VBackup.Vault.Tests.Simulation.StoriesOfWriting;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>Each rule of the protocol, broken on purpose, makes the simulation fail: it would notice.</summary>
public sealed class BrokenRuleTests(ITestOutputHelper output)
{
    /// <summary>The story that shows it; none for what chance brings about soon enough.</summary>
    private static readonly Dictionary<string, (Story? Story, Func<SimulatedWorld, Actor, StoreView> ViewOf)> s_rules = new()
    {
        ["R1 session before condemnations"] =
            (BackupBesideCollection, (world, actor) => new PutsSessionLate(world, actor)),
        ["R2 condemnations before packs"] =
            (ReuseOfCollected, (world, actor) => new WriterListsCondemnationsLast(world, actor)),
        ["R3 only present packs are reused"] =
            (StaleIndex, (world, actor) => new CountsOnPacksThatAreGone(world, actor, ActorKind.Writer)),
        ["R4 no condemned pack is reused"] =
            (ReuseOfCondemned, (world, actor) => new SeesNoCondemnations(world, actor)),
        ["R5 bases are checked"] = (BaseIsDeletedBefore, (world, actor) => new TakesAnyBase(world, actor)),
        ["R5 bases are checked after the session"] =
            (BaseIsDeletedBefore, (world, actor) => new ChecksBaseBeforeSession(world, actor)),
        ["R6 pack before index"] = (MergeBesideBackup, (world, actor) => new PutsIndexBeforePack(world, actor)),
        ["R7 point last"] = (null, (world, actor) => new PutsPointFirst(world, actor)),
        ["R8 revocation looked for"] = (Revoked, (world, actor) => new IgnoresItsRevocation(world, actor)),
        ["R8 revocation looked for after the point"] =
            (Revoked, (world, actor) => new LooksForItsRevocationTooEarly(world, actor)),
        ["R9 ended sessions stay"] =
            (BaseIsDeletedMeanwhile, (world, actor) => new EndedSessionsVanish(world, actor)),
        ["R10 no end in doubt"] = (PointInDoubt, (world, actor) => new EndsInDoubt(world, actor)),
        ["R11 packs do not come back"] = (PackComesBack, (world, actor) => new PacksComeBack(world, actor)),
        ["R12 registrations do not come back"] =
            (Expelled, (world, actor) => new RegistrationsComeBack(world, actor)),
        ["R13 readers put a session"] =
            (ReadingWhatIsDeleted, (world, actor) => new ReadersPutNoSession(world, actor)),
        ["R14 readers read the index again"] =
            (ReadingAmongMerges, (world, actor) => new ReadersReadTheIndexOnce(world, actor)),
        ["R15 readers look at packs"] = (ReadingAmongMerges, (world, actor) => new ReadersListNoPacks(world, actor)),
        ["R16 readers look for their revocation"] =
            (ReadingWhatIsDeleted, (world, actor) => new ReadersIgnoreTheirRevocation(world, actor)),
        ["R17 points before sessions"] =
            (BaseIsDeletedMeanwhile, (world, actor) => new ListsSessionsBeforePoints(world, actor)),
        ["R18 points read before sessions"] =
            (BaseIsDeletedWhileRead, (world, actor) => new ReadsPointsAfterSessions(world, actor)),
        ["R19 decisions before sessions"] =
            (LateDecision, (world, actor) => new ListsSessionsBeforeDecisions(world, actor)),
        ["R20 named points are live"] = (DecidedWhileMarked, (world, actor) => new ForgetsNamedPoints(world, actor)),
        ["R21 named points read before sessions"] =
            (NamedPointIsDeleted, (world, actor) => new ReadsNamedPointsAfterSessions(world, actor)),
        ["R22 registration looked for"] = (Expelled, (world, actor) => new IgnoresItsExpulsion(world, actor)),
        ["R23 bases of ended sessions are live"] =
            (BaseIsDeletedMeanwhile, (world, actor) => new ForgetsEndedSessions(world, actor)),
        ["R24 bases are live"] = (BaseIsDeletedMeanwhile, (world, actor) => new NamesNoBases(world, actor)),
        ["R25 undecided points are live"] = (null, (world, actor) => new CountsOnlyDecidedPoints(world, actor)),
        ["R26 a hidden node stops the collector"] =
            (BaseIsDeleted, (world, actor) => new TakesHiddenNodesForDead(world, actor)),
        ["R27 condemned before sessions are listed"] =
            (NotWaitedFor, (world, actor) => new CondemnsAfterListingSessions(world, actor)),
        ["R28 waits for sessions"] = (PutWhileMarked, (world, actor) => new WaitsForNobody(world, actor)),
        ["R29 revoked before points are listed"] =
            (JustBeforeItsRevocation, (world, actor) => new RevokesAfterListingPoints(world, actor)),
        ["R30 decided once"] = (TwoDecisions, (world, actor) => new DecidesAnew(world, actor)),
        ["R31 marks after the wait"] = (null, (world, actor) => new MarksBeforeWaiting(world, actor)),
        ["R32 decisions are never removed"] =
            (LeftOutAndBuiltOn, (world, actor) => new RemovesDecisions(world, actor)),
        ["R33 others' condemned packs do not count"] =
            (EachOthersCopy, (world, actor) => new SeesNoOthersCondemnations(world, actor)),
        ["R34 own condemned packs do not count"] =
            (null, (world, actor) => new SeesNoCondemnationsOfItsOwn(world, actor)),
        ["R35 condemnations before packs in step 6"] =
            (OriginalAndCopy, (world, actor) => new CollectorListsCondemnationsLast(world, actor)),
        ["R36 only present packs count"] =
            (OriginalAndCopy, (world, actor) => new CountsOnPacksThatAreGone(world, actor, ActorKind.Collector)),
        ["R37 only indexed packs count"] =
            (CopyWithoutIndex, (world, actor) => new CountsOnUnindexedPacks(world, actor)),
        ["R38 unindexed packs are read by their footers"] =
            (HiddenByMerge, (world, actor) => new TakesUnindexedPacksForEmpty(world, actor)),
        ["R39 a pack's entries stay together"] =
            (HiddenByMerge, (world, actor) => new SplitsIndexObjects(world, actor)),
        ["R40 merged before replaced"] =
            (WrittenWhileMerged, (world, actor) => new DeletesIndexBeforeMerging(world, actor)),
        ["R41 packs are listed after the index"] =
            (WrittenWhileListed, (world, actor) => new ListsPacksBeforeIndex(world, actor)),
        ["R42 only what was read is replaced"] =
            (WrittenWhileMerged, (world, actor) => new ReplacesIndexObjectsUnread(world, actor)),
        ["R43 deletes in doubt keep the condemnation"] = (null, (world, actor) => new DeletesPacksLate(world, actor)),
        ["R44 condemnations outlive their packs"] =
            (ReusedBeforeLeaving, (world, actor) => new RemovesCondemnationsFirst(world, actor)),
        ["R45 others' condemnations stay"] =
            (WokenTooLate, (world, actor) => new RemovesOthersCondemnations(world, actor)),
        ["R46 ended sessions are removed alone"] =
            (EndedIsRemoved, (world, actor) => new SeesNoOtherCollectors(world, actor)),
        ["R47 ended before collectors"] =
            (EndedIsRemoved, (world, actor) => new ListsCollectorsBeforeEnded(world, actor)),
        ["R48 expelled before not counted"] =
            (EndedIsRemovedBySuccessor, (world, actor) => new ExpelsNobody(world, actor)),
        ["R49 damaged packs are condemned first"] =
            (BesideRepair, (world, actor) => new CondemnsDamagedLast(world, actor)),
    };

    public static TheoryData<string> Rules => [.. s_rules.Keys];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Breaking_a_rule_is_noticed(string rule)
    {
        var (story, viewOf) = s_rules[rule];
        for (var seed = 0; seed < (story is null ? 3000 : 300); seed++)
        {
            try
            {
                new Simulation(seed, story, viewOf).Run();
            }
            catch (SimulationFailure failure)
            {
                output.WriteLine($"seed {seed}: {failure.Message}");
                return;
            }
        }
        Assert.Fail($"{rule}: broken, and nothing noticed it");
    }
}
