using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using RabbitMQ.Client;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Platform.Messaging.RabbitMq;
using VBackup.Portal;
using VBackup.Primitives;
using VBackup.Service;

namespace VBackup.Services.Tests.Engines;

/// <summary>The Portal's and the vBackup service's databases, and the lab's broker between them, with nothing in its queues. Services go by
/// a clock that tests set; what is said to the broker, by that of the machine.</summary>
sealed class BrokerWorld : IAsyncDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-broker-").FullName;
    readonly List<(CancellationTokenSource Stop, Task Work, RabbitMqReceiver Receiver)> _receivers = [];

    BrokerWorld(RabbitMqSettings settings)
    {
        Settings = settings;
        Ids = new(Clock, RandomNumberGenerator.Fill);
        Transport = new(settings, Limits, "tests", TimeProvider.System);
        Dead = new(settings, Limits, TimeProvider.System);
        var (portal, backup) = (new SqliteDatabase<PortalDb>(Path("portal.db"), options => new(options)),
            new SqliteDatabase<BackupDb>(Path("backup.db"), options => new(options)));
        (PortalDatabase, BackupDatabase) = (portal, backup);
        (Portal, Backup) = (new(portal, Ids, Clock), new(backup, Ids, Clock));
        (PortalPump, BackupPump) = (new(portal, Transport, Clock), new(backup, Transport, Clock));
        PortalEndpoint = new MessageEndpoint<PortalDb>(Portal, PortalMessages.Handlers());
        BackupEndpoint = new MessageEndpoint<BackupDb>(Backup, BackupMessages.Handlers());
    }

    /// <summary>Pauses are short, and few attempts are made.</summary>
    public static RabbitMqLimits Limits { get; } = new()
    {
        ReconnectPause = TimeSpan.FromMilliseconds(20), AttemptsMax = 3,
        RetryPauses = [TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(40)],
    };

    public RabbitMqSettings Settings { get; }
    public FakeTimeProvider Clock { get; } = new(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public IdSource Ids { get; }
    public RabbitMqTransport Transport { get; }
    public RabbitMqDeadLetters Dead { get; }
    public SqliteDatabase<PortalDb> PortalDatabase { get; }
    public SqliteDatabase<BackupDb> BackupDatabase { get; }
    public ChangeMaker<PortalDb> Portal { get; }
    public ChangeMaker<BackupDb> Backup { get; }
    public OutboxPump<PortalDb> PortalPump { get; }
    public OutboxPump<BackupDb> BackupPump { get; }
    public IMessageEndpoint PortalEndpoint { get; }
    public IMessageEndpoint BackupEndpoint { get; }

    public static async Task<BrokerWorld> MakeAsync(RabbitMqSettings? settings = null)
    {
        var world = new BrokerWorld(settings ?? RabbitLab.Settings());
        try
        {
            await world.PortalDatabase.PrepareAsync(schemaVersion: 1, default);
            await world.BackupDatabase.PrepareAsync(schemaVersion: 1, default);
            await world.UseChannelAsync(async channel =>
            {
                foreach (var queue in (string[])[RabbitMqTopology.QueueOf(Destination.Portal),
                    RabbitMqTopology.QueueOf(Destination.Backup), RabbitMqTopology.Dead, .. Limits.RetryPauses.Select(
                        RabbitMqTopology.RetryAfter)]) await channel.QueueDeleteAsync(queue, ifUnused: false, ifEmpty: false);
                foreach (var destination in (string[])[Destination.Portal, Destination.Backup])
                    await RabbitMqTopology.DeclareForReceivingAsync(channel, destination, Limits.RetryPauses, default);
                return true;
            });
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>A process that receives; until it is ended, or the world is.</summary>
    /// <returns>Ends it, and waits until it has.</returns>
    public Func<Task> Receive(string destination, IMessageEndpoint endpoint)
    {
        var stop = new CancellationTokenSource();
        var receiver = new RabbitMqReceiver(Settings, Limits, destination, endpoint, TimeProvider.System, NullLogger.Instance);
        var one = (stop, RunAsync(receiver, stop.Token), receiver);
        _receivers.Add(one);
        return () => EndAsync(one);
    }

    /// <summary>As the services' own loops do it.</summary>
    static async Task RunAsync(RabbitMqReceiver receiver, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await receiver.ReceiveAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (TransportDownException)
            {
                await Task.Delay(Limits.ReconnectPause, TimeProvider.System, CancellationToken.None);
            }
        }
    }

    async Task EndAsync((CancellationTokenSource Stop, Task Work, RabbitMqReceiver Receiver) one)
    {
        if (!_receivers.Remove(one)) return;
        await one.Stop.CancelAsync();
        await one.Work;
        await one.Receiver.DisposeAsync();
        one.Stop.Dispose();
    }

    public Task<T> UseChannelAsync<T>(Func<IChannel, Task<T>> use) => UseChannelAsync(Settings, use);

    public static async Task<T> UseChannelAsync<T>(RabbitMqSettings settings, Func<IChannel, Task<T>> use)
    {
        var factory = await settings.FactoryAsync("a test", s_patience, default);
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync(new(publisherConfirmationsEnabled: true,
            publisherConfirmationTrackingEnabled: true));
        return await use(channel);
    }

    /// <summary>Any message; nobody looks into it.</summary>
    public Envelope Some(string to = Destination.Backup, string name = "some-message", string body = "{}") =>
        new(Ids.New<MessageId>(), to, name, body, Clock.GetUtcNow(), NotAfter: null);

    public static Envelope Of<TMessage>(IdSource ids, string to, TMessage message,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TMessage> type, DateTimeOffset now) where TMessage : class, IMessage =>
        new(ids.New<MessageId>(), to, TMessage.Name, JsonSerializer.Serialize(message, type), now, NotAfter: null);

    /// <summary>Until something is so that nobody tells of: what the broker does by itself.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var late = new CancellationTokenSource(s_patience, TimeProvider.System);
        while (!await isSo()) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, late.Token);
    }

    /// <summary>What comes in time.</summary>
    public static Task<T> InTimeAsync<T>(Task<T> awaited) => awaited.WaitAsync(s_patience, TimeProvider.System);

    string Path(string name) => System.IO.Path.Combine(_folder, name);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _receivers.ToList()) await EndAsync(one);
        await Transport.DisposeAsync();
        await Dead.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}
