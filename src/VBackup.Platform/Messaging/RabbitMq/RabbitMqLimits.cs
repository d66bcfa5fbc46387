namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>How long and how often things are tried with the broker.</summary>
public sealed record RabbitMqLimits
{
    /// <summary>A message has at most so many bytes; the inventory of a large region has some megabytes.</summary>
    public const int BodyBytesMax = 16 << 20;

    /// <summary>How often the broker itself hands a message over that nobody answers for, because whoever has it dies each time.</summary>
    public const int DeliveriesMax = 50;

    /// <summary>A call that has not ended by then has failed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long nobody connects after a connection could not be made.</summary>
    public TimeSpan ReconnectPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many messages a receiver is handed before it has answered for the first.</summary>
    public ushort Prefetch { get; init; } = 20;

    /// <summary>Attempts until a message is dead: with the pauses below, the last comes some hours after the first.</summary>
    public int AttemptsMax { get; init; } = 50;

    /// <summary>The pauses behind the first failures; the last is that behind all others too.</summary>
    public IReadOnlyList<TimeSpan> RetryPauses { get; init; } =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5)];

    /// <param name="failures">How often it has failed; one at least.</param>
    internal TimeSpan PauseAfter(int failures) => RetryPauses[Math.Min(failures, RetryPauses.Count) - 1];
}
