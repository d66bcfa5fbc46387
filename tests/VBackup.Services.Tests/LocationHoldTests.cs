using VBackup.Cli.Recovering;
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
    public async Task A_store_that_may_not_be_asked_to_hold_is_found_out_and_told_and_is_asked_again_by_a_collection()
    {
        await using var world = await MakeAsync();
        _held.Refusal = "to hold objects takes a permission";
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "other", LocationKindView.FileSystem, world.Path("other"),
            null, null, null, null, null, 0, true);
        var made = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(), wish, default);
        await world.SettleAsync();
        var found = await ViewAsync();
        Assert.Equal((LocationStateView.Ready, false), (found.State, found.CanHoldPoints));
        Assert.Contains(_held.Refusal, found.Finding, StringComparison.Ordinal);

        var order = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", s_content)), location: made.Location!.Location);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        await CollectAsync();
        Assert.False((await ViewAsync()).CanHoldPoints);
        _held.Refusal = null;
        await CollectAsync();
        Assert.True((await ViewAsync()).CanHoldPoints);
        Assert.Empty(_held.Names);

        Task<LocationChanged> ViewAsync() => world.Backup.MakeAsync(async change =>
            (await change.Db.Locations.FindAsync(made.Location!.Location))!.View(), default);
        async Task CollectAsync()
        {
            await world.Backup.MakeAsync(async change =>
            {
                (await change.Db.Locations.FindAsync(made.Location!.Location))!.MayHaveGarbage();
                return true;
            }, default);
            world.Clock.Advance(TimeSpan.FromHours(25));
            await TurnAsync(world);
            world.Clock.Advance(TimeSpan.FromHours(14));
            await TurnAsync(world);
        }
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
        // What a recovery needs is held with the next catalogue.
        Assert.All(_held.Names, name => Assert.StartsWith("catalogue/", name, StringComparison.Ordinal));
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

    [Fact]
    public async Task The_master_key_alone_opens_what_is_left_when_all_was_destroyed_that_is_not_held()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        await BecomeFinalAsync(world);
        var server = await world.AddServerAsync("web", ("vda", s_content));
        await BackUpAsync(world, server);
        // The copy of the key is held with the point, and the catalogue when it is saved.
        Assert.Contains(_held.Names, name => name.StartsWith("catalogue/key-", StringComparison.Ordinal));
        await TurnAsync(world);
        world.Clock.Advance(TimeSpan.FromDays(9));
        await TurnAsync(world);
        await BackUpAsync(world, server);
        world.Clock.Advance(TimeSpan.FromDays(9.5));
        var found = await FindAsync(world, destroys: true);
        Assert.Equal((1, 1), (found!.Points.Count, found.Catalogue!.Points.Count));
    }

    [Fact]
    public async Task After_a_change_of_keys_the_newest_is_found_although_the_store_holds_the_one_before()
    {
        await using var world = await MakeAsync();
        await LockAsync(world, canHold: true);
        await BecomeFinalAsync(world);
        await BackUpAsync(world, await world.AddServerAsync("web", ("vda", s_content)));
        await TurnAsync(world);
        var before = (await FindAsync(world, destroys: false))!.Key;
        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Null((await new ProjectKeys(world.Backup, world.Secrets).RotateAsync(world.Project, number: 1, default)).Reason);
        await TurnAsync(world);
        Assert.Equal(2, _held.Names.Count(name => name.StartsWith("catalogue/key-", StringComparison.Ordinal)));
        Assert.NotEqual(before, (await FindAsync(world, destroys: false))!.Key);
        // Also when no point was made since.
        Assert.NotEqual(before, (await FindAsync(world, destroys: true))!.Key);
    }

    async Task<FoundVault?> FindAsync(ServiceWorld world, bool destroys)
    {
        var place = new RecoveryPlace(world.Path("location"), 1);
        if (destroys) _held.DestroyOthers(place.VaultAddress(world.Project));
        using var keys = RecoveryKeys.Read([world.MasterKeyFile]);
        Assert.Equal([world.Project], await place.FindProjectsAsync(default));
        return await FoundVault.ReadAsync(place, world.Project, keys, default);
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
