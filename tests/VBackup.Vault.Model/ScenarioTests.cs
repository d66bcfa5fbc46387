using System.Collections.Concurrent;

namespace VBackup.Vault.Model;

/// <summary>The protocol as docs/session-protocol.md has it. docs/session-table.md lists the scenarios.</summary>
public sealed class ScenarioTests(ITestOutputHelper output)
{
    const int StatesMax = 4_000_000;
    const int LargeStatesMax = 28_000_000;

    static readonly ConcurrentDictionary<string, Exploration> Explored = new();

    public static TheoryData<string> Names => [.. Scenarios.All.Select(make => make(Rule.None).Name)];

    public static TheoryData<string> LargeNames => [.. Scenarios.Large.Select(make => make(Rule.None).Name)];

    public static bool IsSoak => Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1";

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_lost_and_every_goal_is_reached(string name)
    {
        var exploration = ExplorationOf(name);
        output.WriteLine(exploration.ToString());
        Assert.Null(exploration.Loss);
        Assert.Empty(exploration.GoalsMissed);
    }

    [Theory]
    [MemberData(nameof(LargeNames))]
    public void Nothing_is_lost_in_a_large_scenario(string name)
    {
        Assert.SkipUnless(IsSoak, "some minutes and 4 GB: run ./test.sh --soak");
        var make = Scenarios.Large.Single(make => make(Rule.None).Name == name);
        var exploration = Explorer.Explore(make(Rule.None), LargeStatesMax);
        output.WriteLine(exploration.ToString());
        Assert.Null(exploration.Loss);
    }

    [Fact]
    public void Every_step_is_taken_in_some_scenario()
    {
        Step[] onlyWhereARuleIsBroken =
        [
            Step.Stop, Step.ReadPoints, Step.ListSessionsAndDecisions, Step.RemoveDecisions, Step.ApplyLateRegistration,
            Step.ApplyLatePack,
        ];
        var taken = Scenarios.All.Aggregate(UInt128.Zero, (steps, make) => steps | ExplorationOf(make(Rule.None).Name).StepsTaken);
        var never = Enum.GetValues<Step>().Except(onlyWhereARuleIsBroken).Where(step => (taken >> (int)step & 1) == 0);
        Assert.Empty(never);
    }

    [Fact]
    public void Every_pair_of_operations_meets_in_some_scenario()
    {
        var met = Scenarios.All.SelectMany(make => make(Rule.None).Meetings).ToHashSet();
        var operations = Enum.GetValues<Operation>();
        var missing = from one in operations
            from other in operations
            where !met.Contains((one, other)) && !(one == other && one is Operation.Delete or Operation.Expel or Operation.Read)
            select (one, other);
        Assert.Empty(missing);
    }

    [Fact]
    public void The_documents_show_in_how_many_scenarios_each_pair_meets()
    {
        var operations = Enum.GetValues<Operation>();
        var scenarios = Scenarios.All.Select(make => make(Rule.None).Meetings.ToHashSet()).ToArray();
        string[] lines =
        [
            $"| | {string.Join(" | ", operations)} |",
            $"|---|{string.Concat(operations.Select(_ => "---|"))}",
            .. operations.Select(one => $"| {one} | " + string.Join(" | ", operations.Select(other =>
                scenarios.Count(met => met.Contains((one, other))))) + " |"),
        ];
        var table = string.Join('\n', lines);
        output.WriteLine(table);
        Assert.Contains(table, File.ReadAllText(PathOf("docs/session-table.md")).ReplaceLineEndings("\n"));
    }

    static string PathOf(string file)
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var path = Path.Combine(folder, file);
            if (File.Exists(path)) return path;
        }

        throw new FileNotFoundException(file);
    }

    static Exploration ExplorationOf(string name) => Explored.GetOrAdd(name, static name =>
        Explorer.Explore(Scenarios.All.Single(make => make(Rule.None).Name == name)(Rule.None), StatesMax));
}
