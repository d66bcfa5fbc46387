using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>Between services that are processes of their own: a message has arrived when the broker keeps it in the queue of whom it is
/// for. Thread-safe.</summary>
public sealed class RabbitMqTransport : IMessageTransport, IAsyncDisposable
{
    readonly RabbitMqPublisher _publisher;

    /// <param name="service">Whose messages they are, for people who list the broker's connections.</param>
    /// <exception cref="RabbitMqSettingsException">The settings cannot be used.</exception>
    public RabbitMqTransport(RabbitMqSettings settings, RabbitMqLimits limits, string service, TimeProvider clock)
    {
        settings.Check();
        _publisher = new(settings, limits, $"{service} sends", clock);
    }

    /// <exception cref="TransportDownException">The broker takes nothing now.</exception>
    /// <exception cref="MessageNotTakenException">Nobody has a queue for it.</exception>
    /// <exception cref="UnknownMessageException">It is larger than anybody takes.</exception>
    public Task SendAsync(Envelope envelope, CancellationToken cancellation)
    {
        var body = WireEnvelope.Body(envelope);
        if (body.Length > RabbitMqLimits.BodyBytesMax)
            throw new UnknownMessageException($"it has {body.Length} bytes, and at most {RabbitMqLimits.BodyBytesMax} are taken");
        return _publisher.PublishAsync(RabbitMqTopology.Exchange, envelope.To, WireEnvelope.Properties(envelope), body, cancellation);
    }

    public ValueTask DisposeAsync() => _publisher.DisposeAsync();
}
