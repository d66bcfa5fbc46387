namespace VBackup.Vault.Stores;

/// <summary>
/// A rate of bytes for all who pay into it. It may go into debt; whoever puts it there waits until the debt is paid, in the order in which
/// they
/// came. A second's worth may pass at once after a pause. Thread-safe.
/// </summary>
public sealed class TokenBucket
{
    readonly TimeProvider clock;
    readonly double bytesPerSecond;
    readonly long epoch;
    readonly Lock gate = new();
    double paidUntilSeconds = -1; // It begins as after a pause.

    public TokenBucket(long bytesPerSecond, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerSecond);
        this.bytesPerSecond = bytesPerSecond;
        this.clock = clock;
        epoch = clock.GetTimestamp();
    }

    /// <param name="bytesPerSecond">Null for no limit, which is no bucket.</param>
    public static TokenBucket? Of(long? bytesPerSecond, TimeProvider clock) => bytesPerSecond is { } rate ? new(rate, clock) : null;

    public Task PayAsync(long bytes, CancellationToken cancellation)
    {
        TimeSpan wait;
        lock (gate)
        {
            double now = clock.GetElapsedTime(epoch).TotalSeconds;
            paidUntilSeconds = Math.Max(paidUntilSeconds, now - 1) + bytes / bytesPerSecond;
            wait = TimeSpan.FromSeconds(paidUntilSeconds - now);
        }
        return wait > TimeSpan.Zero ? Task.Delay(wait, clock, cancellation) : Task.CompletedTask;
    }
}
