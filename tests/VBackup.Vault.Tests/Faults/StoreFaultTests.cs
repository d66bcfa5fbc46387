using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Faults;

public sealed class StoreFaultTests
{
    private static readonly int s_faultsOfAKind = Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1" ? int.MaxValue : 6;

    public static TheoryData<Work, FaultKind> WorksAndKinds { get; } = [.. from work in Enum.GetValues<Work>()
                                                                          from kind in Enum.GetValues<FaultKind>()
                                                                          select (work, kind)];

    [Theory]
    [MemberData(nameof(WorksAndKinds))]
    public async Task A_fault_in_any_operation_of_the_store_hurts_no_point_and_leaves_nothing(Work work, FaultKind kind)
    {
        foreach (var (operation, calls) in await CountAsync(work))
        {
            if (operation == StoreOperation.Append && kind == FaultKind.AppliedButReportedFailed) continue;
            var random = new Random(unchecked(((int)work * 31) + (int)kind));
            foreach (var call in Enumerable.Range(1, calls).OrderBy(_ => random.Next()).Take(s_faultsOfAKind))
                await TellAsync(work, FaultPlan.Of(new PlannedFault(operation, call, kind)),
                    $"{work}: {kind} at {operation} {call} of {calls}");
        }
    }

    [Theory]
    [InlineData(Work.Full)]
    [InlineData(Work.Incremental)]
    [InlineData(Work.Collect)]
    public async Task A_disk_that_is_full_at_any_byte_hurts_no_point_and_once_there_is_space_all_works(Work work)
    {
        for (var seed = 1; seed <= 12; seed++)
        {
            // Every work here sends more than that.
            var bytes = new Random(seed).Next(work == Work.Full ? 20_000 : 3_000);
            await TellAsync(work, FaultPlan.Of().WithDiskFullAt(bytes), $"{work}: disk full at byte {bytes} (seed {seed})");
        }
    }

    private static async Task TellAsync(Work work, FaultPlan plan, string what)
    {
        try
        {
            var story = await FaultStory.BeginAsync(work);
            var faulty = new FaultyStore(story.Memory, plan);
            using var stop = new CancellationTokenSource();
            var running = story.WorkAsync(faulty, stop.Token);
            if (plan.Faults.Any(fault => fault.Kind == FaultKind.HangUntilCancelled))
            {
                while (!running.IsCompleted && !HasFired(faulty))
                    await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
                await stop.CancelAsync();
            }
            await running.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System);
            faulty.AssertEveryPlannedFaultFired();
            await story.CheckAsync();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException(what, failure);
        }
    }

    private static bool HasFired(FaultyStore store)
    {
        try
        {
            store.AssertEveryPlannedFaultFired();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The operations that a work does when nothing fails, and how often.</summary>
    private static async Task<List<(StoreOperation Operation, int Calls)>> CountAsync(Work work)
    {
        var story = await FaultStory.BeginAsync(work);
        var counting = new CrashingStore(story.Memory, int.MaxValue, isApplied: false);
        Assert.True(await story.WorkAsync(counting));
        await story.CheckAsync();
        return [.. Enum.GetValues<StoreOperation>().Select(operation => (operation, counting.CallsOf(operation))).Where(item =>
            item.Item2 > 0)];
    }
}
