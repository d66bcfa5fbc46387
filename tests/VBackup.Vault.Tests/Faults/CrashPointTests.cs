using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Faults;

public sealed class CrashPointTests
{
    [Theory]
    [InlineData(Work.Full, false)]
    [InlineData(Work.Full, true)]
    [InlineData(Work.Incremental, false)]
    [InlineData(Work.Incremental, true)]
    [InlineData(Work.Delete, false)]
    [InlineData(Work.Delete, true)]
    [InlineData(Work.Collect, false)]
    [InlineData(Work.Collect, true)]
    public async Task A_run_that_dies_at_any_operation_loses_nothing_and_leaves_nothing(Work work, bool isApplied)
    {
        for (var dieAt = 1; ; dieAt++)
        {
            var story = await FaultStory.BeginAsync(work);
            var store = new CrashingStore(story.Memory, dieAt, isApplied);
            var done = await story.WorkAsync(store);
            Assert.True(done || store.Died, $"it failed at operation {store.Calls}, before it was to die at {dieAt}");
            try
            {
                await story.CheckAsync();
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"{work} dying at operation {dieAt}, applied: {isApplied}", failure);
            }
            if (!store.Died) return;
        }
    }
}
