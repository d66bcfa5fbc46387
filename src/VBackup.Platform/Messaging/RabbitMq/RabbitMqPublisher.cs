using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>
/// Sends messages one by one, each until the broker has answered for it: it is on the disks of most of the nodes that keep the queue, or
/// nobody has taken it. Every call ends in bounded time. Thread-safe.
/// </summary>
sealed class RabbitMqPublisher(RabbitMqSettings settings, RabbitMqLimits limits, string purpose, TimeProvider clock) : IAsyncDisposable
{
    readonly RabbitMqConnection _connection = new(settings, limits, purpose, clock);
    readonly SemaphoreSlim _one = new(1, 1);
    IChannel? _channel;

    /// <exception cref="TransportDownException">The broker takes nothing now.</exception>
    /// <exception cref="MessageNotTakenException">It takes others, but not this one.</exception>
    public async Task PublishAsync(string exchange, string routingKey, BasicProperties properties, ReadOnlyMemory<byte> body,
        CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var line = await _connection.OpenAsync(cancellation).ConfigureAwait(false);
            await PublishAsync(line, exchange, routingKey, properties, body, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    async Task PublishAsync(RabbitMqConnection.Line line, string exchange, string routingKey, BasicProperties properties,
        ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(limits.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token, line.Blocking);
        try
        {
            if (line.BlockedBecause is { } reason) throw Blocked(reason);
            var channel = await ChannelAsync(line, either.Token).ConfigureAwait(false);
            await channel.BasicPublishAsync(exchange, routingKey, mandatory: true, properties, body, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException) when (line.BlockedBecause is not null)
        {
            // It may have arrived all the same, and comes again then. The line is kept, to hear when the broker takes messages again.
            throw Blocked(line.BlockedBecause);
        }
        catch (OperationCanceledException silence)
        {
            await _connection.DropAsync(line).ConfigureAwait(false);
            throw new TransportDownException($"{_connection.Broker} did not answer within {limits.Timeout.TotalSeconds:0} s", silence);
        }
        catch (PublishException refused)
        {
            throw new MessageNotTakenException(refused.IsReturn
                ? $"{_connection.Broker} has no queue for {routingKey}: the service that it is for has never been connected to it"
                : $"{_connection.Broker} refused the message: the queue for {routingKey} takes no more", refused);
        }
        catch (OperationInterruptedException refused) when (refused.ShutdownReason is { ReplyCode: Constants.PreconditionFailed
            or Constants.ContentTooLarge } because && because.ReplyText.Contains("size", StringComparison.Ordinal))
        {
            throw new MessageNotTakenException($"{_connection.Broker} refused the message: {because.ReplyText}", refused);
        }
        catch (Exception failure) when (RabbitMqConnection.IsOfBroker(failure))
        {
            await _connection.DropAsync(line).ConfigureAwait(false);
            throw _connection.Down(failure);
        }
    }

    TransportDownException Blocked(string? reason) => new($"{_connection.Broker} takes no messages now: {reason}");

    async Task<IChannel> ChannelAsync(RabbitMqConnection.Line line, CancellationToken cancellation)
    {
        if (_channel is { IsOpen: true } open) return open;
        if (_channel is { } closed) await closed.DisposeAsync().ConfigureAwait(false);
        _channel = null;
        var channel = await line.OpenChannelAsync(confirms: true, cancellation).ConfigureAwait(false);
        await RabbitMqTopology.DeclareForSendingAsync(channel, cancellation).ConfigureAwait(false);
        return _channel = channel;
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        _one.Dispose();
    }
}
