using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
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
        world.Clock.Advance(s_pastLease);
        await world.Clockwork.TurnAsync(default);
    }
}
