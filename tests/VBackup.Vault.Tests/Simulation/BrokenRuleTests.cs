using System.Globalization;
using Xunit;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>Each rule of the protocol, broken on purpose, makes the simulation fail: it would notice.</summary>
public sealed class BrokenRuleTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, Func<SimulatedWorld, Actor, StoreView>> s_rules = new()
    {
        ["R1 session before condemnations"] = (world, actor) => new PutsSessionLate(world, actor),
        ["R2 condemnations before packs"] = (world, actor) => new ListsPacksBeforeCondemnations(world, actor, ActorKind.Writer),
        ["R3 only present packs are reused"] = (world, actor) => new CountsOnPacksThatAreGone(world, actor, ActorKind.Writer),
        ["R4 no condemned pack is reused"] = (world, actor) => new SeesNoCondemnations(world, actor),
        ["R5 bases are checked"] = (world, actor) => new TakesAnyBase(world, actor),
        ["R5 bases are checked after the session"] = (world, actor) => new ChecksBaseBeforeSession(world, actor),
        ["R6 pack before index"] = (world, actor) => new PutsIndexBeforePack(world, actor),
        ["R7 point last"] = (world, actor) => new PutsPointFirst(world, actor),
        ["R8 revocation looked for"] = (world, actor) => new IgnoresItsRevocation(world, actor),
        ["R8 revocation looked for after the point"] = (world, actor) => new LooksForItsRevocationTooEarly(world, actor),
        ["R9 ended sessions stay"] = (world, actor) => new EndedSessionsVanish(world, actor),
        ["R10 no end in doubt"] = (world, actor) => new EndsInDoubt(world, actor),
        ["R11 packs do not come back"] = (world, actor) => new PacksComeBack(world, actor),
        ["R12 registrations do not come back"] = (world, actor) => new RegistrationsComeBack(world, actor),
        ["R13 readers put a session"] = (world, actor) => new ReadersPutNoSession(world, actor),
        ["R14 readers read the index again"] = (world, actor) => new ReadersReadTheIndexOnce(world, actor),
        ["R15 readers look at packs"] = (world, actor) => new ReadersListNoPacks(world, actor),
        ["R16 readers look for their revocation"] = (world, actor) => new ReadersIgnoreTheirRevocation(world, actor),
        ["R17 points before sessions"] = (world, actor) => new ListsSessionsBeforePoints(world, actor),
        ["R18 points read before sessions"] = (world, actor) => new ReadsPointsAfterSessions(world, actor),
        ["R19 decisions before sessions"] = (world, actor) => new ListsSessionsBeforeDecisions(world, actor),
        ["R20 named points are live"] = (world, actor) => new ForgetsNamedPoints(world, actor),
        ["R21 named points read before sessions"] = (world, actor) => new ReadsNamedPointsAfterSessions(world, actor),
        ["R22 registration looked for"] = (world, actor) => new IgnoresItsExpulsion(world, actor),
        ["R23 bases of ended sessions are live"] = (world, actor) => new ForgetsEndedSessions(world, actor),
        ["R24 bases are live"] = (world, actor) => new NamesNoBases(world, actor),
        ["R25 undecided points are live"] = (world, actor) => new CountsOnlyDecidedPoints(world, actor),
        ["R27 condemned before sessions are listed"] = (world, actor) => new CondemnsAfterListingSessions(world, actor),
        ["R28 waits for sessions"] = (world, actor) => new WaitsForNobody(world, actor),
        ["R29 revoked before points are listed"] = (world, actor) => new RevokesAfterListingPoints(world, actor),
        ["R30 decided once"] = (world, actor) => new DecidesAnew(world, actor),
        ["R31 marks after the wait"] = (world, actor) => new MarksBeforeWaiting(world, actor),
        ["R32 decisions are never removed"] = (world, actor) => new RemovesDecisions(world, actor),
        ["R33 others' condemned packs do not count"] = (world, actor) => new SeesNoOthersCondemnations(world, actor),
        ["R34 own condemned packs do not count"] = (world, actor) => new SeesNoCondemnationsOfItsOwn(world, actor),
        ["R35 condemnations before packs in step 6"] = (world, actor) => new ListsPacksBeforeCondemnations(world, actor, ActorKind.Collector),
        ["R36 only present packs count"] = (world, actor) => new CountsOnPacksThatAreGone(world, actor, ActorKind.Collector),
        ["R38 unindexed packs are read by their footers"] = (world, actor) => new TakesUnindexedPacksForEmpty(world, actor),
        ["R39 a pack's entries stay together"] = (world, actor) => new SplitsIndexObjects(world, actor),
        ["R40 merged before replaced"] = (world, actor) => new DeletesIndexBeforeMerging(world, actor),
        ["R41 packs are listed after the index"] = (world, actor) => new ListsPacksBeforeIndex(world, actor),
        ["R42 only what was read is replaced"] = (world, actor) => new ReplacesIndexObjectsUnread(world, actor),
        ["R43 deletes in doubt keep the condemnation"] = (world, actor) => new DeletesPacksLate(world, actor),
        ["R44 condemnations outlive their packs"] = (world, actor) => new RemovesCondemnationsFirst(world, actor),
        ["R45 others' condemnations stay"] = (world, actor) => new RemovesOthersCondemnations(world, actor),
        ["R46 ended sessions are removed alone"] = (world, actor) => new SeesNoOtherCollectors(world, actor),
        ["R47 ended before collectors"] = (world, actor) => new ListsCollectorsBeforeEnded(world, actor),
        ["R48 expelled before not counted"] = (world, actor) => new ExpelsNobody(world, actor),
    };

    public static TheoryData<string> Rules => [.. s_rules.Keys];

    [Fact]
    public void Survey()
    {
        if (Environment.GetEnvironmentVariable("VBACKUP_RULES") is not { Length: > 0 } count) return;
        var only = Environment.GetEnvironmentVariable("VBACKUP_RULE") ?? "R";
        foreach (var (rule, viewOf) in s_rules)
        {
            if (!rule.StartsWith(only, StringComparison.Ordinal)) continue;
            var failures = new Dictionary<string, List<int>>();
            for (var seed = 0; seed < int.Parse(count, CultureInfo.InvariantCulture); seed++)
            {
                try { new Simulation(seed, Enum.TryParse<Scene>(Environment.GetEnvironmentVariable("VBACKUP_SCENE"), out var scene) ? scene : null, viewOf).Run(); }
                catch (SimulationFailure f)
                {
                    var m = System.Text.RegularExpressions.Regex.Replace(f.Message.Split('\n')[0], "[0-9a-f]{32,64}|[0-9]+", "#");
                    if (!failures.TryGetValue(m, out var l)) failures.Add(m, l = []);
                    l.Add(seed);
                }
            }
            Console.Error.WriteLine($"RULE {rule} {failures.Sum(f => f.Value.Count)}");
            if (Environment.GetEnvironmentVariable("VBACKUP_RULE") is not null) foreach (var (m, l) in failures.OrderByDescending(x => x.Value.Count)) Console.Error.WriteLine($"RULE        {l.Count} {m[..Math.Min(m.Length, 130)]} [{string.Join(' ', l.Take(3))}]");
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Breaking_a_rule_is_noticed(string rule)
    {
        for (var seed = 0; seed < 3000; seed++)
        {
            try
            {
                new Simulation(seed, null, s_rules[rule]).Run();
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
