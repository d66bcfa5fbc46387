using System.Security.Cryptography;
using RabbitMQ.Client;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>
/// The broker's dead letters. A queue can only be looked at by taking messages out of it and putting them back, so one call at a time does
/// so, and no further than to a bound: what lies behind comes to light when others are dropped or sent again. Another process that looks at
/// the same moment does not see what this one has in its hands. Thread-safe.
/// </summary>
public sealed class RabbitMqDeadLetters : IDeadLetters, IAsyncDisposable
{
    /// <summary>How far it is looked.</summary>
    public const int LookMax = 1000;
    const long LookBytesMax = 4L * RabbitMqLimits.BodyBytesMax;

    readonly RabbitMqLimits _limits;
    readonly RabbitMqConnection _connection;
    readonly RabbitMqPublisher _again;
    readonly TimeProvider _clock;
    readonly SemaphoreSlim _one = new(1, 1);
    IChannel? _channel;

    /// <exception cref="RabbitMqSettingsException">The settings cannot be used.</exception>
    public RabbitMqDeadLetters(RabbitMqSettings settings, RabbitMqLimits limits, TimeProvider clock)
    {
        settings.Check();
        (_limits, _clock) = (limits, clock);
        _connection = new(settings, limits, "dead letters", clock);
        _again = new(settings, limits, "dead letters are sent again", clock);
    }

    public string Place => "broker";

    /// <exception cref="TransportDownException">The broker is not there now.</exception>
    public Task<long> CountAsync(CancellationToken cancellation) => UseAsync(async (channel, bounded) =>
        (long)await channel.MessageCountAsync(RabbitMqTopology.Dead, bounded).ConfigureAwait(false), cancellation);

    /// <inheritdoc/>
    /// <exception cref="TransportDownException">The broker is not there now.</exception>
    public async Task<DeadLetterPage> ListAsync(string? after, int limit, CancellationToken cancellation)
    {
        var letters = new List<DeadLetter>();
        var isBehind = after is null;
        await LookAsync((_, found, _) =>
        {
            if (isBehind) letters.Add(View(found));
            else isBehind = IdOf(found) == after;
            return Task.FromResult(letters.Count > limit);
        }, cancellation).ConfigureAwait(false);
        var hasMore = letters.Count > limit;
        if (hasMore) letters.RemoveAt(limit);
        return new(letters, hasMore ? letters[^1].Id : null);
    }

    /// <inheritdoc/>
    /// <exception cref="TransportDownException">The broker takes nothing now: it stays where it is.</exception>
    /// <exception cref="MessageNotTakenException">Nobody has a queue for it: it stays where it is.</exception>
    public async Task<bool> RequeueAsync(string id, CancellationToken cancellation)
    {
        var isSent = false;
        await LookAsync(async (channel, found, bounded) =>
        {
            if (IdOf(found) != id) return false;
            if (ToOf(found.BasicProperties) is not { } to) return true;
            var again = WireEnvelope.Again(found.BasicProperties);
            foreach (var header in (string[])[WireEnvelope.AttemptsHeader, WireEnvelope.DeadReasonHeader, WireEnvelope.DeadAtHeader,
                WireEnvelope.DeadOfHeader]) again.Headers!.Remove(header);
            await _again.PublishAsync(RabbitMqTopology.Exchange, to, again, found.Body, bounded).ConfigureAwait(false);
            // Who dies here leaves it in both queues: it is carried out once, as all are.
            await channel.BasicAckAsync(found.DeliveryTag, multiple: false, bounded).ConfigureAwait(false);
            return isSent = true;
        }, cancellation).ConfigureAwait(false);
        return isSent;
    }

    /// <inheritdoc/>
    /// <exception cref="TransportDownException">The broker is not there now.</exception>
    public async Task<bool> DropAsync(string id, CancellationToken cancellation)
    {
        var isDropped = false;
        await LookAsync(async (channel, found, bounded) =>
        {
            if (IdOf(found) != id) return false;
            await channel.BasicAckAsync(found.DeliveryTag, multiple: false, bounded).ConfigureAwait(false);
            return isDropped = true;
        }, cancellation).ConfigureAwait(false);
        return isDropped;
    }

