using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Service.Work;
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
        _rooms["web-vdb"] = new("pool small", Length / 2);
        Assert.Contains("the pool small of web-vdb has 512 KiB left, and a safety snapshot may come to need 1.00 MiB",
            await RestoreAsync(world, point), StringComparison.Ordinal);
        _rooms["web-vda"] = _rooms["web-vdb"] = new("pool shared", 2 * Length - 1);
        Assert.Contains("the pool shared of web-vda, web-vdb has 2.00 MiB left", await RestoreAsync(world, point),
            StringComparison.Ordinal);
        (_rooms["web-vda"], _rooms["web-vdb"]) = (new("pool a", Length), new("pool b", Length));
        Assert.Null(await RestoreAsync(world, point));
    }

    [Fact]
    public async Task A_restore_to_a_new_server_is_refused_before_anything_is_made()
    {
        await using var world = await MakeAsync();
        var point = await BackUpAsync(world, Content(1), Content(2));
        _rooms["web-2-vda"] = _rooms["web-2-vdb"] = new("pool small", 2 * Length - 1);
        Assert.Contains("the pool small has 2.00 MiB left, and web-2-vda, web-2-vdb will need 2.00 MiB: make room there; nothing was made",
            await RestoreAsync(world, point, RestoreTarget.NewServer, "web-2"), StringComparison.Ordinal);
        Assert.False(File.Exists(world.VolumePath("web-2-vda")));
        Assert.Null(await world.Cloud.Hypervisor.FindAsync("web-2", default));

        _rooms["web-2-vda"] = _rooms["web-2-vdb"] = new("pool small", 2 * Length);
        Assert.Null(await RestoreAsync(world, point, RestoreTarget.NewServer, "web-2"));
        // Each has room enough of its own.
        (_rooms["web-3-vda"], _rooms["web-3-vdb"]) = (new("pool a", Length), new("pool b", Length));
        Assert.Null(await RestoreAsync(world, point, RestoreTarget.NewServer, "web-3"));
    }

    [Fact]
    public async Task A_new_volume_needs_room_for_what_is_not_zero()
    {
        await using var world = await MakeAsync();
        // One byte in each of two chunks, of which the last is shorter.
        const int Chunk = 128 * 1024, Rest = 1000;
        var content = new byte[400 * Chunk + Rest];
        content[5] = content[^1] = 7;
        var point = await BackUpAsync(world, content);
        _rooms["copy"] = new("pool small", Chunk + Rest - 1);
        Assert.Contains("has 129 KiB left, and copy will need 129 KiB", await RestoreAsync(world, point, RestoreTarget.NewVolume, "copy"),
            StringComparison.Ordinal);
        Assert.False(File.Exists(world.VolumePath("copy")));
        _rooms["copy"] = new("pool small", Chunk + Rest);
        Assert.Null(await RestoreAsync(world, point, RestoreTarget.NewVolume, "copy"));
        Assert.Equal(content, await File.ReadAllBytesAsync(world.VolumePath("copy")));
    }

    /// <summary>What it has made takes the room that there was.</summary>
    [Fact]
    public async Task An_attempt_that_goes_on_with_what_another_has_made_needs_no_room_for_it()
    {
        await using var world = await MakeAsync();
        var point = await BackUpAsync(world, Content(1));
        var order = await world.OrderRestoreAsync(point.Point, RestoreTarget.NewVolume, "copy");
        Assert.True(await world.NewWorker(new SilencedSource(world.Source)).RunOneAsync(default));
        _rooms["copy"] = new("pool full", 0);
        world.Clock.Advance(new WorkLimits().Lease * 2);
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
    }

    [Fact]
    public async Task An_image_needs_room_for_what_is_not_zero_also_where_its_file_has_no_holes()
    {
        await using var world = await MakeAsync();
        await BackUpAsync(world, Content(1));
        const int Block = 64 * 1024;
        var content = new byte[Length];
        content[Block - 1] = content[^1] = 7;
        Directory.CreateDirectory(world.Path($"images/{world.Project}"));
        await File.WriteAllBytesAsync(world.Path($"images/{world.Project}/web.raw"), content);
        _rooms["copy"] = new("pool small", 2 * Block - 1);
        Assert.Matches("the pool small has 128 KiB left, and copy needs more than that: .*web.raw has more that is not zero, of 1.00 MiB",
            await ImportAsync(world));
        Assert.False(File.Exists(world.VolumePath("copy")));
        _rooms["copy"] = new("pool small", 2 * Block);
        Assert.Null(await ImportAsync(world));
        Assert.Equal(content, await File.ReadAllBytesAsync(world.VolumePath("copy")));
    }

    static async Task<string?> ImportAsync(ServiceWorld world)
    {
        var server = new ServerRef(ServiceWorld.Region, (await world.Cloud.Hypervisor.FindAsync("web", default))!.Id);
        var order = new ImportImage(world.Ids.New<RunId>(), world.Project, server, "web", "web-vda", "web.raw", null, "copy");
        await world.TellBackupAsync(order, MessageJson.Default.ImportImage);
        await world.SettleAsync();
        return world.Portal.Run(order.Run).Error;
    }

    static async Task<string?> RestoreAsync(
        ServiceWorld world, StartBackup point, RestoreTarget target = RestoreTarget.Original, string? name = null)
    {
        var order = await world.OrderRestoreAsync(point.Point, target, name);
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
