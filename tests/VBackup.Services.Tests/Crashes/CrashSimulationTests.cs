using System.Globalization;
using Xunit;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Whoever dies, sleeps or is not heard, at whatever step of a backup or a restore: each run has one outcome, and nothing is left
/// behind.</summary>
public sealed class CrashSimulationTests(ITestOutputHelper output)
{
    const int RoundsMax = 200;
    static readonly int s_seeds = Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1" ? 20_000 : 300;

    [Fact]
    public async Task Nothing_is_left_behind_whoever_dies_sleeps_or_is_not_heard()
    {
        if (Environment.GetEnvironmentVariable("VBACKUP_SEED") is { Length: > 0 } one)
        {
            await RunAsync(int.Parse(one, CultureInfo.InvariantCulture));
            return;
        }
        Dictionary<(Place, Mishap), int> fired = Faults.Kinds.ToDictionary(kind => kind, _ => 0);
        List<string> failures = [];
        await CountAsync(Enumerable.Range(0, s_seeds));
        // A planned fault that never fires proves nothing. What is rare has its turn until it does.
        var next = (s_seeds / Faults.Kinds.Count + 1) * Faults.Kinds.Count;
        for (var round = 0; round < RoundsMax && Missing() is { Count: > 0 } missing; round++, next += Faults.Kinds.Count)
            await CountAsync(missing.Select(kind => next + kind));
        foreach (var ((place, mishap), times) in fired) output.WriteLine($"{place} {mishap}: {times}");
        Assert.Empty(Missing());

        List<int> Missing() => [.. Enumerable.Range(0, Faults.Kinds.Count).Where(kind => fired[Faults.Kinds[kind]] == 0)];

        // What several have in common says more than the first.
        async Task CountAsync(IEnumerable<int> seeds)
        {
            await Parallel.ForEachAsync(seeds, async (seed, _) =>
            {
                try
                {
                    var plan = await RunAsync(seed);
                    lock (fired)
                        foreach (var fault in plan.Fired) fired[(fault.Place, fault.Mishap)]++;
                }
                catch (SimulationFailure failure)
                {
                    lock (fired) failures.Add(failure.Message);
                }
            });
            Assert.True(failures.Count == 0, string.Join('\n', failures));
        }
    }

    static async Task<FaultPlan> RunAsync(int seed)
    {
        var plan = FaultPlan.Of(seed, new(seed));
        await Simulation.RunAsync(seed, plan);
        return plan;
    }
}
