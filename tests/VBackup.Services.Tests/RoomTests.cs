using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Nothing is begun for which the storage has no room, and nothing refused for which it has.</summary>
public sealed class RoomTests
{
    const int Length = 1024 * 1024;

    // By the volume; those that are not named lie where there is room for everything.
    readonly Dictionary<string, StorageRoom> _rooms = [];

    Task<ServiceWorld> MakeAsync() => ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab,
        (call, given) => call == nameof(IVolumeStorage.FindRoomAsync) && _rooms.TryGetValue(((VolumeId)given[0]!).Value, out var room)
            ? Task.FromResult<StorageRoom?>(room) : null));

    /// <summary>Volumes of one name's beginning may have their data in different pools, and of different ones in one.</summary>
    [Fact]
    public async Task A_restore_in_place_adds_up_what_the_volumes_of_each_pool_need()
    {
        await using var world = await MakeAsync();
        var point = await BackUpAsync(world, Content(1), Content(2));
        _rooms["web-vda"] = new("pool large", 2 * Length);
        _rooms["web-vdb"] = new("pool small", Length - 1);
        Assert.Contains("the pool small of web-vdb has 1.00 MiB left, and a safety snapshot may come to need 1.00 MiB",
            await RestoreInPlaceAsync(world, point), StringComparison.Ordinal);
        _rooms["web-vda"] = _rooms["web-vdb"] = new("pool shared", 2 * Length - 1);
        Assert.Contains("the pool shared of web-vda, web-vdb has 2.00 MiB left", await RestoreInPlaceAsync(world, point),
            StringComparison.Ordinal);
        (_rooms["web-vda"], _rooms["web-vdb"]) = (new("pool a", Length), new("pool b", Length));
        Assert.Null(await RestoreInPlaceAsync(world, point));
    }

    static async Task<string?> RestoreInPlaceAsync(ServiceWorld world, StartBackup point)
    {
        var order = await world.OrderRestoreAsync(point.Point);
        await world.SettleAsync();
        return world.Portal.Run(order.Run).Error;
    }

    /// <summary>A server with a disk for each content, and a point of it.</summary>
    static async Task<StartBackup> BackUpAsync(ServiceWorld world, params byte[][] contents)
    {
        var server = await world.AddServerAsync("web", [.. contents.Select((content, i) => ($"vd{(char)('a' + i)}", content))]);
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        return order;
    }

    static byte[] Content(int seed)
    {
        var content = new byte[Length];
        new Random(seed).NextBytes(content);
        return content;
    }
}
