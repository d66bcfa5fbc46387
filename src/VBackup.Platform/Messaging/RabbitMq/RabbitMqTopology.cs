using System.Globalization;
using RabbitMQ.Client;
using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>
/// What the services declare at the broker; docs/messages.md has the picture. Declaring what is there changes nothing, so each service
/// declares all that it uses whenever it connects. The names and arguments are frozen: a queue that is there is not given others.
/// </summary>
static class RabbitMqTopology
{
    /// <summary>Takes messages for whom they are: the routing key is the destination.</summary>
    public const string Exchange = "vbackup";

    /// <summary>Whatever comes here goes to the one queue of the same name, which nobody consumes.</summary>
    public const string Dead = "vbackup.dead";
    const string QueuePrefix = "vbackup.", RetryPrefix = "vbackup.retry.";

    /// <summary>Where a service's messages wait for it.</summary>
    public static string QueueOf(string destination) => QueuePrefix + (destination == Destination.Backup ? "service" : destination);

    /// <summary>Both of an exchange and of the queue behind it, from which messages go back to the first exchange when the pause is
    /// over.</summary>
    public static string RetryAfter(TimeSpan pause) => string.Create(CultureInfo.InvariantCulture,
        $"{RetryPrefix}{(long)pause.TotalMilliseconds}ms");

    /// <summary>What a sender needs. Queues are declared by whom they are for: as long as there is none, messages wait with who sends
    /// them.</summary>
    public static Task DeclareForSendingAsync(IChannel channel, CancellationToken cancellation) =>
        channel.ExchangeDeclareAsync(Exchange, ExchangeType.Direct, durable: true, autoDelete: false, cancellationToken: cancellation);

    /// <summary>All that a service needs to take messages in.</summary>
    public static async Task DeclareForReceivingAsync(IChannel channel, string destination, IEnumerable<TimeSpan> pauses,
        CancellationToken cancellation)
    {
        await DeclareForSendingAsync(channel, cancellation).ConfigureAwait(false);
        await DeclareDeadAsync(channel, cancellation).ConfigureAwait(false);
        foreach (var pause in pauses)
        {
            await DeclareBothAsync(channel, RetryAfter(pause), new()
            {
                [Headers.XMessageTTL] = (long)pause.TotalMilliseconds,
                [Headers.XDeadLetterExchange] = Exchange,
                ["x-dead-letter-strategy"] = "at-least-once",
            }, cancellation).ConfigureAwait(false);
        }
        await DeclareQueueAsync(channel, QueueOf(destination), new()
        {
            ["x-delivery-limit"] = RabbitMqLimits.DeliveriesMax,
            [Headers.XDeadLetterExchange] = Dead,
            ["x-dead-letter-strategy"] = "at-least-once",
        }, cancellation).ConfigureAwait(false);
        await channel.QueueBindAsync(QueueOf(destination), Exchange, destination, cancellationToken: cancellation).ConfigureAwait(false);
    }

    public static Task DeclareDeadAsync(IChannel channel, CancellationToken cancellation) =>
        // Whoever looks at the queue takes messages and puts them back, which the broker counts: at no number may it drop one.
        DeclareBothAsync(channel, Dead, new() { ["x-delivery-limit"] = int.MaxValue }, cancellation);

    static async Task DeclareBothAsync(IChannel channel, string name, Dictionary<string, object?> arguments,
        CancellationToken cancellation)
    {
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, autoDelete: false, cancellationToken: cancellation)
            .ConfigureAwait(false);
        await DeclareQueueAsync(channel, name, arguments, cancellation).ConfigureAwait(false);
        await channel.QueueBindAsync(name, name, "", cancellationToken: cancellation).ConfigureAwait(false);
    }

    static async Task DeclareQueueAsync(IChannel channel, string name, Dictionary<string, object?> arguments,
        CancellationToken cancellation)
    {
        arguments[Headers.XQueueType] = "quorum";
        // What does not fit is refused to whoever sends it, and not dropped; the broker takes no other word for dead letters that arrive.
        arguments[Headers.XOverflow] = "reject-publish";
        await channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments,
            cancellationToken: cancellation).ConfigureAwait(false);
    }
}
