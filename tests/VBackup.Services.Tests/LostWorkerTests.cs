using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Workers die, hang, and come back: a run has one outcome.</summary>
public sealed class LostWorkerTests
{
    static readonly TimeSpan s_pastLease = new WorkLimits().Lease * 2;

    [Fact]
    public async Task What_a_worker_says_under_an_old_epoch_is_not_heard()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var lost = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal((WorkKind.Export, 1), (lost.Kind, lost.Epoch));
        await LetLeaseEndAsync(world);
        await world.SettleAsync();
        var run = world.Portal.Run(order.Run);
        Assert.Equal(RunState.Succeeded, run.State);

        Assert.False(await world.Source.CompleteAsync(lost.Task, lost.Epoch, "{}", default));
        Assert.False(await world.Source.FailAsync(lost.Task, lost.Epoch, new("late", MayPass: false), default));
        Assert.IsType<WorkAnswer.Lost>(await world.Source.ReportAsync(lost.Task, lost.Epoch, new(1, 2, 3), default));
        await world.SettleAsync();
        Assert.Equal(run, world.Portal.Run(order.Run) with { Notes = run.Notes });
    }

    [Fact]
    public async Task A_point_whose_worker_died_before_it_could_say_so_is_the_runs_point()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        Assert.Equal(1, silent.Lost);
        await LetLeaseEndAsync(world);
        await world.SettleAsync();

        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        Assert.Equal(silent.VaultPoint, world.Portal.Point(order.Point).VaultPoint);
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_run_whose_workers_are_lost_again_and_again_fails_and_leaves_nothing()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        for (var attempt = 1; attempt <= WorkTask.AttemptsMax; attempt++)
        {
            Assert.Equal(attempt, (await world.Source.AcquireAsync(world.WorkerId, default))?.Epoch);
            await LetLeaseEndAsync(world);
        }
        // Before the vault has said that no point came of it, it is not over.
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(RunState.Transferring, world.Portal.Run(order.Run).State);
        await world.SettleAsync();

        var run = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Failed, "the worker that had it was lost"), (run.State, run.Error));
        Assert.Equal(RestorePointState.Failed, world.Portal.Point(order.Point).State);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task What_a_worker_had_that_starts_anew_is_tried_again_at_once_and_what_others_have_is_let_be()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var lost = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        var other = await Workers.EnsureAsync(world.Backup, ServiceWorld.Region, "another", default);
        await Workers.StartAnewAsync(world.Backup, other, default);
        Assert.IsType<WorkAnswer.GoOn>(await world.Source.ReportAsync(lost.Task, lost.Epoch, new(1, 2, 0), default));

        await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        Assert.IsType<WorkAnswer.Lost>(await world.Source.ReportAsync(lost.Task, lost.Epoch, new(1, 2, 0), default));
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task A_point_that_the_last_attempt_made_before_its_worker_died_is_the_runs_point()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        for (var attempt = 1; attempt < WorkTask.AttemptsMax; attempt++)
        {
            Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
            await LetLeaseEndAsync(world);
        }
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        await LetLeaseEndAsync(world);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(silent.VaultPoint, world.Portal.Point(order.Point).VaultPoint);
        Assert.Equal(1, world.VaultPoints);
    }

    [Fact]
    public async Task A_point_is_the_runs_also_when_its_worker_says_that_it_failed()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        var task = await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Tasks.Single()), default);
        Assert.True(await world.Source.FailAsync(task.Id, task.Epoch, new("the store did not answer", MayPass: false), default));
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        Assert.Equal(silent.VaultPoint, world.Portal.Point(order.Point).VaultPoint);
    }

    [Fact]
    public async Task A_run_of_whose_point_the_vault_cannot_tell_fails_and_says_so()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var export = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.True(await world.Source.FailAsync(export.Task, export.Epoch, new("broken", MayPass: false), default));
        var settling = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal(WorkKind.SettleExport, settling.Kind);
        // The run is to end, and this is carried out all the same.
        Assert.IsType<WorkAnswer.GoOn>(await world.Source.ReportAsync(settling.Task, settling.Epoch, default, default));
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        Assert.True(await world.Source.FailAsync(settling.Task, settling.Epoch, new("access denied", MayPass: false), default));
        await world.SettleAsync();
        Assert.Equal((RunState.Failed, "broken; whether a point came of it could not be found out: access denied"),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_run_that_is_cancelled_ends_cleanly_and_leaves_nothing()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        var held = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        var answer = Assert.IsType<WorkAnswer.Halt>(await world.Source.ReportAsync(held.Task, held.Epoch, new(1, 2, 0), default));
        Assert.True(await world.Source.FailAsync(held.Task, held.Epoch, new(answer.Reason, MayPass: false), default));
        await world.SettleAsync();

        var run = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Cancelled, "it was cancelled"), (run.State, run.Error));
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task Another_projects_run_cannot_be_cancelled()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await OrderAsync(world);
        await world.TellBackupAsync(new CancelRun(order.Run, world.Ids.New<ProjectId>()), MessageJson.Default.CancelRun);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task An_order_that_comes_after_its_time_starts_nothing_and_says_so()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        var order = new StartBackup(world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(), world.Project, world.Ids.New<PlanId>(),
            server, "web",
            world.Location, null, RunTrigger.Policy, PointKind.Full, [], world.Clock.GetUtcNow(), null);
        await world.TellBackupAsync(order, MessageJson.Default.StartBackup, notAfter: world.Clock.GetUtcNow() - TimeSpan.FromSeconds(1));
        await world.SettleAsync();
        Assert.Equal(RunState.Failed, world.Portal.Run(order.Run).State);
        Assert.Contains("too late", world.Portal.Run(order.Run).Error, StringComparison.Ordinal);
        Assert.Empty(world.Portal.Snapshots);
    }

    static async Task<StartBackup> OrderAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 13))]));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(1, await world.SnapshotWork.DoDueAsync(default));
        await world.SnapshotsPump.SendDueAsync(default);
        return order;
    }

    static async Task LetLeaseEndAsync(ServiceWorld world)
    {
        world.Clock.Advance(s_pastLease);
        await world.Clockwork.TurnAsync(default);
    }
}
