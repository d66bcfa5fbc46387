using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Workers die while they make something new: the next attempt goes on with what is the run's own, and no other.</summary>
public sealed class LostRestoreTests
{
    static readonly TimeSpan s_pastLease = new WorkLimits().Lease * 2;
    static readonly byte[] s_first = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];
    static readonly byte[] s_second = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 11))];

    [Theory]
    [InlineData("nothing is lacking")]
    [InlineData("half of a volume")]
    [InlineData("the server")]
    [InlineData("the server and a volume")]
    public async Task A_server_whose_maker_died_is_finished_by_the_next_one(string lacking)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewServer, "copy");
        await WorkSilentlyAsync(world);
        if (lacking != "nothing is lacking") File.Delete(world.Path("cloud/servers/copy.json"));
        if (lacking == "half of a volume")
            await File.WriteAllBytesAsync(world.VolumePath("copy-vda"), [.. s_first.Take(150_000), .. new byte[150_000]]);
        if (lacking == "the server and a volume") await world.Cloud.Storage.RemoveAsync(new("copy-vdb"), default);
        await world.SettleAsync();

        var run = world.Portal.Run(order.Run);
        Assert.True(run.State == RunState.Succeeded, run.Error);
        Assert.Equal("server copy", run.Target);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("copy-vda")));
        Assert.Equal(s_second, await File.ReadAllBytesAsync(world.VolumePath("copy-vdb")));
        var made = (await world.Cloud.Hypervisor.FindAsync("copy", default))!;
        Assert.Equal((ServerState.Shutdown, 2), (made.State, made.Disks.Count));
    }

    [Fact]
    public async Task A_volume_of_that_name_that_is_somebody_elses_is_not_touched()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await WorkSilentlyAsync(world);
        // Another restore, or somebody by hand, has taken it over meanwhile.
        await using (await world.Cloud.Storage.OpenWriterAsync(new("back"), new() { TakesOver = true, Claim = "another" }, default)) { }
        await File.WriteAllBytesAsync(world.VolumePath("back"), new byte[s_first.Length]);
        await world.SettleAsync();

        var run = world.Portal.Run(order.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.Contains("there is one already", run.Error, StringComparison.Ordinal);
        Assert.Equal(new byte[s_first.Length], await File.ReadAllBytesAsync(world.VolumePath("back")));
    }

    [Fact]
    public async Task Two_runs_that_want_one_name_do_not_take_each_others_volume()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var first = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await world.SettleAsync();
        var second = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vdb");
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, RunState.Failed), (world.Portal.Run(first.Run).State, world.Portal.Run(second.Run).State));
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("back")));
    }

    [Fact]
    public async Task What_an_earlier_attempt_made_goes_when_the_run_fails_after_all()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        await WorkSilentlyAsync(world);
        await File.WriteAllBytesAsync(world.VolumePath("back"), new byte[s_first.Length]);
        var packs = Directory.EnumerateFiles(world.Path($"location/{world.Project}/packs"), "*", SearchOption.AllDirectories).ToList();
        foreach (var pack in packs) File.Delete(pack);
        await world.SettleAsync();

        // The point cannot be read any more: the attempt that went on with the volume removes it.
        Assert.Equal(RunState.Failed, world.Portal.Run(order.Run).State);
        Assert.Null(await world.Cloud.Storage.FindLengthAsync(new VolumeId("back"), default));
    }

    [Theory]
    [InlineData(RestoreTarget.NewServer, "server copy, copy-vda, copy-vdb")]
    [InlineData(RestoreTarget.NewVolume, "copy")]
    public async Task What_a_worker_made_that_died_goes_when_its_run_is_cancelled(RestoreTarget target, string made)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, target, "copy", target == RestoreTarget.NewVolume ? "vda" : null);
        Assert.True(await world.NewWorker(new SilencedSource(world.Source)).RunOneAsync(default));
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await EndLeaseAsync(world);
        // It is not over before it is known what is left.
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(RunState.Transferring, world.Portal.Run(order.Run).State);
        await world.SettleAsync();

        Assert.Equal((RunState.Cancelled, $"it was cancelled; the incomplete {made} was removed"),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Null(await world.Cloud.Hypervisor.FindAsync("copy", default));
        foreach (var volume in (string[])["copy", "copy-vda", "copy-vdb"])
            Assert.Null(await world.Cloud.Storage.FindLengthAsync(new(volume), default));
    }

    [Fact]
    public async Task What_a_worker_was_just_making_when_it_died_goes_too()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        await File.WriteAllBytesAsync(world.VolumePath("back") + ".new", new byte[1000]);
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await EndLeaseAsync(world);
        await world.SettleAsync();
        Assert.Equal((RunState.Cancelled, "it was cancelled; the incomplete back was removed"),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Empty(Directory.EnumerateFiles(world.Path("cloud/volumes"), "back*"));
    }

    [Fact]
    public async Task What_a_lost_worker_left_goes_when_no_attempt_is_left_either()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        for (var attempt = 1; attempt <= WorkTask.AttemptsMax; attempt++) await WorkSilentlyAsync(world);
        await world.SettleAsync();
        Assert.Equal((RunState.Failed, "the worker that had it was lost; the incomplete back was removed"),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Null(await world.Cloud.Storage.FindLengthAsync(new("back"), default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_volume_whose_maker_died_before_he_opened_it_is_the_runs_own(bool isCancelled)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        var dying = new SleepingSource(world.Source);
        var working = world.NewWorker(dying).RunOneAsync(default);
        await dying.Asleep;
        Assert.Equal(s_first.Length, await world.Cloud.Storage.FindLengthAsync(new("back"), default));
        if (isCancelled) await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        await world.SettleAsync();
        var run = world.Portal.Run(order.Run);
        Assert.Equal(isCancelled ? (RunState.Cancelled, "it was cancelled; the incomplete back was removed") : (RunState.Succeeded, null),
            (run.State, run.Error));
        if (isCancelled) Assert.Null(await world.Cloud.Storage.FindLengthAsync(new("back"), default));
        else Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("back")));
        // Should he only have slept, he leaves it alone.
        dying.Wake();
        await working;
        if (!isCancelled) Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("back")));
    }

    [Theory]
    [InlineData(null, "; back may be left half made: remove what is there of it")]
    [InlineData("another", "")]
    public async Task What_is_not_known_to_be_the_runs_own_is_not_removed(string? claim, string told)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        Assert.NotNull(await world.Source.AcquireAsync(world.WorkerId, default));
        await world.Cloud.Storage.CreateAsync(new("back"), s_first.Length, default);
        if (claim is not null)
            await using (await world.Cloud.Storage.OpenWriterAsync(new("back"), new() { TakesOver = true, Claim = claim }, default)) { }
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await EndLeaseAsync(world);
        await world.SettleAsync();
        Assert.Equal((RunState.Cancelled, "it was cancelled" + told),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(s_first.Length, await world.Cloud.Storage.FindLengthAsync(new("back"), default));
    }

    [Fact]
    public async Task A_worker_that_slept_until_its_run_was_cancelled_and_cleaned_up_makes_nothing_any_more()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var point = await BackUpAsync(world);
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, "back", "vda");
        var sleeping = new SleepingSource(world.Source);
        var working = world.NewWorker(sleeping).RunOneAsync(default);
        // It has made the volume, and is about to take it over.
        await sleeping.Asleep;
        await world.TellBackupAsync(new CancelRun(order.Run, world.Project), MessageJson.Default.CancelRun);
        await Workers.StartAnewAsync(world.Backup, world.WorkerId, default);
        await world.SettleAsync();
        sleeping.Wake();
        Assert.True(await working);
        Assert.Equal(RunState.Cancelled, world.Portal.Run(order.Run).State);
        Assert.Null(await world.Cloud.Storage.FindLengthAsync(new("back"), default));
    }

    static async Task EndLeaseAsync(ServiceWorld world)
    {
        world.Clock.Advance(s_pastLease);
        await world.Clockwork.TurnAsync(default);
    }

    /// <summary>A worker's line to the service: who asks falls asleep, until he is woken.</summary>
    sealed class SleepingSource(IWorkSource source) : RelayingSource(source)
    {
        readonly TaskCompletionSource _asleep = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asleep => _asleep.Task;

        public void Wake() => _woken.TrySetResult();

        public override async Task<WorkAnswer> ReportAsync(
            WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation)
        {
            _asleep.TrySetResult();
            await _woken.Task;
            return await base.ReportAsync(task, epoch, progress, cancellation);
        }
    }

    static async Task<RestorePointId> BackUpAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", s_first), ("vdb", s_second));
        var backup = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(backup.Run).State);
        return backup.Point;
    }

    /// <summary>A worker does it and dies before it can say so; its lease runs out.</summary>
    static async Task WorkSilentlyAsync(ServiceWorld world)
    {
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        Assert.Equal(1, silent.Lost);
        await EndLeaseAsync(world);
    }
}
