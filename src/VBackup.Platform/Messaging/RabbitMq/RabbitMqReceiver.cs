using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>
/// Takes in the messages of one destination. A message is answered for when the transaction that carried it out is committed; who dies
/// before that gets it again, and knows it by the inbox. What fails is put aside with a pause that grows, so that others go on; what nobody
/// will ever carry out is a dead letter. Any number of processes may receive for one destination.
/// </summary>
public sealed partial class RabbitMqReceiver : IAsyncDisposable
{
    readonly RabbitMqLimits _limits;
    readonly string _destination;
    readonly IMessageEndpoint _endpoint;
    readonly TimeProvider _clock;
    readonly ILogger _log;
    readonly RabbitMqConnection _connection;
    readonly RabbitMqPublisher _aside;

    /// <param name="destination">Whose messages they are: see <see cref="Destination"/>.</param>
    /// <exception cref="RabbitMqSettingsException">The settings cannot be used.</exception>
    public RabbitMqReceiver(RabbitMqSettings settings, RabbitMqLimits limits, string destination, IMessageEndpoint endpoint,
        TimeProvider clock, ILogger log)
    {
        settings.Check();
        (_limits, _destination, _endpoint, _clock, _log) = (limits, destination, endpoint, clock, log);
        _connection = new(settings, limits, $"{destination} receives", clock);
        _aside = new(settings, limits, $"{destination} puts aside", clock);
    }

