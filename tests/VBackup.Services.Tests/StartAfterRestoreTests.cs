using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>After a restore in place the server starts on what was restored, or not at all.</summary>
public sealed class StartAfterRestoreTests
{
    static readonly VolumeId s_volume = new("web-vda");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_whose_volumes_somebody_took_over_since_is_not_started(bool isDone)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilStartAsync(world);
        await using (var other = await world.Cloud.Storage.OpenWriterAsync(s_volume, new() { TakesOver = true, Claim = "another" },
            default))
        {
            if (isDone) await other.DisposeAsync();
            for (var attempt = 1; attempt <= WorkTask.AttemptsMax; attempt++)
            {
                Assert.True(await world.Worker.RunOneAsync(default));
                world.Clock.Advance(TimeSpan.FromMinutes(5));
            }
        }
        await world.SettleAsync();
        var run = world.Portal.Run(restore.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.Contains("everything was restored, and server web", run.Error, StringComparison.Ordinal);
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task Somebody_who_has_a_volume_for_a_moment_is_waited_for()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilStartAsync(world);
        await using (await world.Cloud.Storage.OpenWriterAsync(s_volume, new(),
            default)) Assert.True(await world.Worker.RunOneAsync(default));
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(restore.Run).State, world.Portal.Run(restore.Run).Error));
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_server_that_somebody_has_started_and_paused_meanwhile_stays_paused()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilStartAsync(world);
        await world.DeclareServerAsync("web", "paused", ("vda", s_volume.Value));
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(restore.Run).State);
        Assert.Equal(ServerState.Paused, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_restore_that_is_cancelled_when_all_is_restored_starts_the_server_all_the_same()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilStartAsync(world);
        await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(restore.Run).State);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Theory]
    [InlineData("it is refused, as the server runs")]
    [InlineData("it is cancelled while the snapshot is taken")]
    [InlineData("it is cancelled before anybody writes")]
    public async Task A_restore_that_overwrote_nothing_leaves_no_safety_snapshot(string because)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[300_000]));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        var before = await world.SnapshotNamesAsync("web");
        if (because == "it is refused, as the server runs") await world.Cloud.Hypervisor.StartAsync("web", default);
        var restore = await world.OrderRestoreAsync(backup.Point);
        if (because == "it is cancelled before anybody writes")
        {
            await world.BackupPump.SendDueAsync(default);
            await world.SnapshotWork.DoDueAsync(default);
            await world.SnapshotsPump.SendDueAsync(default);
            Assert.Equal(2, (await world.SnapshotNamesAsync("web")).Count);
        }
        if (because != "it is refused, as the server runs")
            await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await world.SettleAsync();

        Assert.Equal(because == "it is refused, as the server runs" ? RunState.Failed : RunState.Cancelled,
            world.Portal.Run(restore.Run).State);
        Assert.Equal(SnapshotState.Removed, Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety).State);
        Assert.Equal(because == "it is cancelled before anybody writes" ? [] : before, await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_restore_that_is_cancelled_before_anybody_writes_starts_the_server_again()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilAsync(world, WorkKind.Import);
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await world.SettleAsync();
        Assert.Equal((RunState.Cancelled, "it was cancelled"),
            (world.Portal.Run(restore.Run).State, world.Portal.Run(restore.Run).Error));
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_restore_that_was_given_up_is_not_over_before_it_is_known_whether_the_server_runs_again_and_says_so_if_not()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilAsync(world, WorkKind.Import);
        await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await using (await world.Cloud.Storage.OpenWriterAsync(s_volume, new() { TakesOver = true, Claim = "another" }, default))
            for (var attempt = 1; attempt <= WorkTask.AttemptsMax; attempt++)
            {
                await world.BackupPump.SendDueAsync(default);
                var before = world.Portal.Run(restore.Run);
                Assert.Equal((RunState.Transferring, "it was cancelled"), (before.State, before.Error));
                Assert.True(await world.Worker.RunOneAsync(default));
                world.Clock.Advance(TimeSpan.FromMinutes(5));
            }
        await world.SettleAsync();
        var run = world.Portal.Run(restore.Run);
        Assert.Equal(RunState.Cancelled, run.State);
        Assert.StartsWith("it was cancelled; the server web was stopped for it and could not be started again: ", run.Error,
            StringComparison.Ordinal);
        Assert.Contains("web-vda", run.Error, StringComparison.Ordinal);
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_restore_that_was_given_up_ends_though_no_worker_is_there_and_the_next_one_starts_the_server()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await RestoreUntilAsync(world, WorkKind.Import);
        await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        world.Clock.Advance(Clockwork.WorkerPatience + TimeSpan.FromSeconds(1));
        await world.Clockwork.TurnAsync(default);
        await world.Clockwork.TurnAsync(default);
        await world.BackupPump.SendDueAsync(default);
        var over = world.Portal.Run(restore.Run);
        Assert.Equal((RunState.Cancelled, "it was cancelled; the server web was stopped for it and could not be started again: "
            + "no worker of the region here is there; the next one that comes starts it"), (over.State, over.Error));
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        await world.SettleAsync();
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
        Assert.Equal(over.Version, world.Portal.Run(restore.Run).Version);
    }

    [Fact]
    public async Task A_server_that_was_stopped_for_a_restore_whose_safety_snapshot_never_came_is_started_again()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await BackUpAndOrderAsync(world);
        Assert.True(await world.Worker.RunOneAsync(default));
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        world.Clock.Advance(Clockwork.SnapshotPatience + TimeSpan.FromSeconds(1));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.Equal((RunState.Failed, "the region's vSnapshot service does not answer"),
            (world.Portal.Run(restore.Run).State, world.Portal.Run(restore.Run).Error));
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
        // What came too late, and what was there: nothing is rolled back to it, and the backup's base serves on.
        Assert.StartsWith("vb-", Assert.Single(await world.SnapshotNamesAsync("web")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_a_worker_stopped_who_died_before_he_could_say_so_is_started_in_the_end(bool isCancelled)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await BackUpAndOrderAsync(world);
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        Assert.Equal((1, ServerState.Shutdown), (silent.Lost, await world.StateOfAsync("web")));
        if (isCancelled) await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        await world.SettleAsync();
        Assert.Equal(isCancelled ? RunState.Cancelled : RunState.Succeeded, world.Portal.Run(restore.Run).State);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_server_that_is_not_to_be_stopped_any_more_runs_on()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var restore = await BackUpAndOrderAsync(world);
        await world.NewWorker(new CancellingSource(world, restore)).RunOneAsync(default);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
        await world.SettleAsync();
        Assert.Equal(RunState.Cancelled, world.Portal.Run(restore.Run).State);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task A_server_is_not_stopped_for_a_restore_whose_volumes_may_not_be_written()
    {
        var mayWrite = true;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call =>
            call == nameof(IVolumeStorage.RequireWritableAsync) && !mayWrite
                ? throw new CloudException(CloudFailure.NotAllowed, "write", s_volume.Value, "the user may only read") : (object?)null));
        var restore = await BackUpAndOrderAsync(world);
        mayWrite = false;
        Assert.True(await world.Worker.RunOneAsync(default));
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
        await world.SettleAsync();
        var run = world.Portal.Run(restore.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.Contains("web-vda may not be written", run.Error, StringComparison.Ordinal);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    /// <summary>The restore is cancelled while a worker begins with it.</summary>
    sealed class CancellingSource(ServiceWorld world, StartRestore restore) : RelayingSource(world.Source)
    {
        public override async Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation)
        {
            var lease = await base.AcquireAsync(worker, cancellation);
            await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
            return lease;
        }
    }

    // The server ran, was stopped for the restore, and is restored: what is left is to start it.
    static Task<StartRestore> RestoreUntilStartAsync(ServiceWorld world) => RestoreUntilAsync(world, WorkKind.StartServer);

    static async Task<StartRestore> RestoreUntilAsync(ServiceWorld world, WorkKind next)
    {
        var restore = await BackUpAndOrderAsync(world);
        await world.WorkUntilAsync(next);
        return restore;
    }

    static async Task<StartRestore> BackUpAndOrderAsync(ServiceWorld world)
    {
        var content = new byte[300_000];
        new Random(4).NextBytes(content);
        var server = await world.AddServerAsync("web", ("vda", content));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await File.WriteAllBytesAsync(world.VolumePath(s_volume.Value), new byte[300_000]);
        await world.DeclareServerAsync("web", "running", ("vda", s_volume.Value));
        return await world.OrderRestoreAsync(backup.Point, stops: true);
    }
}
