using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A worker whose line to the service breaks goes on as long as it may, and no longer.</summary>
public sealed class LeaseKeepingTests
{
    [Fact]
    public async Task A_question_that_is_lost_is_asked_again()
    {
        await using var held = await HeldAsync(lostQuestions: 2);
        await held.PassAsync(30);
        Assert.True(held.Line.LostQuestions <= 0);
        // Longer than the first lease.
        await held.PassAsync(60);
        held.Storage.Release();
        Assert.True(await held.Working);
        await held.World.SettleAsync();
        Assert.Equal(RunState.Succeeded, held.World.Portal.Run(held.Run).State);
        Assert.Equal(1, held.World.VaultPoints);
    }

    [Fact]
    public async Task Work_of_which_nobody_hears_stops_before_its_lease_is_over()
    {
        await using var held = await HeldAsync(lostQuestions: int.MaxValue);
        await held.PassAsync(46);
        Assert.True(await held.Working);
        Assert.Equal(0, held.World.VaultPoints);
        held.Storage.Release();
        await held.PassAsync(60);
        await held.World.Clockwork.TurnAsync(default);
        await held.World.SettleAsync();
        Assert.Equal(RunState.Succeeded, held.World.Portal.Run(held.Run).State);
    }

    [Fact]
    public async Task How_far_it_is_is_known_within_seconds()
    {
        await using var held = await HeldAsync(lostQuestions: 0);
        await held.PassAsync(3);
        await held.World.BackupPump.SendDueAsync(default);
        Assert.Equal(SnapshotServiceTests.Content(1).Length, held.World.Portal.Run(held.Run).TotalBytes);
    }

    [Fact]
    public async Task A_worker_hears_within_seconds_that_its_run_was_cancelled()
    {
        await using var held = await HeldAsync(lostQuestions: 0);
        await held.World.TellBackupAsync(new CancelRun(held.Run, held.World.Project), MessageJson.Default.CancelRun);
        await held.PassAsync(3);
        Assert.True(await held.Working);
        await held.World.SettleAsync();
        Assert.Equal(RunState.Cancelled, held.World.Portal.Run(held.Run).State);
    }

    [Fact]
    public async Task A_report_of_nothing_new_writes_nothing_until_a_quarter_of_the_lease_is_over()
    {
        await using var held = await HeldAsync(lostQuestions: 0);
        await held.PassAsync(3);
        var before = await held.WrittenAsync();
        var asked = held.Line.Questions;
        await held.PassAsync(8);
        Assert.True(held.Line.Questions >= asked + 3);
        Assert.Equal(before, await held.WrittenAsync());
        await held.PassAsync(8);
        var after = await held.WrittenAsync();
        Assert.Equal((before.Version, before.Messages), (after.Version, after.Messages));
        Assert.True(after.LeaseUntil > before.LeaseUntil);
    }

    static async Task<Held> HeldAsync(int lostQuestions)
    {
        HeldReadingStorage? storage = null;
        var world = await ServiceWorld.MakeAsync(storage: inner => storage = new(inner, new("web-vda")));
        var server = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.BackupPump.SendDueAsync(default);
        await world.SnapshotWork.DoDueAsync(default);
        await world.SnapshotsPump.SendDueAsync(default);
        var line = new BrokenLine(world.Source) { LostQuestions = lostQuestions };
        var working = world.NewWorker(line).RunOneAsync(default);
        await storage!.Reached;
        return new(world, storage, line, order.Run, working);
    }

    sealed record Held(ServiceWorld World, HeldReadingStorage Storage, BrokenLine Line, RunId Run, Task<bool> Working) : IAsyncDisposable
    {
        // Without a context to go back to, whoever waits goes on at once.
        public Task PassAsync(int seconds) => Task.Run(() =>
        {
            for (var passed = 0; passed < seconds; passed++) World.Clock.Advance(TimeSpan.FromSeconds(1));
        });

        /// <summary>What reports have written.</summary>
        public Task<(long Version, DateTimeOffset? LeaseUntil, int Messages)> WrittenAsync() => World.Backup.MakeAsync(async change =>
            ((await change.Db.Runs.SingleAsync()).Version, (await change.Db.Tasks.SingleAsync()).LeaseUntil,
                await change.Db.Outbox.CountAsync()), default);

        public async ValueTask DisposeAsync()
        {
            Storage.Release();
            await Working;
            await World.DisposeAsync();
        }
    }

    /// <summary>Questions get lost on it.</summary>
    sealed class BrokenLine(IWorkSource source) : RelayingSource(source)
    {
        public int LostQuestions { get; set; }
        public int Questions { get; private set; }

        public override Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation)
        {
            Questions++;
            return LostQuestions-- > 0 ? throw new IOException("the line broke") : base.ReportAsync(task, epoch, progress, cancellation);
        }
    }
}
