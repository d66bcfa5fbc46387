using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A location's lock, and a store that can hold points against everybody.</summary>
public sealed class LocationHoldTests
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];
    HeldObjects _held = null!;

    Task<ServiceWorld> MakeAsync() => ServiceWorld.MakeAsync(stores: clock => (_held = new(clock)).Around);

    [Fact]
    public async Task The_check_of_a_location_finds_out_whether_its_store_can_hold()
    {
        await using var world = await MakeAsync();
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "other", LocationKindView.FileSystem, world.Path("other"),
            null, null, null, null, null, 0, false);
        var made = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(), wish, default);
        Assert.Null(made.Reason);
        await world.SettleAsync();
        Assert.True(await world.Backup.MakeAsync(async change =>
            (await change.Db.Locations.FindAsync(made.Location!.Location))!.View().CanHoldPoints, default));
    }

    [Fact]
    public async Task Nothing_is_held_before_the_lock_is_final_and_from_then_on_each_point_is()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        var server = await world.AddServerAsync("web", ("vda", s_content));
        var first = await BackUpAsync(world, server);
        Assert.Empty(_held.Names);
        Assert.False((await LockOfAsync(world)).IsEnforcedByStore);

        await BecomeFinalAsync(world);
        Assert.True((await LockOfAsync(world)).IsEnforcedByStore);
        Assert.Empty(_held.Names);
        var second = await BackUpAsync(world, server);
        Assert.Equal(second.CompletedAt + TimeSpan.FromDays(10), _held.Of($"points/{second.VaultPoint}"));
        Assert.Contains(_held.Names, name => name.StartsWith("packs/", StringComparison.Ordinal));
        Assert.Contains("vault", _held.Names);
        Assert.Contains(_held.Names, name => name.StartsWith("keys/", StringComparison.Ordinal));
        Assert.Null(_held.Of($"points/{first.VaultPoint}"));

        // In the next quiet hours.
        world.Clock.Advance(TimeSpan.FromHours(15));
        await TurnAsync(world);
        Assert.Equal(first.CompletedAt + TimeSpan.FromDays(10), _held.Of($"points/{first.VaultPoint}"));
    }

    [Fact]
    public async Task A_lock_whose_store_cannot_hold_is_kept_by_the_services_alone()
    {
        await using var world = await MakeAsync();
        _held.CanHold = false;
        await LockAsync(world, canHold: false);
        await BecomeFinalAsync(world);
        await BackUpAsync(world, await world.AddServerAsync("web", ("vda", s_content)));
        Assert.Empty(_held.Names);
        Assert.False((await LockOfAsync(world)).IsEnforcedByStore);
    }

    [Fact]
    public async Task A_store_that_cannot_hold_any_more_makes_the_backup_fail_and_says_why()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        await BecomeFinalAsync(world);
        _held.CanHold = false;
        var order = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", s_content)), PointKind.Full, RunTrigger.Policy);
        await world.SettleAsync();
        var run = world.Portal.Run(order.Run);
        Assert.Equal((RunState.Failed, 0), (run.State, world.VaultPoints));
        Assert.Contains("cannot hold them", run.Error, StringComparison.Ordinal);
        Assert.True((await LockOfAsync(world)).IsEnforcedByStore);
    }

    [Fact]
    public async Task A_point_goes_when_its_time_is_over_and_its_packs_when_the_store_gives_them_free()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        await BecomeFinalAsync(world);
        var point = await BackUpAsync(world, await world.AddServerAsync("web", ("vda", s_content)));
        world.Clock.Advance(TimeSpan.FromDays(10));
        await world.TellBackupAsync(new DeletePoint(point.Point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.SettleAsync();
        Assert.Equal((RestorePointState.Deleted, 0), (world.Portal.Point(point.Point).State, world.VaultPoints));
        string[] packs = [.. _held.Names.Where(name => name.StartsWith("packs/", StringComparison.Ordinal))];
        Assert.All(packs, pack => Assert.True(File.Exists(world.Path($"location/{world.Project}/{pack}"))));
    }

    [Fact]
    public async Task A_rotated_key_opens_the_vault_until_the_store_gives_its_slot_free_and_that_is_told()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        await BecomeFinalAsync(world);
        var server = await world.AddServerAsync("web", ("vda", s_content));
        await BackUpAsync(world, server);
        var keys = new ProjectKeys(world.Backup, world.Secrets);
        Assert.Null((await keys.RotateAsync(world.Project, number: 1, default)).Reason);
        await TurnAsync(world);
        var told = await keys.GetAsync(world.Project, default);
        Assert.Equal(ProjectKeyState.Rotating, told.State);
        Assert.Contains("the store holds its slot", Assert.Single(told.Vaults).Error, StringComparison.Ordinal);
        await BackUpAsync(world, server);
        world.Clock.Advance(TimeSpan.FromDays(20));
        await TurnAsync(world);
        Assert.Equal(ProjectKeyState.Ready, (await keys.GetAsync(world.Project, default)).State);
    }

    static async Task LockAsync(ServiceWorld world, bool canHold)
    {
        await world.ChangeLocationAsync(location => location.WasSeenToHold(canHold));
        var answer = await new LocationRegistry(world.Backup, world.Secrets).ChangeAsync(world.Project, world.Location,
            new(Lock: new(MinDays: 10, null, ChangeDays: 1)), default);
        Assert.Null(answer.Reason);
    }

    static async Task BecomeFinalAsync(ServiceWorld world)
    {
        world.Clock.Advance(TimeSpan.FromDays(1));
        await TurnAsync(world);
    }

    static async Task TurnAsync(ServiceWorld world)
    {
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
    }

    static Task<LocationLock> LockOfAsync(ServiceWorld world) => world.Backup.MakeAsync(async change =>
        (await change.Db.Locations.FindAsync(world.Location))!.View().Lock!, default);

    static async Task<PointChanged> BackUpAsync(ServiceWorld world, ServerRef server)
    {
        var order = await world.OrderBackupAsync(server, PointKind.Full, RunTrigger.Policy);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return world.Portal.Point(order.Point);
    }
}
