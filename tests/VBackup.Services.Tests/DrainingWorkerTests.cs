using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using VBackup.Vault;
using VBackup.Vault.Stores;
using VBackup.Worker;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A worker that is to end, and what a worker may use.</summary>
public sealed class DrainingWorkerTests
{
    static readonly WorkerBudget s_budget = new() { DrainLimit = TimeSpan.FromSeconds(10) };

    [Fact]
    public async Task What_is_done_within_the_drain_limit_counts()
    {
        await using var held = await HeldAsync();
        await held.Stop.CancelAsync();
        held.World.Clock.Advance(s_budget.DrainLimit - TimeSpan.FromSeconds(1));
        held.Storage.Release();
        Assert.True(await held.Working);
        await held.World.SettleAsync();
        Assert.Equal(RunState.Succeeded, held.World.Portal.Run(held.Order.Run).State);
    }

    [Fact]
    public async Task What_is_not_done_by_then_is_given_back_and_another_goes_on_at_once()
    {
        await using var held = await HeldAsync();
        await held.Stop.CancelAsync();
        Assert.False(held.Working.IsCompleted);
        held.World.Clock.Advance(s_budget.DrainLimit);
        Assert.True(await held.Working);
        held.Storage.Release();
        // No time passes: the lease of the first would have gone on for long.
        Assert.True(await held.World.Worker.RunOneAsync(default));
        await held.World.SettleAsync();
        Assert.Equal(RunState.Succeeded, held.World.Portal.Run(held.Order.Run).State);
        Assert.Equal(1, held.World.VaultPoints);
    }

    [Fact]
    public async Task A_worker_that_is_to_end_takes_nothing_any_more()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await OrderAsync(world);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.Worker.RunOneAsync(new(canceled: true)));
        Assert.Equal(1, (await world.Source.AcquireAsync(world.WorkerId, default))?.Epoch);
    }

    [Fact]
    public async Task However_often_workers_end_a_run_does_not_fail_of_it()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        for (var i = 0; i <= WorkTask.AttemptsMax; i++)
        {
            var lease = (await world.Source.AcquireAsync(world.WorkerId, default))!;
            Assert.True(await world.Source.GiveBackAsync(lease.Task, lease.Epoch, "the worker was stopped", default));
            Assert.False(await world.Source.GiveBackAsync(lease.Task, lease.Epoch, "twice", default));
        }
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task What_is_given_back_and_not_wanted_any_more_ends()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var lease = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        Assert.True(await world.Source.GiveBackAsync(lease.Task, lease.Epoch, "the worker was stopped", default));
        await world.SettleAsync();
        Assert.Equal(RunState.Cancelled, world.Portal.Run(order.Run).State);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(33)]
    public void A_run_has_no_more_slots_than_its_part_of_the_memory(int mebibytes)
    {
        var within = DataPathOptions.OfDistantVolumes.Within((long)mebibytes << 20);
        Assert.InRange(within.SlotBytes, 1, (long)mebibytes << 20);
        Assert.True(within.Workers >= 1 && within.Fetchers >= within.FetchersAtFirst && within.FetchersAtFirst >= 1
            && within.ImportLanes >= 1);
    }

    [Fact]
    public async Task Too_little_memory_for_so_many_tasks_is_refused_at_start()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var refused = Assert.Throws<ArgumentException>(() => NewWorker(world, new() { TasksAtOnce = 8, MemoryBytes = 32 << 20 }));
        Assert.Contains("too few for 8 tasks", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_tasks_share_one_rate()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var vaults = new VaultOpening(new VaultRuntime(), 128 * 1024, RetryLimits.Brief, SharedRates.Of(
            new() { SendBytesPerSecond = 1000, ReceiveBytesPerSecond = 1000 }, world.Clock));
        Directory.CreateDirectory(world.Path("rated"));
        var address = new VaultAddress(world.Path("rated"), null, null);
        await using var one = vaults.Store(address, new(null, null, null), creates: true);
        await using var other = vaults.Store(address, new(null, null, null), creates: true);
        await one.PutAsync("packs/a", new byte[1000], default);
        var second = other.PutAsync("packs/b", new byte[1000], default);
        Assert.False(second.IsCompleted);
        world.Clock.Advance(TimeSpan.FromSeconds(1.1));
        await second;
    }

    static TaskRunner NewWorker(ServiceWorld world, WorkerBudget budget) => new(
        world.Source, world.WorkerId, world.Cloud, new(new VaultRuntime(), 128 * 1024, RetryLimits.Brief), world.Clock, budget);

    static async Task<StartBackup> OrderAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.BackupPump.SendDueAsync(default);
        await world.SnapshotWork.DoDueAsync(default);
        await world.SnapshotsPump.SendDueAsync(default);
        return order;
    }

    static async Task<Held> HeldAsync()
    {
        HeldReadingStorage? storage = null;
        var world = await ServiceWorld.MakeAsync(storage: inner => storage = new(inner, new("web-vda")));
        var order = await OrderAsync(world);
        var stop = new CancellationTokenSource();
        var working = NewWorker(world, s_budget).RunOneAsync(stop.Token);
        await storage!.Reached;
        return new(world, storage, order, stop, working);
    }

    sealed record Held(ServiceWorld World, HeldReadingStorage Storage, StartBackup Order, CancellationTokenSource Stop, Task<bool> Working)
        : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            Storage.Release();
            await Working;
            Stop.Dispose();
            await World.DisposeAsync();
        }
    }
}
