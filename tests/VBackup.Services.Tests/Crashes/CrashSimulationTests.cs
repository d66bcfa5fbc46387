using System.Globalization;
using Xunit;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Whoever dies, sleeps or is not heard, at whatever step of a backup or a restore: each run has one outcome, and nothing is left
/// behind.</summary>
public sealed class CrashSimulationTests(ITestOutputHelper output)
{
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
        await Parallel.ForEachAsync(Enumerable.Range(0, s_seeds), async (seed, _) =>
        {
            var plan = await RunAsync(seed);
            lock (fired)
                foreach (var fault in plan.Fired) fired[(fault.Place, fault.Mishap)]++;
        });
        foreach (var ((place, mishap), times) in fired) output.WriteLine($"{place} {mishap}: {times}");
        // A planned fault that never fires proves nothing.
        Assert.DoesNotContain(fired, kind => kind.Value == 0);
    }

    static async Task<FaultPlan> RunAsync(int seed)
    {
        var plan = FaultPlan.Of(seed, new(seed));
        await Simulation.RunAsync(seed, plan);
        return plan;
    }
}