    /// <param name="look">Says whether it has seen enough.</param>
    Task<bool> LookAsync(Func<IChannel, BasicGetResult, CancellationToken, Task<bool>> look, CancellationToken cancellation) =>
        UseAsync(async (channel, bounded) =>
    {
        var bytes = 0L;
        try
        {
            for (var seen = 0; seen < LookMax && bytes < LookBytesMax; seen++)
            {
                if (await channel.BasicGetAsync(RabbitMqTopology.Dead, autoAck: false, bounded).ConfigureAwait(false) is not { } found)
                    return true;
                bytes += found.Body.Length;
                if (await look(channel, found, bounded).ConfigureAwait(false)) return true;
            }
            return true;
        }
        finally
        {
            // All that are in our hands: the channel stays, so nothing else would put them back.
            if (channel.IsOpen)
                await channel.BasicNackAsync(deliveryTag: 0, multiple: true, requeue: true, CancellationToken.None).ConfigureAwait(false);
        }
    }, cancellation);

    async Task<T> UseAsync<T>(Func<IChannel, CancellationToken, Task<T>> use, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        RabbitMqConnection.Line? line = null;
        using var late = new CancellationTokenSource(_limits.Timeout * 2, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            line = await _connection.OpenAsync(either.Token).ConfigureAwait(false);
            return await use(await ChannelAsync(line, either.Token).ConfigureAwait(false), either.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not (TransportDownException or MessageNotTakenException))
        {
            // What the broker handed over and nobody waits for any more goes back with the line.
            if (line is not null) await _connection.DropAsync(line).ConfigureAwait(false);
            if (RabbitMqConnection.IsOfBroker(failure) || (failure is OperationCanceledException && !cancellation.IsCancellationRequested))
                throw _connection.Down(failure);
            throw;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>One for as long as the line lasts: the client does not bear one that comes right after another has gone.</summary>
    async Task<IChannel> ChannelAsync(RabbitMqConnection.Line line, CancellationToken cancellation)
    {
        if (_channel is { IsOpen: true } open) return open;
        var channel = await line.OpenChannelAsync(confirms: false, cancellation).ConfigureAwait(false);
        await RabbitMqTopology.DeclareDeadAsync(channel, cancellation).ConfigureAwait(false);
        return _channel = channel;
    }

    static DeadLetter View(BasicGetResult found)
    {
        var properties = found.BasicProperties;
        string? Header(string name) => WireEnvelope.Header(properties, name);
        return new(IdOf(found), ToOf(properties), properties.Type, WireEnvelope.FindInstant(Header(WireEnvelope.SentAtHeader)),
            WireEnvelope.FindInstant(Header(WireEnvelope.NotAfterHeader)), WireEnvelope.AttemptsOf(properties),
            // The broker buries those itself that kill whoever has them, and says nothing that people understand.
            DeadLetter.ReasonOf(Header(WireEnvelope.DeadReasonHeader)
                ?? $"whoever had it died {RabbitMqLimits.DeliveriesMax} times before it was carried out"),
            WireEnvelope.FindInstant(Header(WireEnvelope.DeadAtHeader)));
    }

    static string? ToOf(IReadOnlyBasicProperties properties) =>
        WireEnvelope.Header(properties, WireEnvelope.DeadOfHeader) ?? WireEnvelope.Header(properties, WireEnvelope.ToHeader);

    /// <summary>Of what has no id its content is the name.</summary>
    static string IdOf(BasicGetResult found) => Guid.TryParseExact(found.BasicProperties.MessageId, "D", out var id) ? id.ToString()
        : Convert.ToHexStringLower(SHA256.HashData(found.Body.Span).AsSpan(0, 16));

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _again.DisposeAsync().ConfigureAwait(false);
        _one.Dispose();
    }
}
