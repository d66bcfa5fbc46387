using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Service.Catalogues;
using Xunit;

namespace VBackup.Services.Tests.Engines;

/// <summary>The broker is started anew, is away for long, or has no room: what was said arrives when it is back, and nothing is done that
/// is no longer wanted.</summary>
[Collection(nameof(RabbitLab))]
public sealed class RabbitMqOutageTests
{
    [Fact]
    public async Task Messages_survive_a_restart_of_the_broker()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var sent = Enumerable.Range(0, 5).Select(_ => world.Some()).ToList();
        foreach (var message in sent) await world.Transport.SendAsync(message, default);
        await RabbitLab.StopAsync();
        await RabbitLab.StartAsync();
        var heard = new HeardEndpoint();
        world.Receive(Destination.Backup, heard);
        var arrived = new List<Envelope>();
        foreach (var _ in sent) arrived.Add(await heard.NextAsync());
        Assert.Equal(sent, arrived);
    }

    [Fact]
    public async Task After_a_day_without_a_broker_no_stale_backup_begins_and_everything_else_arrives()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var (backup, portal) = (new HeardEndpoint(world.BackupEndpoint.DeliverAsync), new HeardEndpoint(
            world.PortalEndpoint.DeliverAsync));
        world.Receive(Destination.Backup, backup);
        world.Receive(Destination.Portal, portal);
        // They listen before it goes.
        await world.Transport.SendAsync(world.Some(name: "unknown"), default);
        await world.Transport.SendAsync(world.Some(Destination.Portal, "unknown"), default);
        await backup.NextAsync();
        await portal.NextAsync();
        await RabbitLab.StopAsync();

        var (project, order) = (world.Ids.New<ProjectId>(), Order(world));
        await SendAsync(world, change => change.Send(Destination.Backup, order, MessageJson.Default.StartBackup,
            notAfter: change.Now.AddHours(1)));
        for (var hour = 1; hour <= 24; hour++)
        {
            await SendAsync(world, change => change.Send(Destination.Backup, new DeclarationsChanged(project, hour,
                System.Text.Json.JsonSerializer.SerializeToElement(hour)), MessageJson.Default.DeclarationsChanged));
            // However often it is tried, nothing is any nearer to being given up.
            for (var attempt = 0; attempt < 5; attempt++) Assert.False(await world.PortalPump.SendDueAsync(default));
            world.Clock.Advance(TimeSpan.FromHours(1));
        }
        var waiting = await RowsAsync(world.Portal);
        Assert.Equal(25, waiting.Count);
        Assert.All(waiting, one => Assert.Equal((0, false), (one.Attempts, one.IsDead)));
        Assert.Contains($"the message broker 127.0.0.1:{world.Settings.Port}", waiting.Single(one => one.LastError is not null).LastError,
            StringComparison.Ordinal);

        await RabbitLab.StartAsync();
        await BrokerWorld.UntilAsync(async () =>
        {
            await world.PortalPump.SendDueAsync(default);
            return (await RowsAsync(world.Portal)).TrueForAll(one => one.NextAttemptAt is null);
        });
        for (var i = 0; i < 25; i++) await backup.NextAsync();
        var run = await world.Backup.MakeAsync(change => change.Db.Runs.SingleAsync(), default);
        Assert.Equal((order.Run, RunState.Failed), (run.Id, run.State));
        Assert.Contains("came too late", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(await RowsAsync(world.Backup), one => one.Name == TakeServerSnapshot.Name);
        Assert.Equal(24, (await world.Backup.MakeAsync(change => change.Db.Set<CatalogueState>().SingleAsync(), default))
            .DeclarationsVersion);

        // And who asked for it hears so.
        await world.BackupPump.SendDueAsync(default);
        var told = await RowsAsync(world.Backup);
        foreach (var _ in told) await portal.NextAsync();
        Assert.Equal(RunState.Failed, (await world.Portal.MakeAsync(change => change.Db.Runs.SingleAsync(), default)).State);
    }

    [Fact]
    public async Task A_broker_that_is_low_on_disk_is_told_of_at_once_and_takes_messages_again_when_it_has_room()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var (before, during) = (world.Some(), world.Some());
        await world.Transport.SendAsync(before, default);
        await RabbitLab.SetLowOnDiskAsync(true);
        try
        {
            for (var attempt = 0; attempt < 2; attempt++)
            {
                var down = await Assert.ThrowsAsync<TransportDownException>(() => world.Transport.SendAsync(during, default));
                Assert.Contains("takes no messages now: low on disk", down.Message, StringComparison.Ordinal);
            }
            // What is there already is taken in meanwhile.
            var heard = new HeardEndpoint();
            var end = world.Receive(Destination.Backup, heard);
            Assert.Equal(before, await heard.NextAsync());
            await end();
        }
        finally
        {
            await RabbitLab.SetLowOnDiskAsync(false);
        }
        await BrokerWorld.UntilAsync(async () =>
        {
            try
            {
                await world.Transport.SendAsync(during, default);
                return true;
            }
            catch (TransportDownException)
            {
                return false;
            }
        });
        var later = new HeardEndpoint();
        world.Receive(Destination.Backup, later);
        Assert.Equal(during, await later.NextAsync());
    }

    static StartBackup Order(BrokerWorld world) => new(world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(),
        world.Ids.New<ProjectId>(), world.Ids.New<PlanId>(), new("here", "s-1"), "web", world.Ids.New<LocationId>(), null,
        RunTrigger.Policy, PointKind.Full, ["daily"], world.Clock.GetUtcNow(), world.Clock.GetUtcNow().AddHours(1));

    static Task SendAsync(BrokerWorld world, Action<Change<VBackup.Portal.PortalDb>> send) => world.Portal.MakeAsync(change =>
    {
        send(change);
        return Task.CompletedTask;
    }, default);

    static Task<List<OutgoingMessage>> RowsAsync<TDb>(ChangeMaker<TDb> changes) where TDb : ServiceDb =>
        changes.MakeAsync(change => change.Db.Outbox.AsNoTracking().ToListAsync(), default);
}
