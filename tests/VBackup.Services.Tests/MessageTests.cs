using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Messages are sent when what they tell of is saved, arrive once at least, and are carried out once.</summary>
public class MessageTests : StoryTests
{
    [Fact]
    public async Task A_message_that_arrives_twice_is_carried_out_once()
    {
        await using var world = await MakeWorldAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        var order = await world.OrderBackupAsync(server);
        var sent = await world.Backup.MakeAsync(change =>
            Task.FromResult(change.Db.Outbox.AsEnumerable().Select(one => one.Envelope).ToList()), default);
        var snapshot = sent.Single(one => one.Name == TakeServerSnapshot.Name);
        await world.SettleAsync();
        var heard = world.Portal.Snapshots.Single();
        await world.SnapshotsEndpoint.DeliverAsync(snapshot, default);
        await world.SettleAsync();
        Assert.Equal(heard.Version, world.Portal.Snapshots.Single().Version);
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task What_is_not_saved_sends_nothing()
    {
        await using var world = await MakeWorldAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.Backup.MakeAsync(change =>
        {
            change.Send(Destination.Portal, new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()), MessageJson.Default.KeepSnapshotAsBase);
            throw new InvalidOperationException("it died here");
        }, default));
        Assert.Equal(0, await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Outbox.Count()), default));
    }

    [Fact]
    public async Task A_message_that_nobody_understands_is_dead_at_once_and_others_go_on()
    {
        await using var world = await MakeWorldAsync();
        await world.Backup.MakeAsync(change =>
        {
            change.Send("nowhere", new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()), MessageJson.Default.KeepSnapshotAsBase);
            change.Send(Destination.Portal, new CancelRun(world.Ids.New<RunId>(), world.Project), MessageJson.Default.CancelRun);
            change.Send(Destination.Snapshots(ServiceWorld.Region), new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()),
                MessageJson.Default.KeepSnapshotAsBase);
            return Task.CompletedTask;
        }, default);
        await world.BackupPump.SendDueAsync(default);
        var left = await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Outbox.ToDictionary(one => one.To)), default);
        Assert.True(left["nowhere"].IsDead);
        Assert.Contains("no region of that name", left["nowhere"].LastError, StringComparison.Ordinal);
        Assert.True(left[Destination.Portal].IsDead);
        Assert.False(left[Destination.Snapshots(ServiceWorld.Region)].IsDead);
        Assert.All(left.Values, one => Assert.Null(one.NextAttemptAt));
    }

    [Fact]
    public async Task A_service_that_is_down_gets_its_messages_when_it_is_back()
    {
        await using var world = await MakeWorldAsync();
        world.Portal.IsDown = true;
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        var order = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal(0, world.Portal.Heard);
        world.Portal.IsDown = false;
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task What_arrived_is_forgotten_by_each_service_once_a_day_and_what_is_dead_stays()
    {
        await using var world = await MakeWorldAsync();
        await world.Clockwork.TurnAsync(default);
        await world.SnapshotWork.DoDueAsync(default);
        await world.Backup.MakeAsync(change =>
        {
            change.Send("nowhere", new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()), MessageJson.Default.KeepSnapshotAsBase);
            return Task.CompletedTask;
        }, default);
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.True((await CountAsync(world.Backup)).Outbox > 1);
        Assert.True((await CountAsync(world.Snapshots)).Outbox > 0);

        // Nearly a day after the last time nothing is due, and a day after it little is old enough.
        world.Clock.Advance(MessageTidying.Every - TimeSpan.FromSeconds(1));
        var before = await CountAsync(world.Backup);
        await TurnAsync(world);
        Assert.Equal(before, await CountAsync(world.Backup));
        world.Clock.Advance(MessageTidying.Every);
        await TurnAsync(world);
        Assert.Equal(1, (await CountAsync(world.Backup)).Outbox);
        Assert.Equal(0, (await CountAsync(world.Snapshots)).Outbox);
        // A message may come again for longer than that.
        Assert.True((await CountAsync(world.Backup)).Inbox > 0);

        world.Clock.Advance(MessageTidying.DoneKept);
        await TurnAsync(world);
        Assert.Equal((1, 0), await CountAsync(world.Backup));
        Assert.Equal((0, 0), await CountAsync(world.Snapshots));
    }

    static async Task TurnAsync(ServiceWorld world)
    {
        await world.Clockwork.TurnAsync(default);
        await world.SnapshotWork.DoDueAsync(default);
    }

    static Task<(int Outbox, int Inbox)> CountAsync<TDb>(ChangeMaker<TDb> changes) where TDb : ServiceDb =>
        changes.MakeAsync(change => Task.FromResult((change.Db.Outbox.Count(), change.Db.Inbox.Count())), default);
}
