using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Nobody does a run's work, because no worker of its region is there: it says so, can be cancelled, and is not begun when it is
/// not wanted any more.</summary>
public sealed class WorkerAbsenceTests
{
    static readonly TimeSpan s_long = Clockwork.WorkerPatience + TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_restore_that_nobody_begins_says_since_when_it_waits_and_can_be_cancelled()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackedUpAsync(world);
        world.Clock.Advance(TimeSpan.FromHours(1));
        var asked = world.Clock.GetUtcNow();
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await TurnAsync(world);
        Assert.Null(world.Portal.Run(order.Run).WaitsForWorkerSince);
        await PassAsync(world, s_long);
        await PassAsync(world, TimeSpan.FromDays(3));
        var waiting = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Transferring, asked), (waiting.State, waiting.WaitsForWorkerSince));

        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await TurnAsync(world);
        var over = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Cancelled, "it was cancelled", null), (over.State, over.Error, over.WaitsForWorkerSince));
        await world.SettleAsync();
        Assert.False(File.Exists(world.VolumePath("back")));
    }

    [Fact]
    public async Task One_whose_worker_was_lost_is_over_when_another_has_removed_what_it_left()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackedUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await CancelledAfterLossAsync(world, order.Run, WorkKind.Import);
        Assert.False(File.Exists(world.VolumePath("back")));
    }

    [Fact]
    public async Task A_backup_whose_worker_was_lost_is_over_when_the_vault_was_asked()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[100_000]));
        var order = await world.OrderBackupAsync(server);
        await TurnAsync(world);
        await CancelledAfterLossAsync(world, order.Run, WorkKind.Export);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_worker_that_comes_back_takes_what_waits_and_it_waits_no_more()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await WaitingRestoreAsync(world);
        Assert.Equal(WorkKind.Import, (await world.Source.AcquireAsync(world.WorkerId, default))?.Kind);
        await TurnAsync(world);
        Assert.Null(world.Portal.Run(order.Run).WaitsForWorkerSince);
    }

    [Fact]
    public async Task What_waits_for_its_turn_at_workers_that_are_there_says_nothing()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await WaitingRestoreAsync(world);
        // It is there, and has nothing to do with this run.
        await world.Worker.ReportServersAsync(default);
        await TurnAsync(world);
        Assert.Null(world.Portal.Run(order.Run).WaitsForWorkerSince);
        await PassAsync(world, TimeSpan.FromSeconds(30));
        Assert.Null(world.Portal.Run(order.Run).WaitsForWorkerSince);
    }

    [Fact]
    public async Task A_plans_backup_that_nobody_reads_ends_with_its_time_to_begin_and_leaves_no_snapshot()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[100_000]));
        var run = await PlannedAsync(world, server);
        await PassAsync(world, TimeSpan.FromMinutes(30));
        Assert.Equal(RunState.Transferring, world.Portal.Run(run).State);
        Assert.NotEmpty(await world.SnapshotNamesAsync("web"));
        await PassAsync(world, TimeSpan.FromMinutes(31));
        await TurnAsync(world);
        var over = world.Portal.Run(run);
        Assert.Equal((RunState.WindowClosed, "no worker of the region here began it by 2026-03-01 13:00:00Z"), (over.State, over.Error));
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_plans_backup_whose_instant_was_taken_in_time_waits_for_its_turn()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[100_000]));
        var run = await PlannedAsync(world, server);
        world.Clock.Advance(TimeSpan.FromHours(2));
        await world.Worker.ReportServersAsync(default);
        await TurnAsync(world);
        await TurnAsync(world);
        Assert.Equal(RunState.Transferring, world.Portal.Run(run).State);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(run).State);
    }

    [Theory]
    [InlineData(RunTrigger.Schedule, RunState.Failed)]
    [InlineData(RunTrigger.Manual, RunState.Transferring)]
    public async Task A_scheduled_restore_in_place_is_not_begun_after_its_time_and_one_by_hand_waits(RunTrigger trigger, RunState state)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackedUpAsync(world);
        await world.SettleAsync();
        var before = await File.ReadAllBytesAsync(world.VolumePath("web-vda"));
        before[0] ^= 1;
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), before);
        var run = world.Ids.New<RunId>();
        await world.TellBackupAsync(new StartRestore(run, world.Project, point, RestoreTarget.Original, null, null, false, trigger),
            MessageJson.Default.StartRestore, world.Clock.GetUtcNow().AddHours(1));
        await TurnAsync(world);
        world.Clock.Advance(TimeSpan.FromHours(2));
        // A worker comes back, and is faster than the clock.
        Assert.Equal(trigger == RunTrigger.Manual, await world.Source.AcquireAsync(world.WorkerId, default) is { Kind: WorkKind.Import });
        await TurnAsync(world);
        Assert.Equal(state, world.Portal.Run(run).State);
        Assert.Equal(before, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
    }

    /// <summary>One that a plan asks for, to begin within an hour; its instant is taken.</summary>
    static async Task<RunId> PlannedAsync(ServiceWorld world, ServerRef server)
    {
        var now = world.Clock.GetUtcNow();
        var order = new StartBackup(world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(), world.Project, world.Ids.New<PlanId>(),
            server, "web", world.Location, null, RunTrigger.Policy, PointKind.Incremental, ["daily"], now, null);
        await world.TellBackupAsync(order, MessageJson.Default.StartBackup, now.AddHours(1));
        await TurnAsync(world);
        return order.Run;
    }

    // Cancelling needs no worker that is there; what the lost one may have left does.
    static async Task CancelledAfterLossAsync(ServiceWorld world, RunId run, WorkKind kind)
    {
        Assert.Equal(kind, (await world.Source.AcquireAsync(world.WorkerId, default))?.Kind);
        await PassAsync(world, new WorkLimits().Lease * 2);
        await PassAsync(world, s_long);
        Assert.NotNull(world.Portal.Run(run).WaitsForWorkerSince);
        await world.TellBackupAsync(new CancelRun(run, world.Project), MessageJson.Default.CancelRun);
        await TurnAsync(world);
        var ending = world.Portal.Run(run);
        Assert.Equal((RunState.Transferring, "it was cancelled"), (ending.State, ending.Error));
        Assert.NotNull(ending.WaitsForWorkerSince);
        await world.SettleAsync();
        Assert.Equal(RunState.Cancelled, world.Portal.Run(run).State);
    }

    static async Task<StartRestore> WaitingRestoreAsync(ServiceWorld world)
    {
        var point = await BackedUpAsync(world);
        world.Clock.Advance(TimeSpan.FromHours(1));
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await PassAsync(world, s_long);
        Assert.NotNull(world.Portal.Run(order.Run).WaitsForWorkerSince);
        return order;
    }

    static async Task<RestorePointId> BackedUpAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", new byte[100_000]));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return order.Point;
    }

    static async Task PassAsync(ServiceWorld world, TimeSpan time)
    {
        world.Clock.Advance(time);
        await TurnAsync(world);
    }

    /// <summary>Everybody does what there is to do, but for workers.</summary>
    static async Task TurnAsync(ServiceWorld world)
    {
        await world.Clockwork.TurnAsync(default);
        for (var round = 0; round < 5; round++)
        {
            await world.BackupPump.SendDueAsync(default);
            await world.SnapshotsPump.SendDueAsync(default);
            await world.SnapshotWork.DoDueAsync(default);
        }
    }
}
