using VBackup.Vault.Stores.Faults;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class FaultyStoreTests
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;
    static readonly byte[] Content = "content"u8.ToArray();

    [Fact]
    public async Task Only_the_planned_call_fails()
    {
        var memory = new MemoryStore();
        var store = new FaultyStore(memory, FaultPlan.Of(
            new PlannedFault(StoreOperation.Put, 2, FaultKind.FailTransient),
            new PlannedFault(StoreOperation.Delete, 1, FaultKind.FailOther)));
        await store.PutAsync("a", Content, Token);
        Assert.Equal(StoreFailure.Transient,
            (await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("b", Content, Token))).Failure);
        await store.PutAsync("c", Content, Token);
        Assert.Equal(StoreFailure.Other,
            (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("a", Token))).Failure);
        Assert.True(await memory.ExistsAsync("a", Token));
        Assert.False(await memory.ExistsAsync("b", Token));
        store.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task A_planned_fault_that_never_fired_fails_the_test()
    {
        var store = new FaultyStore(new MemoryStore(),
            FaultPlan.Of(new PlannedFault(StoreOperation.Get, 3, FaultKind.FailOther)).WithDiskFullAt(100));
        await store.PutAsync("a", Content, Token);
        string complaint = Assert.Throws<InvalidOperationException>(store.AssertEveryPlannedFaultFired).Message;
        Assert.Contains("Get call 3 (FailOther)", complaint, StringComparison.Ordinal);
        Assert.Contains("disk full at byte 100 (only 7 were sent)", complaint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_hangs_ends_when_its_caller_cancels()
    {
        var store = new FaultyStore(new MemoryStore(),
            FaultPlan.Of(new PlannedFault(StoreOperation.Read, 1, FaultKind.HangUntilCancelled)));
        using var cancel = new CancellationTokenSource();
        var read = store.ReadAsync("a", 0, new byte[1], cancel.Token).AsTask();
        Assert.False(read.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    [Fact]
    public async Task What_is_applied_but_reported_as_failed_is_there()
    {
        var memory = new MemoryStore();
        var store = new FaultyStore(memory,
            FaultPlan.Of(new PlannedFault(StoreOperation.Put, 1, FaultKind.AppliedButReportedFailed)));
        await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("a", Content, Token));
        Assert.True(await memory.ExistsAsync("a", Token));
    }

    [Fact]
    public async Task A_full_disk_refuses_what_does_not_fit()
    {
        var store = new FaultyStore(new MemoryStore(), FaultPlan.Of().WithDiskFullAt(16));
        await store.PutAsync("a", Content, Token);
        await using var writer = await store.OpenWriterAsync("packs/ab/p", Token);
        await writer.AppendAsync(Content, Token);
        Assert.Equal(StoreFailure.Full,
            (await Assert.ThrowsAsync<StoreException>(() => writer.AppendAsync(Content, Token).AsTask())).Failure);
        store.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public void A_seed_gives_the_same_plan_again()
    {
        var first = FaultPlan.FromSeed(5, 3, 100, StoreOperation.Put, StoreOperation.Read);
        var second = FaultPlan.FromSeed(5, 3, 100, StoreOperation.Put, StoreOperation.Read);
        Assert.Equal(first.Faults, second.Faults);
        Assert.NotEqual(first.Faults, FaultPlan.FromSeed(6, 3, 100, StoreOperation.Put, StoreOperation.Read).Faults);
    }

    [Fact]
    public void A_plan_cannot_contradict_itself()
    {
        Assert.ThrowsAny<ArgumentException>(() => FaultPlan.Of(
            new PlannedFault(StoreOperation.Put, 1, FaultKind.FailOther),
            new PlannedFault(StoreOperation.Put, 1, FaultKind.FailTransient)));
        Assert.ThrowsAny<ArgumentException>(() => FaultPlan.Of(
            new PlannedFault(StoreOperation.Append, 1, FaultKind.AppliedButReportedFailed)));
        Assert.ThrowsAny<ArgumentException>(() => FaultPlan.Of(
            new PlannedFault(StoreOperation.Put, 0, FaultKind.FailOther)));
    }
}
