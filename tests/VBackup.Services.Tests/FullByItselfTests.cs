using System.Reflection;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Primitives;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>An incremental that cannot be one is made a full, and says why: in the run's notes, and in the point.</summary>
public sealed class FullByItselfTests
{
    [Fact]
    public async Task When_its_base_is_gone()
    {
        await using var world = await ProtectedAsync();
        await world.Cloud.Storage.Snapshots.RemoveAsync(Assert.Single(await world.SnapshotNamesAsync("web")), [new("web-vda")], default);
        await ExpectFullAsync(world, "there is no snapshot");
    }

    [Fact]
    public async Task When_the_volume_was_resized()
    {
        await using var world = await ProtectedAsync();
        await world.Cloud.Storage.ResizeAsync(new("web-vda"), 400_000, default);
        await ExpectFullAsync(world, "the volume had 300000 bytes in the base and has 400000 now");
    }

    [Fact]
    public async Task When_the_volume_was_attached_later_and_the_others_stay_incremental()
    {
        await using var world = await ProtectedAsync();
        await File.WriteAllBytesAsync(world.VolumePath("web-vdb"), SnapshotServiceTests.Content(2));
        var server = await world.DeclareServerAsync("web", "shutdown", ("vda", "web-vda"), ("vdb", "web-vdb"));
        var order = await BackUpAsync(world, server);
        var volumes = world.Portal.Point(order.Point).Volumes.ToDictionary(one => one.Name);
        Assert.Equal((PointKind.Incremental, null), (volumes["vda"].Kind, volumes["vda"].FullBecause));
        Assert.Equal((PointKind.Full, "the last point does not have it"), (volumes["vdb"].Kind, volumes["vdb"].FullBecause));
        Assert.Contains("volume vdb becomes full: the last point does not have it", world.Portal.Run(order.Run).Notes);
    }

    [Fact]
    public async Task When_another_volume_is_in_its_place()
    {
        await using var world = await ProtectedAsync();
        await File.WriteAllBytesAsync(world.VolumePath("web-new"), SnapshotServiceTests.Content(2));
        await ExpectFullAsync(world, "the last point was made of web-vda, and it is web-new now",
            await world.DeclareServerAsync("web", "shutdown", ("vda", "web-new")));
    }

    [Fact]
    public async Task When_the_location_is_another()
    {
        await using var world = await ProtectedAsync();
        var second = await world.AddLocationAsync("second", world.Project);
        var order = await world.OrderBackupAsync(await ServerAsync(world), location: second);
        await world.SettleAsync();
        Expect(world, order, "the location has no point of this server yet");
    }

    [Fact]
    public async Task When_change_tracking_is_found_wrong()
    {
        BlindTracking? blind = null;
        await using var world = await ProtectedAsync(storage => BlindTracking.Over(storage, out blind));
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), SnapshotServiceTests.Content(2));
        await BackUpAsync(world, await ServerAsync(world));
        blind!.SeesNothing = true;
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), SnapshotServiceTests.Content(3));
        await ExpectFullAsync(world, "change tracking missed a change of vda");
        Assert.Equal(1, blind.Asked);
    }

    [Fact]
    public async Task After_a_restore_in_place()
    {
        await using var world = await ProtectedAsync();
        var order = await BackUpAsync(world, await ServerAsync(world));
        var restore = await world.OrderRestoreAsync(order.Point);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(restore.Run).State, world.Portal.Run(restore.Run).Error));
        await ExpectFullAsync(world, "there is no snapshot");
    }

    static async Task<ServiceWorld> ProtectedAsync(Func<IVolumeStorage, IVolumeStorage>? storage = null)
    {
        var world = await ServiceWorld.MakeAsync(storage: storage);
        try
        {
            await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
            var order = await world.OrderBackupAsync(await ServerAsync(world), PointKind.Full);
            await world.SettleAsync();
            Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
            // What was asked for needs no reason.
            Assert.Null(Assert.Single(world.Portal.Point(order.Point).Volumes).FullBecause);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    static async Task<ServerRef> ServerAsync(ServiceWorld world) =>
        new(ServiceWorld.Region, (await world.Cloud.Hypervisor.FindAsync("web", default))!.Id);

    static async Task<StartBackup> BackUpAsync(ServiceWorld world, ServerRef server)
    {
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        return order;
    }

    static async Task ExpectFullAsync(ServiceWorld world, string reason, ServerRef? server = null) =>
        Expect(world, await BackUpAsync(world, server ?? await ServerAsync(world)), reason);

    static void Expect(ServiceWorld world, StartBackup order, string reason)
    {
        var point = world.Portal.Point(order.Point);
        Assert.Equal((RestorePointState.Active, PointKind.Full), (point.State, point.Kind));
        Assert.Contains(reason, Assert.Single(point.Volumes).FullBecause, StringComparison.Ordinal);
        Assert.Contains(world.Portal.Run(order.Run).Notes, note =>
            note.Contains("becomes full", StringComparison.Ordinal) && note.Contains(reason, StringComparison.Ordinal));
    }
}

/// <summary>The same storage, which can be made to tell of no change at all.</summary>
// What stands for the storage is made at run time, and derives from it.
#pragma warning disable CA1852
class BlindTracking : DispatchProxy
#pragma warning restore CA1852
{
    object _inner = null!;
    BlindTracking _switch = null!;
    IVolumeSnapshots? _snapshots;

    public bool SeesNothing { get; set; }

    /// <summary>How often it lied.</summary>
    public int Asked { get; private set; }

    public static IVolumeStorage Over(IVolumeStorage storage, out BlindTracking switched)
    {
        var proxy = Create<IVolumeStorage, BlindTracking>();
        switched = (BlindTracking)(object)proxy;
        (switched._inner, switched._switch) = (storage, switched);
        var snapshots = Create<IVolumeSnapshots, BlindTracking>();
        (((BlindTracking)(object)snapshots)._inner, ((BlindTracking)(object)snapshots)._switch) = (storage.Snapshots, switched);
        switched._snapshots = snapshots;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == "get_" + nameof(IVolumeStorage.Snapshots)) return _snapshots;
        if (targetMethod.Name != nameof(IVolumeSnapshots.FindChangesAsync) || !_switch.SeesNothing)
            return targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
        _switch.Asked++;
        return Task.FromResult<ChangeAnswer>(new ChangeAnswer.Known(Extents.Checked([], long.MaxValue)));
    }
}