    /// <summary>Takes messages in until the connection is lost, or it is told to stop. To be called again by a loop.</summary>
    /// <returns>Never: it ends with an exception.</returns>
    /// <exception cref="TransportDownException">The connection was lost, or cannot be made.</exception>
    public async Task<bool> ReceiveAsync(CancellationToken stop)
    {
        var line = await _connection.OpenAsync(stop).ConfigureAwait(false);
        try
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(stop);
            using var one = new SemaphoreSlim(1, 1);
            var channel = await line.OpenChannelAsync(confirms: false, stop).ConfigureAwait(false);
            await using var closing = channel.ConfigureAwait(false);
            await RabbitMqTopology.DeclareForReceivingAsync(channel, _destination, _limits.RetryPauses, stop).ConfigureAwait(false);
            await channel.BasicQosAsync(prefetchSize: 0, _limits.Prefetch, global: false, stop).ConfigureAwait(false);
            var consumer = new Consumer(this, channel, one, turn);
            // Not as the consumer is told of it: that stands in line behind all that was handed over.
            channel.ChannelShutdownAsync += (_, reason) => consumer.EndAsync(
                new TransportDownException($"{_connection.Broker} is lost: {reason.ReplyText.ReplaceLineEndings(" ")}"));
            await channel.BasicConsumeAsync(RabbitMqTopology.QueueOf(_destination), autoAck: false, consumerTag: "", noLocal: false,
                exclusive: false, arguments: null, consumer, stop).ConfigureAwait(false);
            try
            {
                throw await consumer.Ended.WaitAsync(stop).ConfigureAwait(false);
            }
            finally
            {
                await consumer.FinishAsync().ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (RabbitMqConnection.IsOfBroker(failure)
            || (failure is OperationCanceledException && !stop.IsCancellationRequested))
        {
            throw _connection.Down(failure);
        }
        finally
        {
            // What nobody has answered for goes back into the queue.
            await _connection.DropAsync(line).ConfigureAwait(false);
        }
    }

    /// <returns>Once the message is carried out, put aside, or dead: in every case it may leave the queue.</returns>
    async Task TakeAsync(IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        try
        {
            var envelope = WireEnvelope.Read(properties, body.Span);
            if (envelope.To != _destination) throw new MalformedEnvelopeException($"it is for {envelope.To}");
            await _endpoint.DeliverAsync(envelope, cancellation).ConfigureAwait(false);
        }
        catch (Exception never) when (never is MalformedEnvelopeException or UnknownMessageException or RefusedMessageException)
        {
            await BuryAsync(properties, body, never.Message, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            // A crash boundary: whatever a message fails with, it stays, and others go on.
            var failures = WireEnvelope.AttemptsOf(properties) + 1;
            LogFailed(_destination, properties.Type, properties.MessageId, failures, failure);
            if (failures >= _limits.AttemptsMax)
                await BuryAsync(properties, body, $"it failed {failures} times, at last with: {failure.Message}", cancellation)
                    .ConfigureAwait(false);
            else
            {
                var again = WireEnvelope.Again(properties);
                again.Headers![WireEnvelope.AttemptsHeader] = failures;
                await PutAsideAsync(RabbitMqTopology.RetryAfter(_limits.PauseAfter(failures)), again, body, cancellation)
                    .ConfigureAwait(false);
            }
        }
    }

    Task BuryAsync(IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, string reason, CancellationToken cancellation)
    {
        LogDead(_destination, properties.Type, properties.MessageId, reason);
        var dead = WireEnvelope.Again(properties);
        dead.Headers![WireEnvelope.DeadReasonHeader] = DeadLetter.ReasonOf(reason);
        dead.Headers[WireEnvelope.DeadAtHeader] = WireEnvelope.Text(_clock.GetUtcNow());
        dead.Headers[WireEnvelope.DeadOfHeader] = _destination;
        return PutAsideAsync(RabbitMqTopology.Dead, dead, body, cancellation);
    }

    /// <summary>While the broker takes nothing, the message stays with us: given back, it would come again at once, and be counted as one
    /// that kills whoever has it.</summary>
    async Task PutAsideAsync(string exchange, BasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await _aside.PublishAsync(exchange, _destination, properties, body, cancellation).ConfigureAwait(false);
                return;
            }
            catch (TransportDownException down)
            {
                LogHeld(_destination, properties.Type, properties.MessageId, down.Message);
                await Task.Delay(_limits.ReconnectPause, _clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _aside.DisposeAsync().ConfigureAwait(false);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Warning, Message = "{Destination}: {Name} {Id} failed {Failures} times")]
    partial void LogFailed(string destination, string? name, string? id, int failures, Exception failure);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Error, Message = "{Destination}: {Name} {Id} is a dead letter: {Reason}")]
    partial void LogDead(string destination, string? name, string? id, string reason);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Warning, Message = "{Destination}: {Name} {Id} cannot be put aside yet: {Reason}")]
    partial void LogHeld(string destination, string? name, string? id, string reason);

    /// <summary>One turn's: the broker hands it one message after the other.</summary>
    /// <param name="turn">Ends with the channel: what is answered for after that nobody hears.</param>
    /// <param name="one">Held while a message is at work.</param>
    sealed class Consumer(RabbitMqReceiver receiver, IChannel channel, SemaphoreSlim one, CancellationTokenSource turn)
        : AsyncDefaultBasicConsumer(channel)
    {
        readonly TaskCompletionSource<Exception> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Why it ends.</summary>
        public Task<Exception> Ended => _ended.Task;

        /// <summary>Nothing is at work any more, and nothing begins.</summary>
        public async Task FinishAsync()
        {
            _ended.TrySetCanceled(CancellationToken.None);
            await turn.CancelAsync().ConfigureAwait(false);
            await one.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        // What the broker hands over is valid until this returns.
        public override async Task HandleBasicDeliverAsync(string consumerTag, ulong deliveryTag, bool redelivered, string exchange,
            string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body,
            CancellationToken cancellationToken = default)
        {
            try
            {
                await one.WaitAsync(turn.Token).ConfigureAwait(false);
                try
                {
                    await receiver.TakeAsync(properties, body, turn.Token).ConfigureAwait(false);
                    await Channel.BasicAckAsync(deliveryTag, multiple: false, turn.Token).ConfigureAwait(false);
                }
                finally
                {
                    one.Release();
                }
            }
            catch (OperationCanceledException) when (turn.IsCancellationRequested)
            {
                // Nobody answers for it: it comes again.
            }
            catch (Exception failure)
            {
                // A crash boundary: the client would only note it, and hand over the next.
                await EndAsync(failure).ConfigureAwait(false);
            }
        }

        public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default) =>
            EndAsync(new TransportDownException(
                $"{receiver._connection.Broker} has no queue {RabbitMqTopology.QueueOf(receiver._destination)} any more"));

        public async Task EndAsync(Exception because)
        {
            if (_ended.TrySetResult(because)) await turn.CancelAsync().ConfigureAwait(false);
        }
    }
}
