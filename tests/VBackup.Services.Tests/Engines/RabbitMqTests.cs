using RabbitMQ.Client;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;
using VBackup.Platform.Messaging.RabbitMq;
using Xunit;

namespace VBackup.Services.Tests.Engines;

/// <summary>Messages over a real broker: they arrive once at least, are carried out once, and none gets lost or stands in others'
/// way.</summary>
[Collection(nameof(RabbitLab))]
public sealed class RabbitMqTests
{
    [Fact]
    public async Task A_message_arrives_as_it_was_sent()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var heard = new HeardEndpoint();
        world.Receive(Destination.Backup, heard);
        var plain = world.Some(body: """{"name":"Größe 月"}""");
        var late = world.Some() with { NotAfter = world.Clock.GetUtcNow().AddTicks(1) };
        await world.Transport.SendAsync(plain, default);
        await world.Transport.SendAsync(late, default);
        Assert.Equal(plain, await heard.NextAsync());
        Assert.Equal(late, await heard.NextAsync());
    }

    [Fact]
    public async Task A_message_whose_receiver_died_before_it_answered_comes_again_and_is_carried_out_once()
    {
        await using var world = await BrokerWorld.MakeAsync();
        using var death = new CancellationTokenSource();
        var dying = new HeardEndpoint(async (envelope, cancellation) =>
        {
            await world.BackupEndpoint.DeliverAsync(envelope, cancellation);
            await death.CancelAsync();
        });
        var project = world.Ids.New<ProjectId>();
        await world.Transport.SendAsync(Declares(world, project, 1), default);
        await using (var first = new RabbitMqReceiver(world.Settings, BrokerWorld.Limits, Destination.Backup, dying, TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.ReceiveAsync(death.Token));
        var sent = await dying.NextAsync();

        var second = new HeardEndpoint(world.BackupEndpoint.DeliverAsync);
        world.Receive(Destination.Backup, second);
        Assert.Equal(sent.Id, (await second.NextAsync()).Id);
        Assert.Equal(1, await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Inbox.Count()), default));
    }

    [Fact]
    public async Task A_message_that_is_sent_twice_is_carried_out_once()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var carriedOut = 0;
        var handlers = new MessageHandlers<VBackup.Service.BackupDb>().On(MessageJson.Default.KeepSnapshotAsBase, (_, _, _) =>
        {
            carriedOut++;
            return Task.CompletedTask;
        });
        var heard = new HeardEndpoint(new MessageEndpoint<VBackup.Service.BackupDb>(world.Backup, handlers).DeliverAsync);
        world.Receive(Destination.Backup, heard);
        var message = BrokerWorld.Of(world.Ids, Destination.Backup, new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()),
            MessageJson.Default.KeepSnapshotAsBase, world.Clock.GetUtcNow());
        await world.Transport.SendAsync(message, default);
        await world.Transport.SendAsync(message, default);
        Assert.Equal((message.Id, message.Id), ((await heard.NextAsync()).Id, (await heard.NextAsync()).Id));
        Assert.Equal(1, carriedOut);
    }

    [Fact]
    public async Task A_message_that_fails_is_tried_again_and_holds_nobody_up()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var (failing, other) = (world.Some(), world.Some());
        var attempts = 0;
        var heard = new HeardEndpoint((envelope, _) => envelope.Id == failing.Id && ++attempts < BrokerWorld.Limits.AttemptsMax
            ? throw new InvalidOperationException("the database is busy") : Task.CompletedTask);
        await world.Transport.SendAsync(failing, default);
        await world.Transport.SendAsync(other, default);
        world.Receive(Destination.Backup, heard);
        var order = new List<MessageId>();
        for (var i = 0; i < 4; i++) order.Add((await heard.NextAsync()).Id);
        Assert.Equal([failing.Id, other.Id, failing.Id, failing.Id], order);
        Assert.Equal(0, await world.Dead.CountAsync(default));
    }

    [Fact]
    public async Task After_its_last_attempt_a_message_is_a_dead_letter_with_its_reason()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var failing = world.Some() with { NotAfter = world.Clock.GetUtcNow() };
        world.Receive(Destination.Backup, new HeardEndpoint((_, _) => throw new InvalidOperationException("no\nroom")));
        await world.Transport.SendAsync(failing, default);
        var letter = await OnlyLetterAsync(world);
        Assert.Equal((failing.Id.ToString(), failing.To, failing.Name, failing.SentAt, failing.NotAfter), (letter.Id, letter.To,
            letter.Name, letter.SentAt!.Value, letter.NotAfter));
        Assert.Equal((BrokerWorld.Limits.AttemptsMax - 1, "it failed 3 times, at last with: no room"), (letter.Attempts, letter.Reason));
        Assert.NotNull(letter.DiedAt);
    }

    [Fact]
    public async Task What_nobody_understands_is_a_dead_letter_at_once_that_is_listed_sent_again_and_dropped()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var attempts = new HashSet<MessageId>();
        var heard = new HeardEndpoint((envelope, _) => envelope.Name == "some-message" && attempts.Add(envelope.Id)
            ? throw new UnknownMessageException("nobody knows what to do with it") : Task.CompletedTask);
        world.Receive(Destination.Backup, heard);
        var (one, two, three) = (world.Some(), world.Some(), world.Some());
        // A message that comes behind them is handed over when they are buried.
        foreach (var message in (Envelope[])[one, two, three, world.Some(name: "other")]) await world.Transport.SendAsync(message, default);
        for (var i = 0; i < 4; i++) await heard.NextAsync();

        Assert.Equal(3, await world.Dead.CountAsync(default));
        var page = await world.Dead.ListAsync(after: null, limit: 2, default);
        Assert.Equal([one.Id.ToString(), two.Id.ToString()], page.Letters.Select(letter => letter.Id));
        Assert.All(page.Letters, letter => Assert.Equal("nobody knows what to do with it", letter.Reason));
        var rest = await world.Dead.ListAsync(page.Next, limit: 2, default);
        Assert.Equal((three.Id.ToString(), null), (Assert.Single(rest.Letters).Id, rest.Next));

        Assert.True(await world.Dead.RequeueAsync(two.Id.ToString(), default));
        Assert.Equal(two, await heard.NextAsync());
        Assert.True(await world.Dead.DropAsync(one.Id.ToString(), default));
        Assert.False(await world.Dead.DropAsync(one.Id.ToString(), default));
        Assert.False(await world.Dead.RequeueAsync(two.Id.ToString(), default));
        Assert.Equal(three.Id.ToString(), Assert.Single((await world.Dead.ListAsync(null, 10, default)).Letters).Id);
    }

    [Fact]
    public async Task What_is_no_envelope_is_a_dead_letter_and_others_go_on()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var heard = new HeardEndpoint();
        world.Receive(Destination.Backup, heard);
        var good = world.Some();
        var (elsewhere, later) = (WireEnvelope.Properties(world.Some(Destination.Portal)), WireEnvelope.Properties(world.Some()));
        later.Headers![WireEnvelope.VersionHeader] = 2;
        await world.UseChannelAsync(async channel =>
        {
            await PublishAsync(channel, new(), "{}"u8.ToArray());
            await PublishAsync(channel, later, "{}"u8.ToArray());
            await PublishAsync(channel, elsewhere, "{}"u8.ToArray());
            await PublishAsync(channel, WireEnvelope.Properties(world.Some()), [0xff, 0xfe]);
            return true;
        });
        await world.Transport.SendAsync(good, default);
        Assert.Equal(good, await heard.NextAsync());
        var letters = (await world.Dead.ListAsync(null, 10, default)).Letters;
        Assert.Equal(["it has no vb-version", "its envelope has version 2, and this program knows 1", "it is for portal",
            "its body is no UTF-8"], letters.Select(letter => letter.Reason));
        Assert.All(letters, letter => Assert.Equal(Destination.Backup, letter.To));
        // One without an id can be dropped too.
        Assert.True(await world.Dead.DropAsync(letters[0].Id, default));
        Assert.Equal(3, await world.Dead.CountAsync(default));
    }

    [Fact]
    public async Task What_kills_whoever_has_it_is_a_dead_letter_in_the_end()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var killer = world.Some();
        await world.Transport.SendAsync(killer, default);
        await world.UseChannelAsync(async channel =>
        {
            for (var death = 0; death <= RabbitMqLimits.DeliveriesMax; death++)
            {
                BasicGetResult? found = null;
                await BrokerWorld.UntilAsync(async () => (found = await channel.BasicGetAsync(
                    RabbitMqTopology.QueueOf(Destination.Backup), autoAck: false)) is not null);
                await channel.BasicNackAsync(found!.DeliveryTag, multiple: false, requeue: true);
            }
            return true;
        });
        var letter = await OnlyLetterAsync(world);
        Assert.Equal((killer.Id.ToString(), killer.To), (letter.Id, letter.To));
        Assert.Contains("died 50 times", letter.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_for_whom_nobody_has_a_queue_stays_in_the_outbox_and_others_are_sent()
    {
        await using var world = await BrokerWorld.MakeAsync();
        await world.Portal.MakeAsync(change =>
        {
            change.Send(Destination.Snapshots("nowhere"), new SurveySnapshots("nowhere"), MessageJson.Default.SurveySnapshots);
            change.Send(Destination.Backup, new CancelRun(world.Ids.New<RunId>(), world.Ids.New<ProjectId>()),
                MessageJson.Default.CancelRun);
            return Task.CompletedTask;
        }, default);
        await world.PortalPump.SendDueAsync(default);
        var left = await world.Portal.MakeAsync(change => Task.FromResult(change.Db.Outbox.ToDictionary(one => one.To)), default);
        var unsent = left["snapshots.nowhere"];
        Assert.Equal((1, false), (unsent.Attempts, unsent.IsDead));
        Assert.Contains("has no queue for snapshots.nowhere", unsent.LastError, StringComparison.Ordinal);
        Assert.Null(left[Destination.Backup].NextAttemptAt);
        Assert.Null(left[Destination.Backup].LastError);
    }

    [Fact]
    public async Task A_message_that_is_larger_than_anybody_takes_is_not_sent()
    {
        await using var world = await BrokerWorld.MakeAsync();
        var heard = new HeardEndpoint();
        world.Receive(Destination.Backup, heard);
        var largest = world.Some(body: new string('x', RabbitMqLimits.BodyBytesMax));
        await Assert.ThrowsAsync<UnknownMessageException>(() => world.Transport.SendAsync(largest with { Body = largest.Body + "x" },
            default));
        await world.Transport.SendAsync(largest, default);
        Assert.Equal(largest, await heard.NextAsync());
    }

    [Fact]
    public async Task Over_TLS_only_a_broker_is_believed_for_whom_the_right_one_vouches()
    {
        var settings = RabbitLab.TlsSettings();
        await using var world = await BrokerWorld.MakeAsync(settings);
        var heard = new HeardEndpoint();
        world.Receive(Destination.Backup, heard);
        var message = world.Some();
        await world.Transport.SendAsync(message, default);
        Assert.Equal(message, await heard.NextAsync());

        // This machine's own authorities do not vouch for the lab.
        await using var trusting = new RabbitMqTransport(settings with { CaFile = null }, BrokerWorld.Limits, "tests",
            TimeProvider.System);
        await Assert.ThrowsAsync<TransportDownException>(() => trusting.SendAsync(message, default));
    }

    [Fact]
    public async Task A_wrong_password_is_told_by_the_settings_names_and_by_nothing_else()
    {
        var settings = RabbitLab.Settings();
        using var file = new TempFile("not-the-password");
        await using var transport = new RabbitMqTransport(settings with { PasswordFile = file.Path }, BrokerWorld.Limits, "tests",
            TimeProvider.System);
        var refused = await Assert.ThrowsAsync<TransportDownException>(() => transport.SendAsync(
            new(new(Guid.Parse("0190a000-0000-7000-8000-000000000001")), Destination.Backup, "some", "{}", default, null), default));
        Assert.Contains("RabbitMq:User and RabbitMq:PasswordFile", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-password", refused.ToString(), StringComparison.Ordinal);
    }

    static Envelope Declares(BrokerWorld world, ProjectId project, long version) => BrokerWorld.Of(world.Ids, Destination.Backup,
        new DeclarationsChanged(project, version, System.Text.Json.JsonSerializer.SerializeToElement("any")),
        MessageJson.Default.DeclarationsChanged, world.Clock.GetUtcNow());

    static async Task<DeadLetter> OnlyLetterAsync(BrokerWorld world)
    {
        await BrokerWorld.UntilAsync(async () => await world.Dead.CountAsync(default) > 0);
        return Assert.Single((await world.Dead.ListAsync(null, 10, default)).Letters);
    }

    static ValueTask PublishAsync(IChannel channel, BasicProperties properties, byte[] body) =>
        channel.BasicPublishAsync(RabbitMqTopology.Exchange, Destination.Backup, mandatory: true, properties, body);
}
