using System.Globalization;
using Xunit;

namespace VBackup.Vault.Tests.Simulation;

public sealed class SimulationTests(ITestOutputHelper output)
{
    private static readonly int s_seeds = Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1" ? 200_000 : 5_000;

    [Fact]
    public void No_order_of_steps_no_stop_and_no_fault_harms_a_valid_point()
    {
        if (Environment.GetEnvironmentVariable("VBACKUP_SEED") is { Length: > 0 } one)
        {
            Run(int.Parse(one, CultureInfo.InvariantCulture));
            return;
        }
        long steps = 0;
        var faults = new int[4];
        int deaths = 0, freezes = 0;
        for (var seed = 0; seed < s_seeds; seed++)
        {
            var scheduler = Run(seed);
            steps += scheduler.StepNumber;
            for (var kind = 0; kind < faults.Length; kind++) faults[kind] += scheduler.Faults[kind];
            deaths += scheduler.Deaths;
            freezes += scheduler.Freezes;
        }
        output.WriteLine($"{s_seeds} seeds, {steps} steps, {deaths} deaths, {freezes} stops, faults {string.Join(' ', faults)}");
        // A planned fault that never fires proves nothing.
        Assert.True(deaths > s_seeds / 100 && freezes > s_seeds / 100);
        for (var kind = 1; kind < faults.Length; kind++) Assert.True(faults[kind] > s_seeds / 100);
    }

    [Fact]
    public void A_node_that_is_not_found_stops_the_collector()
    {
        var hidden = 0;
        for (var seed = 0; seed < 40; seed++)
        {
            new Simulation(seed, StoriesOfCollecting.BaseIsDeleted,
                (world, actor) => new HidesNodesOfBases(world, actor, () => hidden++)).Run();
        }
        Assert.True(hidden >= 20);
    }

    [Fact]
    public void The_same_seed_makes_the_same_steps()
    {
        for (var seed = 0; seed < 20; seed++) Assert.Equal(TraceOf(seed), TraceOf(seed));
    }

    private static string TraceOf(int seed)
    {
        var simulation = new Simulation(seed);
        simulation.Run();
        return simulation.Scheduler.FormatTrace("");
    }

    private Scheduler Run(int seed)
    {
        var simulation = new Simulation(seed);
        try
        {
            simulation.Run();
            return simulation.Scheduler;
        }
        catch (SimulationFailure failure)
        {
            output.WriteLine(simulation.Scheduler.FormatTrace(failure.Message));
            throw new SimulationFailure($"VBACKUP_SEED={seed} replays this: {failure.Message}", failure);
        }
    }
}
