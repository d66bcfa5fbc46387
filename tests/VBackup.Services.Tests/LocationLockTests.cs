using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Recovery;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a location's lock holds nobody deletes, and what is too old for it goes, whoever made it.</summary>
public sealed class LocationLockTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_point_that_is_younger_than_the_minimum_is_deleted_by_nobody(bool isByPolicy)
    {
        await using var world = await ServiceWorld.MakeAsync();
        await LockAsync(world, new(MinDays: 10, null, ChangeDays: 1));
        var order = await BackUpAsync(world);
        world.Clock.Advance(TimeSpan.FromDays(10) - TimeSpan.FromSeconds(1));
        await DeleteAsync(world, order, isByPolicy);
        Assert.Equal((RestorePointState.Active, 1), (world.Portal.Point(order.Point).State, world.VaultPoints));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await DeleteAsync(world, order, isByPolicy);
        Assert.Equal((RestorePointState.Deleted, 0), (world.Portal.Point(order.Point).State, world.VaultPoints));
    }

    [Fact]
    public async Task What_is_in_the_bin_when_the_lock_comes_is_held_there()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await world.ChangeLocationAsync(location => location.IsLimited(null, softDeleteDays: 1));
        var order = await BackUpAsync(world);
        var made = world.Clock.GetUtcNow();
        await DeleteAsync(world, order, isByPolicy: false);
        await LockAsync(world, new(MinDays: 10, null, ChangeDays: 1));
        world.Clock.Advance(TimeSpan.FromDays(2));
        await TurnAsync(world);
        Assert.Equal((RestorePointState.SoftDeleted, made + TimeSpan.FromDays(10)),
            (world.Portal.Point(order.Point).State, world.Portal.Point(order.Point).PurgeAt));
        world.Clock.Advance(TimeSpan.FromDays(8));
        await TurnAsync(world);
        Assert.Equal((RestorePointState.Deleted, 0), (world.Portal.Point(order.Point).State, world.VaultPoints));
    }

    [Fact]
    public async Task A_manual_point_that_is_older_than_the_maximum_goes_without_anybody_asking()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await LockAsync(world, new(null, MaxDays: 20, ChangeDays: 1));
        var order = await BackUpAsync(world, RunTrigger.Manual);
        world.Clock.Advance(TimeSpan.FromDays(20) - TimeSpan.FromSeconds(1));
        await TurnAsync(world);
        Assert.Equal(RestorePointState.Active, world.Portal.Point(order.Point).State);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await TurnAsync(world);
        Assert.Equal((RestorePointState.Deleted, 0), (world.Portal.Point(order.Point).State, world.VaultPoints));
    }

    [Fact]
    public async Task The_lock_is_changed_and_taken_away_until_it_is_final_and_a_clock_that_is_set_back_changes_nothing()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var registry = new LocationRegistry(world.Backup, world.Secrets);
        var begun = world.Clock.GetUtcNow();
        var made = await ChangeAsync(new(Lock: new(10, 20, ChangeDays: 3)));
        Assert.Equal(new(10, 20, begun + TimeSpan.FromDays(3)), made.Location?.Lock);
        Assert.Null((await ChangeAsync(new(HasNoLock: true))).Location!.Lock);
        await ChangeAsync(new(Lock: new(10, null, ChangeDays: 3)));
        world.Clock.Advance(TimeSpan.FromDays(3) - TimeSpan.FromSeconds(1));
        Assert.Null((await ChangeAsync(new(Lock: new(30, null, ChangeDays: 1)))).Reason);
        world.Clock.Advance(TimeSpan.FromDays(1));
        await FinalAsync();
        await world.Clockwork.TurnAsync(default);
        world.Clock.AdjustTime(begun);
        await FinalAsync();
        // All else of the location can be changed as ever.
        Assert.Equal(5, (await ChangeAsync(new(SoftDeleteDays: 5))).Location?.SoftDeleteDays);

        Task<LocationAnswer> ChangeAsync(LocationChange wish) => registry.ChangeAsync(world.Project, world.Location, wish, default);

        async Task FinalAsync()
        {
            foreach (var wish in (LocationChange[])[new(HasNoLock: true), new(Lock: new(40, null, 1))])
                Assert.Equal((null, "lock-final"), ((await ChangeAsync(wish)) is var answer ? (answer.Location, answer.Code) : default));
        }
    }

    [Theory]
    [InlineData(null, null, 1, "minDays")]
    [InlineData(0, null, 1, "minDays")]
    [InlineData(null, 0, 1, "maxDays")]
    [InlineData(5, 4, 1, "maxDays")]
    [InlineData(1, null, 0, "changeDays")]
    [InlineData(1, null, 367, "changeDays")]
    public async Task A_lock_that_makes_no_sense_is_refused_by_the_name_of_the_member(int? min, int? max, int change, string field)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var answer = await new LocationRegistry(world.Backup, world.Secrets).ChangeAsync(
            world.Project, world.Location, new(Lock: new(min, max, change)), default);
        Assert.Equal((null, "invalid", field), (answer.Location, answer.Code, answer.Field));
    }

    [Fact]
    public async Task A_key_that_a_locked_point_needs_is_not_erased()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await LockAsync(world, new(MinDays: 10, null, ChangeDays: 1));
        var order = await BackUpAsync(world);
        var keys = new ProjectKeys(world.Backup, world.Secrets);
        var refused = await keys.EraseAsync(world.Project, default);
        Assert.Equal("point-locked", refused.Code);
        Assert.Contains("the location main is locked", refused.Reason, StringComparison.Ordinal);
        world.Clock.Advance(TimeSpan.FromDays(10));
        Assert.Null((await keys.EraseAsync(world.Project, default)).Reason);
        await world.SettleAsync();
        Assert.Equal(RestorePointState.Erased, world.Portal.Point(order.Point).State);
    }

    [Fact]
    public async Task A_lock_comes_back_with_a_system_that_was_lost_and_is_as_final_as_it_was()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (project, location) = (world.Ids.New<ProjectId>(), world.Ids.New<LocationId>());
        var entry = new CatalogueLocation(location, ServiceWorld.Region, "lost", LocationKindView.FileSystem, world.Path("lost"), null,
            null, true,
            null, 0, new(10, null, world.Clock.GetUtcNow() - TimeSpan.FromDays(1)));
        await world.Backup.MakeAsync(change =>
        {
            SystemRecovery.Make(change, world.Secrets, new(project, new byte[32], null, 1, null, [new(entry, null, null, 0, false, [])]));
            return Task.CompletedTask;
        }, default);
        var answer = await new LocationRegistry(world.Backup, world.Secrets).ChangeAsync(project, location, new(HasNoLock: true), default);
        Assert.Equal("lock-final", answer.Code);
    }

    static async Task LockAsync(ServiceWorld world, LockWish wish)
    {
        var answer = await new LocationRegistry(world.Backup, world.Secrets).ChangeAsync(world.Project, world.Location, new(Lock: wish),
            default);
        Assert.Null(answer.Reason);
    }

    static async Task DeleteAsync(ServiceWorld world, StartBackup order, bool isByPolicy)
    {
        await world.TellBackupAsync(new DeletePoint(order.Point, world.Project, isByPolicy), MessageJson.Default.DeletePoint);
        await world.SettleAsync();
    }

    static async Task TurnAsync(ServiceWorld world)
    {
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
    }

    static async Task<StartBackup> BackUpAsync(ServiceWorld world, RunTrigger trigger = RunTrigger.Policy)
    {
        var order = await world.OrderBackupAsync(await world.AddServerAsync("web",
            ("vda", [.. Enumerable.Range(0, 5000).Select(i => (byte)i)])),
            PointKind.Full, trigger);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return order;
    }
}
