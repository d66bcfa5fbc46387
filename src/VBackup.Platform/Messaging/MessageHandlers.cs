using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>What a service does with the messages that it gets: a handler for each, which changes rows and sends messages in one
/// transaction. A handler waits for nothing but its database.</summary>
public sealed class MessageHandlers<TDb> where TDb : ServiceDb
{
    readonly Dictionary<string, Func<string, Change<TDb>, CancellationToken, Task>> _handlers = [];

    public MessageHandlers<TDb> On<TMessage>(JsonTypeInfo<TMessage> type, Func<TMessage, Change<TDb>, CancellationToken, Task> handle)
        where TMessage : class, IMessage
    {
        _handlers.Add(TMessage.Name, (body, change, cancellation) => handle(Read(body, type), change, cancellation));
        return this;
    }

    /// <exception cref="UnknownMessageException">The service has no use for such a message, or cannot read it.</exception>
    public Task HandleAsync(Envelope envelope, Change<TDb> change, CancellationToken cancellation) =>
        _handlers.TryGetValue(envelope.Name, out var handle) ? handle(envelope.Body, change, cancellation)
            : throw new UnknownMessageException($"nobody at {envelope.To} knows what to do with {envelope.Name}");

    static TMessage Read<TMessage>(string body, JsonTypeInfo<TMessage> type) where TMessage : class, IMessage
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new UnknownMessageException($"{TMessage.Name} is null");
        }
        catch (JsonException wrong)
        {
            throw new UnknownMessageException($"a message {TMessage.Name} cannot be read: {wrong.Message}", wrong);
        }
    }
}

/// <summary>A message that is understood and is not carried out, whoever tries again: its sender finds the reason beside it.</summary>
public sealed class RefusedMessageException(string message) : Exception(message);

/// <summary>A message that no further attempt will make anybody understand.</summary>
public sealed class UnknownMessageException(string message, Exception? inner = null) : Exception(message, inner);
