using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>A service that dies when a worker on the wire has said its last word.</summary>
public sealed class LostLineTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_backup_whose_last_word_or_its_answer_is_lost_makes_one_point(bool isHeard)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var source = new DyingService(world.Source, isHeard);
        var served = await ServedCalls.OfAsync(world, source);
        source.Dies = served.DieAsync;
        var (worker, line) = await served.EnrolAsync();
        world.Reach(worker.Worker, line.Work, served);
        var order = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1))));
        await world.WorkUntilAsync(WorkKind.Export);
        await Assert.ThrowsAnyAsync<IOException>(() => world.Worker.RunOneAsync(default));
        await source.Dying;
        Assert.Equal(1, world.VaultPoints);

        // It is there again, and whoever has the task next finds the point.
        world.Reach(worker.Worker, world.Source, served);
        world.Clock.Advance(TimeSpan.FromSeconds(61));
        await world.Clockwork.TurnAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(RestorePointState.Active, world.Portal.Point(order.Point).State);
        Assert.Equal(1, world.VaultPoints);
    }

    sealed class DyingService(IWorkSource source, bool isHeard) : RelayingSource(source)
    {
        public Func<Task> Dies { get; set; } = null!;

        public Task Dying { get; private set; } = null!;

        public override async Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation)
        {
            if (isHeard) Assert.True(await base.CompleteAsync(task, epoch, result, cancellation));
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var going = cancellation.Register(gone.SetResult);
            Dying = Dies();
            await gone.Task;
            return true;
        }
    }
}
