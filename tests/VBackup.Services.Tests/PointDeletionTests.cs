using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Points go to the bin, come back from it, or go for good; and a location holds what its quota allows.</summary>
public sealed class PointDeletionTests
{
    [Fact]
    public async Task A_point_in_the_bin_can_be_brought_back_and_restored()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await BackUpAsync(world, softDeleteDays: 3);
        await world.TellBackupAsync(new DeletePoint(order.Point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.SettleAsync();
        Assert.Equal(RestorePointState.SoftDeleted, world.Portal.Point(order.Point).State);
        Assert.Equal(world.Clock.GetUtcNow() + TimeSpan.FromDays(3), world.Portal.Point(order.Point).PurgeAt);
        await world.TellBackupAsync(new UndeletePoint(order.Point, world.Project), MessageJson.Default.UndeletePoint);
        world.Clock.Advance(TimeSpan.FromDays(30));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        var back = world.Portal.Point(order.Point);
        Assert.Equal((RestorePointState.Active, true), (back.State, back.IsProtected));
        Assert.Equal(1, world.VaultPoints);
    }

    [Fact]
    public async Task A_point_goes_for_good_when_its_days_in_the_bin_are_over()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await BackUpAsync(world, softDeleteDays: 3);
        await world.TellBackupAsync(new DeletePoint(order.Point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        // Whoever turns the bin off shortens no stay of what is in it.
        await world.ChangeLocationAsync(location => location.IsLimited(location.QuotaBytes, 0));
        world.Clock.Advance(TimeSpan.FromDays(3) - TimeSpan.FromSeconds(1));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.Equal(1, world.VaultPoints);
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.Equal(RestorePointState.Deleted, world.Portal.Point(order.Point).State);
        Assert.Equal(0, world.VaultPoints);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task Retention_never_touches_a_manual_point()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await BackUpAsync(world, softDeleteDays: 0, RunTrigger.Manual);
        await world.TellBackupAsync(new DeletePoint(order.Point, world.Project, IsByPolicy: true), MessageJson.Default.DeletePoint);
        await world.SettleAsync();
        Assert.Equal(RestorePointState.Active, world.Portal.Point(order.Point).State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_protected_point_stays_whoever_wants_it_gone(bool isByPolicy)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await BackUpAsync(world, softDeleteDays: 0);
        await TellAsync(new ProtectPoint(order.Point, world.Ids.New<ProjectId>(), true), MessageJson.Default.ProtectPoint);
        Assert.False(world.Portal.Point(order.Point).IsProtected);
        await TellAsync(new ProtectPoint(order.Point, world.Project, true), MessageJson.Default.ProtectPoint);
        Assert.True(world.Portal.Point(order.Point).IsProtected);
        var version = world.Portal.Point(order.Point).Version;
        await TellAsync(new DeletePoint(order.Point, world.Project, isByPolicy), MessageJson.Default.DeletePoint);
        Assert.Equal(RestorePointState.Active, world.Portal.Point(order.Point).State);
        // What a user deletes the Portal took for going, and hears that it does not.
        Assert.Equal(!isByPolicy, world.Portal.Point(order.Point).Version > version);
        await TellAsync(new ProtectPoint(order.Point, world.Project, false), MessageJson.Default.ProtectPoint);
        await TellAsync(new DeletePoint(order.Point, world.Project, isByPolicy), MessageJson.Default.DeletePoint);
        Assert.Equal(RestorePointState.Deleted, world.Portal.Point(order.Point).State);

        async Task TellAsync<TMessage>(TMessage message, System.Text.Json.Serialization.Metadata.JsonTypeInfo<TMessage> type)
            where TMessage : class, IMessage
        {
            await world.TellBackupAsync(message, type);
            await world.SettleAsync();
        }
    }

    [Fact]
    public async Task Nobody_deletes_another_projects_point()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var order = await BackUpAsync(world, softDeleteDays: 0);
        await world.TellBackupAsync(
            new DeletePoint(order.Point, world.Ids.New<Contracts.Ids.ProjectId>(), IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.SettleAsync();
        Assert.Equal(RestorePointState.Active, world.Portal.Point(order.Point).State);
    }

    [Fact]
    public async Task A_backup_that_the_quota_has_no_room_for_fails_before_it_freezes_anybody()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var first = await BackUpAsync(world, softDeleteDays: 0);
        await world.ChangeLocationAsync(location => location.IsLimited(location.UsedBytes + 1000, location.SoftDeleteDays));
        var second = await world.OrderBackupAsync(world.Portal.Run(first.Run).Server, PointKind.Full);
        await world.SettleAsync();
        var run = world.Portal.Run(second.Run);
        Assert.Equal(RunState.Failed, run.State);
        Assert.Contains("quota", run.Error, StringComparison.Ordinal);
        Assert.Single(world.Portal.Snapshots);
    }

    [Fact]
    public async Task What_one_run_has_reserved_no_other_gets()
    {
        await using var world = await ServiceWorld.MakeAsync();
        List<ServerRef> servers = [];
        foreach (var (name, seed) in (List<(string, int)>)[("web", 1), ("mail", 2)])
        {
            var content = new byte[300_000];
            new Random(seed).NextBytes(content);
            servers.Add(await world.AddServerAsync(name, ("vda", content)));
            await world.OrderBackupAsync(servers[^1], PointKind.Full);
            await world.SettleAsync();
        }
        var first = await world.OrderBackupAsync(servers[0], PointKind.Full);
        var reserved = await world.Backup.MakeAsync(change => change.Db.Runs.Where(run => run.Id == first.Run)
            .Select(run => run.ReservedBytes).SingleAsync(), default);
        Assert.InRange(reserved, 1, 10_000_000);
        // There is room for one of the two, and for half of the other.
        await world.ChangeLocationAsync(location => location.IsLimited(location.UsedBytes + reserved * 3 / 2, location.SoftDeleteDays));
        var second = await world.OrderBackupAsync(servers[1], PointKind.Full);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(first.Run).State, world.Portal.Run(first.Run).Error));
        Assert.Equal(RunState.Failed, world.Portal.Run(second.Run).State);
        Assert.DoesNotContain(", 0 are reserved for other runs", world.Portal.Run(second.Run).Error, StringComparison.Ordinal);
        Assert.Contains("are reserved for other runs", world.Portal.Run(second.Run).Error, StringComparison.Ordinal);
        // What was reserved is free again.
        var third = await world.OrderBackupAsync(servers[1], PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(third.Run).State);
    }

    [Fact]
    public async Task A_backup_that_was_ordered_to_a_location_before_it_was_deleted_fails_and_freezes_nobody()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        Assert.Null((await new LocationRegistry(world.Backup, world.Secrets).DeleteAsync(world.Project, world.Location, default)).Reason);
        // The message was delayed.
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Failed, "the location main was deleted"),
            (world.Portal.Run(order.Run).State, world.Portal.Run(order.Run).Error));
        Assert.Equal(RestorePointState.Failed, world.Portal.Point(order.Point).State);
        Assert.Equal(0, world.VaultPoints);
        Assert.Empty(world.Portal.Snapshots);
    }

    static async Task<StartBackup> BackUpAsync(ServiceWorld world, int softDeleteDays, RunTrigger trigger = RunTrigger.Policy)
    {
        await world.ChangeLocationAsync(location => location.IsLimited(location.QuotaBytes, softDeleteDays));
        var content = new byte[300_000];
        new Random(5).NextBytes(content);
        var server = await world.AddServerAsync("web", ("vda", content));
        var order = await world.OrderBackupAsync(server, PointKind.Full, trigger);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return order;
    }
}
