using VBackup.Clouds.Snapshots;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Steps of the vSnapshot service that are done at once.</summary>
public sealed class SnapshotLanesTests
{
    static readonly SnapshotLimits s_four = new() { StepsAtOnce = 4 };

    [Fact]
    public async Task A_backups_snapshot_does_not_wait_for_another_servers_roll_back()
    {
        var held = new HeldCalls(nameof(IVolumeSnapshots.RollBackAsync));
        await using var world = await ServiceWorld.MakeAsync(storage: held.Around, snapshots: s_four);
        var old = await SnapshotAsync(world, "old");
        var web = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));

        await RollBackAsync(world, old);
        var rollingBack = world.SnapshotWork.DoOneAsync(default);
        await held.ReachedAsync(1);
        var order = await world.OrderBackupAsync(web, PointKind.Full);
        await world.BackupPump.SendDueAsync(default);
        Assert.True(await world.SnapshotWork.DoOneAsync(default));
        Assert.False(rollingBack.IsCompleted);
        await world.SnapshotsPump.SendDueAsync(default);
        await world.Worker.RunOneAsync(default);
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);

        held.Release();
        Assert.True(await rollingBack);
        await world.SettleAsync();
        Assert.NotNull(SnapshotServiceTests.Of(world, old).RolledBackAt);
    }

    [Fact]
    public async Task Steps_of_one_server_come_one_after_the_other_as_they_are_due()
    {
        var held = new HeldCalls(nameof(IVolumeSnapshots.RollBackAsync));
        await using var world = await ServiceWorld.MakeAsync(storage: held.Around, snapshots: s_four);
        var old = await SnapshotAsync(world, "old");
        await RollBackAsync(world, old);
        var rollingBack = world.SnapshotWork.DoOneAsync(default);
        await held.ReachedAsync(1);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var next = await TellTakeAsync(world, await ServerAsync(world, "old"), "next");
        Assert.False(await world.SnapshotWork.DoOneAsync(default));

        held.Release();
        Assert.True(await rollingBack);
        Assert.True(await world.SnapshotWork.DoOneAsync(default));
        await world.SnapshotsPump.SendDueAsync(default);
        Assert.Equal(SnapshotState.Ready, SnapshotServiceTests.Of(world, next).State);
    }

    [Fact]
    public async Task Servers_that_have_a_volume_in_common_wait_for_each_other()
    {
        var held = new HeldCalls(nameof(IVolumeSnapshots.RollBackAsync));
        await using var world = await ServiceWorld.MakeAsync(storage: held.Around, snapshots: s_four);
        var old = await SnapshotAsync(world, "old");
        var heir = await world.DeclareServerAsync("heir", "shutdown", ("vda", "old-vda"));
        var theirs = await SnapshotServiceTests.TakeAsync(world, heir, "theirs");
        await RollBackAsync(world, old);
        var rollingBack = world.SnapshotWork.DoOneAsync(default);
        await held.ReachedAsync(1);
        await world.TellSnapshotsAsync(new RemoveSnapshot(theirs, world.Project), MessageJson.Default.RemoveSnapshot);
        Assert.False(await world.SnapshotWork.DoOneAsync(default));
        held.Release();
        Assert.True(await rollingBack);
        await world.SettleAsync();
        Assert.Equal(SnapshotState.Removed, SnapshotServiceTests.Of(world, theirs).State);
    }

    [Fact]
    public async Task Roll_backs_leave_lanes_to_the_others()
    {
        var held = new HeldCalls(nameof(IVolumeSnapshots.RollBackAsync));
        await using var world = await ServiceWorld.MakeAsync(storage: held.Around, snapshots: s_four);
        List<SnapshotId> old = [];
        foreach (var name in (string[])["one", "two", "three"]) old.Add(await SnapshotAsync(world, name));
        foreach (var snapshot in old) await RollBackAsync(world, snapshot);
        List<Task<bool>> rollingBack = [world.SnapshotWork.DoOneAsync(default), world.SnapshotWork.DoOneAsync(default)];
        await held.ReachedAsync(2);
        // What comes behind the third waits with it: a backup of what is about to be rolled back is of no use.
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await TellTakeAsync(world, await ServerAsync(world, "three"), "behind");
        Assert.False(await world.SnapshotWork.DoOneAsync(default));
        var beside = await TellTakeAsync(world, await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(9))), "beside");
        Assert.True(await world.SnapshotWork.DoOneAsync(default));
        await world.SnapshotsPump.SendDueAsync(default);
        Assert.Equal(SnapshotState.Ready, SnapshotServiceTests.Of(world, beside).State);
        Assert.False(await world.SnapshotWork.DoOneAsync(default));
        held.Release();
        await Task.WhenAll(rollingBack);
        await world.SettleAsync();
        Assert.Equal(3, world.Portal.Snapshots.Count(one => one.RolledBackAt is not null));
    }

    [Fact]
    public async Task Snapshots_that_are_taken_at_once_pass_no_cap()
    {
        var held = new HeldCalls(nameof(IVolumeSnapshots.PrepareAsync));
        await using var world = await ServiceWorld.MakeAsync(storage: held.Around,
            snapshots: s_four with { Caps = new() { PerVolume = 9, PerPool = 9, PerRegion = 2 } });
        List<SnapshotId> asked = [];
        foreach (var name in (string[])["one", "two", "three"])
            asked.Add(await TellTakeAsync(world, await world.AddServerAsync(name, ("vda", SnapshotServiceTests.Content(1))), name));
        List<Task<bool>> taking = [.. asked.Select(_ => world.SnapshotWork.DoOneAsync(default))];
        await held.ReachedAsync(2);
        held.Release();
        await Task.WhenAll(taking);
        await world.SnapshotsPump.SendDueAsync(default);
        Assert.Equal([SnapshotState.Ready, SnapshotState.Ready, SnapshotState.Failed],
            asked.Select(id => SnapshotServiceTests.Of(world, id).State).Order());
    }

    static async Task<SnapshotId> SnapshotAsync(ServiceWorld world, string server) => await SnapshotServiceTests.TakeAsync(world,
        await world.AddServerAsync(server, ("vda", SnapshotServiceTests.Content(1))), $"of-{server}");

    static async Task<ServerRef> ServerAsync(ServiceWorld world, string name) =>
        new(ServiceWorld.Region, (await world.Cloud.Hypervisor.FindAsync(name, default))!.Id);

    static async Task<SnapshotId> TellTakeAsync(ServiceWorld world, ServerRef server, string name)
    {
        var id = world.Ids.New<SnapshotId>();
        await world.TellSnapshotsAsync(new TakeServerSnapshot(id, null, world.Project, server, $"hand-{name}", null,
            SnapshotPurpose.Manual, null), MessageJson.Default.TakeServerSnapshot);
        return id;
    }

    static Task RollBackAsync(ServiceWorld world, SnapshotId snapshot) =>
        world.TellSnapshotsAsync(new RollBackSnapshot(snapshot, world.Project, null), MessageJson.Default.RollBackSnapshot);
}
