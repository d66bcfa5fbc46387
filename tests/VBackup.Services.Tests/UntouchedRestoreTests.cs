using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A restore in place that is refused before anything is overwritten leaves everything as it was, and says no more than that.
/// Where nobody knows whether something was overwritten, it was.</summary>
public sealed class UntouchedRestoreTests
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

    [Theory]
    [InlineData("a volume was resized", "the volume web-vdb has 4096 bytes now and had 300000: restore --to new-volume")]
    [InlineData("a disk was taken away", "server web has no disk vdb on web-vdb any more: restore --to new-volume")]
    [InlineData("a disk is on another volume", "server web has no disk vdb on web-vdb any more: restore --to new-volume")]
    [InlineData("a volume is gone", "the volume web-vdb is gone: restore --to new-volume")]
    [InlineData("a volume is another", "the volume web-vdb is another than the one that was backed up: restore --to new-volume")]
    public async Task A_server_is_not_stopped_for_a_restore_that_cannot_be(string because, string error)
    {
        var isAnother = false;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call =>
            call == nameof(IVolumeStorage.FindIdentityAsync) ? Task.FromResult<string?>(isAnother ? "b" : "a") : null));
        var backup = await BackUpAsync(world);
        var before = await world.SnapshotNamesAsync("web");
        isAnother = because == "a volume is another";
        await SpoilAsync(world, because);
        var hypervisor = new List<ServerState>();
        world.AlsoSettles = async () =>
        {
            hypervisor.Add(await world.StateOfAsync("web"));
            return false;
        };

        var restore = await world.OrderRestoreAsync(backup.Point, stops: true, volume: isAnother ? "vdb" : null);
        await world.SettleAsync();
        ExpectFailed(world, restore, error);
        Assert.All(hypervisor, state => Assert.Equal(ServerState.Running, state));
        Assert.DoesNotContain(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
        if (because == "a volume was resized") Assert.Equal(before, await world.SnapshotNamesAsync("web"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_is_refused_after_the_safety_snapshot_leaves_the_server_and_its_snapshots_as_they_were(bool isRunning)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await BackUpAsync(world);
        if (!isRunning) await world.Cloud.Hypervisor.StopAsync("web", TimeSpan.FromMinutes(1), default);
        var before = await world.SnapshotNamesAsync("web");
        var restore = await RestoreUntilImportAsync(world, backup.Point, stops: isRunning);
        Assert.NotEmpty((await world.SnapshotNamesAsync("web")).Except(before));
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));

        await SpoilAsync(world, "a volume was resized");
        await world.SettleAsync();
        ExpectFailed(world, restore, "the volume web-vdb has 4096 bytes now and had 300000: restore --to new-volume");
        Assert.Equal(isRunning ? ServerState.Running : ServerState.Shutdown, await world.StateOfAsync("web"));
        Assert.Equal(SnapshotState.Removed, Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety).State);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task Once_it_might_have_written_the_next_backup_is_full()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await BackUpAsync(world);
        await RestoreUntilImportAsync(world, backup.Point);
        await SpoilAsync(world, "a disk was taken away");
        await world.SettleAsync();
        await world.DeclareServerAsync("web", "running", ("vda", "web-vda"), ("vdb", "web-vdb"));
        var next = await world.OrderBackupAsync(backup.Server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, PointKind.Full), (world.Portal.Run(next.Run).State, world.Portal.Point(next.Point).Kind));
    }

    [Fact]
    public async Task The_server_starts_again_when_all_attempts_have_failed_before_they_wrote()
    {
        var isWritable = true;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call =>
            call == nameof(IVolumeStorage.FindClaimAsync) && !isWritable
                ? throw new CloudException(CloudFailure.TimedOut, "look at", "web-vda", "no answer") : (object?)null));
        var backup = await BackUpAsync(world);
        var restore = await RestoreUntilImportAsync(world, backup.Point);
        isWritable = false;
        for (var attempt = 1; attempt <= WorkTask.AttemptsMax; attempt++)
        {
            Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
            Assert.True(await world.Worker.RunOneAsync(default));
            world.Clock.Advance(TimeSpan.FromMinutes(5));
        }
        isWritable = true;
        await world.SettleAsync();
        var run = world.Portal.Run(restore.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.EndsWith("no answer", run.Error, StringComparison.Ordinal);
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
    }

    [Fact]
    public async Task One_that_somebody_cancels_before_the_first_byte_starts_the_server_again()
    {
        StartRestore? restore = null;
        ServiceWorld? made = null;
        await using var world = made = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call =>
        {
            if (call != nameof(IVolumeStorage.FindClaimAsync) || restore is null) return null;
            var cancelled = restore;
            restore = null;
            return CancelAsync(cancelled);
        }));
        var backup = await BackUpAsync(world);
        var order = restore = await RestoreUntilImportAsync(world, backup.Point);
        await world.SettleAsync();
        Assert.Equal((RunState.Cancelled, "it was cancelled"), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(ServerState.Running, await world.StateOfAsync("web"));
        Assert.Empty(await world.SnapshotNamesAsync("web"));

        async Task<string?> CancelAsync(StartRestore cancelled)
        {
            await made!.TellBackupAsync(new CancelRun(cancelled.Run, made.Project), MessageJson.Default.CancelRun);
            return null;
        }
    }

    [Theory]
    [InlineData("was lost")]
    [InlineData("was given back")]
    [InlineData("may have overwritten something")]
    public async Task One_that_is_refused_after_an_attempt_of_which_nobody_knows_counts_as_overwritten(string earlier)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await BackUpAsync(world);
        var restore = await RestoreUntilImportAsync(world, backup.Point);
        var lease = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal(WorkKind.Import, lease.Kind);
        if (earlier == "was lost") await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        else if (earlier == "was given back") await world.Source.GiveBackAsync(lease.Task, lease.Epoch, "the worker was stopped", default);
        else await world.Source.FailAsync(lease.Task, lease.Epoch, new("no answer", MayPass: true), default);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        await SpoilAsync(world, "a volume was resized");
        await world.SettleAsync();
        await ExpectOverwrittenAsync(world, restore, "the volume web-vdb has 4096 bytes now");
    }

    [Fact]
    public async Task One_that_was_lost_and_cancelled_counts_as_overwritten()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await BackUpAsync(world);
        var restore = await RestoreUntilImportAsync(world, backup.Point);
        Assert.Equal(WorkKind.Import, (await world.Source.AcquireAsync(world.WorkerId, default))!.Kind);
        await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        await world.SettleAsync();
        await ExpectOverwrittenAsync(world, restore, "it was cancelled", RunState.Cancelled);
    }

    [Theory]
    [InlineData("it fails in mid-write")]
    [InlineData("another takes over before it writes")]
    public async Task One_whose_volumes_may_hold_something_else_counts_as_overwritten(string because)
    {
        var (isNext, isTaken) = (false, false);
        await using var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call => (call, because) switch
        {
            _ when !isNext => null,
            (nameof(IVolumeStorage.FindRestoreNoteAsync), "it fails in mid-write") => throw NotAllowed(),
            (nameof(IVolumeStorage.FindClaimAsync), _) when isTaken => Task.FromResult<string?>("another"),
            (nameof(IVolumeStorage.OpenWriterAsync), "another takes over before it writes") => TakeOver(),
            _ => null,
        }));
        var backup = await BackUpAsync(world);
        var restore = await RestoreUntilImportAsync(world, backup.Point);
        isNext = true;
        Assert.True(await world.Worker.RunOneAsync(default));
        isNext = false;
        await world.SettleAsync();
        await ExpectOverwrittenAsync(world, restore, "the user may only read");

        object TakeOver()
        {
            isTaken = true;
            throw NotAllowed();
        }
    }

    /// <summary>Such as one from the command line, which needs nobody's leave once the server is off.</summary>
    [Theory]
    [InlineData("no answer of the vault")]
    [InlineData("a volume was resized")]
    [InlineData("it is cancelled")]
    public async Task No_server_starts_on_what_another_has_left_half_written(string because)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await BackUpAsync(world);
        var restore = await RestoreUntilImportAsync(world, backup.Point);
        await using (var writer = await world.Cloud.Storage.OpenWriterAsync(new("web-vda"), new() { TakesOver = true }, default))
            await writer.NoteRestoreAsync(new("ab", world.Clock.GetUtcNow(), null), default);
        if (because == "it is cancelled")
            await world.TellBackupAsync(new CancelRun(restore.Run, world.Project), MessageJson.Default.CancelRun);
        else if (because == "a volume was resized") await SpoilAsync(world, because);
        else Directory.Move(world.Path($"location/{world.Project}"), world.Path("away"));
        await world.SettleAsync();
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        Assert.Equal(because == "it is cancelled" ? RunState.Cancelled : RunState.Failed, world.Portal.Run(restore.Run).State);
        if (because == "it is cancelled")
            Assert.Contains("partly overwritten by a restore of point ab", world.Portal.Run(restore.Run).Error, StringComparison.Ordinal);
        else
            await ExpectOverwrittenAsync(world, restore, because == "a volume was resized" ? "has 4096 bytes now" : "");
    }

    static CloudException NotAllowed() => new(CloudFailure.NotAllowed, "open", "web-vda", "the user may only read");

    static async Task SpoilAsync(ServiceWorld world, string because)
    {
        switch (because)
        {
            case "a volume was resized":
                await File.WriteAllBytesAsync(world.VolumePath("web-vdb"), new byte[4096]);
                break;
            case "a volume is gone":
                File.Delete(world.VolumePath("web-vdb"));
                break;
            case "a disk was taken away":
                await world.DeclareServerAsync("web", await StateNameAsync(world), ("vda", "web-vda"));
                break;
            case "a disk is on another volume":
                await File.WriteAllBytesAsync(world.VolumePath("other"), s_content);
                await world.DeclareServerAsync("web", await StateNameAsync(world), ("vda", "web-vda"), ("vdb", "other"));
                break;
        }
    }

    static async Task<string> StateNameAsync(ServiceWorld world) =>
        await world.StateOfAsync("web") == ServerState.Running ? "running" : "shutdown";

    static void ExpectFailed(ServiceWorld world, StartRestore restore, string error)
    {
        var run = world.Portal.Run(restore.Run);
        Assert.Equal((RunState.Failed, error), (run.State, run.Error));
    }

    static async Task ExpectOverwrittenAsync(
        ServiceWorld world, StartRestore restore, string error, RunState state = RunState.Failed)
    {
        var run = world.Portal.Run(restore.Run);
        Assert.Equal(state, run.State);
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
        Assert.Contains("server web was stopped for it; the volumes may be partly overwritten, and the snapshot safety-", run.Error,
            StringComparison.Ordinal);
        Assert.Equal(ServerState.Shutdown, await world.StateOfAsync("web"));
        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
        Assert.Equal(SnapshotState.Ready, safety.State);
        // The base is gone.
        Assert.Equal(safety.Instant, Assert.Single(await world.SnapshotNamesAsync("web")));
    }

    static async Task<StartBackup> BackUpAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", s_content), ("vdb", s_content));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await world.DeclareServerAsync("web", "running", ("vda", "web-vda"), ("vdb", "web-vdb"));
        return backup;
    }

    // The server is stopped, and the safety snapshot there: what is left is to write.
    static async Task<StartRestore> RestoreUntilImportAsync(ServiceWorld world, RestorePointId point, bool stops = true)
    {
        var restore = await world.OrderRestoreAsync(point, stops: stops);
        await world.WorkUntilAsync(WorkKind.Import);
        return restore;
    }
}
