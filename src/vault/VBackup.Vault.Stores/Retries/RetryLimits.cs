namespace VBackup.Vault.Stores;

/// <summary>How long a retry policy goes on.</summary>
public sealed record RetryLimits
{
    /// <summary>For people who wait at a terminal: about ten seconds.</summary>
    public static RetryLimits Brief { get; } = new()
    {
        AttemptsMax = 6, DelayFirst = TimeSpan.FromMilliseconds(200), DelayMax = TimeSpan.FromSeconds(5),
        Deadline = TimeSpan.FromSeconds(15),
    };

    /// <summary>For a run in the night, which outlives the restart of a gateway: up to five minutes. The deadline ends it, as
    /// the attempts would only after more short delays than are ever drawn. A store that has not answered yet is more likely
    /// named wrongly than down, and is not waited for.</summary>
    public static RetryLimits Patient { get; } = new()
    {
        UntilFirstAnswer = Brief,
        AttemptsMax = 200, DelayFirst = TimeSpan.FromMilliseconds(250), DelayMax = TimeSpan.FromSeconds(30),
        Deadline = TimeSpan.FromMinutes(5),
    };

    /// <summary>Attempts in all, the first included.</summary>
    public required int AttemptsMax { get; init; }

    /// <summary>The longest delay before the second attempt; it doubles from attempt to attempt.</summary>
    public required TimeSpan DelayFirst { get; init; }

    /// <summary>No delay is longer.</summary>
    public required TimeSpan DelayMax { get; init; }

    /// <summary>No attempt is started later than this after the first.</summary>
    public required TimeSpan Deadline { get; init; }

    /// <summary>Limits in place of these as long as the store has not answered once; null for none.</summary>
    public RetryLimits? UntilFirstAnswer { get; init; }
}
