namespace VBackup.Vault.Stores;

/// <summary>
/// Keeps another store's traffic under a rate, up and down apart from each other. What is sent waits before it is sent;
/// what was received holds its reader back until it is paid for. Waiting callers are served in the order they came. A
/// second's worth may pass at once after a pause. Thread-safe.
/// </summary>
/// <param name="inner">The store that does the work; owned.</param>
/// <param name="sendBytesPerSecond">Null for no limit.</param>
/// <param name="receiveBytesPerSecond">Null for no limit.</param>
/// <param name="clock">Measures and waits.</param>
public sealed class ThrottlingStore(
    IObjectStore inner, long? sendBytesPerSecond, long? receiveBytesPerSecond, TimeProvider clock)
    : DecoratingStore(inner)
{
    readonly TokenBucket? send = sendBytesPerSecond is { } rate ? new(rate, clock) : null;
    readonly TokenBucket? receive = receiveBytesPerSecond is { } rate ? new(rate, clock) : null;

    /// <inheritdoc/>
    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run,
        CancellationToken cancellation)
    {
        if (send is not null && sentBytes > 0)
            await send.PayAsync(sentBytes, cancellation).ConfigureAwait(false);
        var result = await run(cancellation).ConfigureAwait(false);
        long receivedBytes = result switch
        {
            int read => read,
            ValueTuple<int, long> tail => tail.Item1,
            byte[] content => content.Length,
            _ => 0,
        };
        if (receive is not null && receivedBytes > 0)
            await receive.PayAsync(receivedBytes, cancellation).ConfigureAwait(false);
        return result;
    }

    /// <summary>A bucket that may go into debt; whoever puts it there waits until the debt is paid.</summary>
    sealed class TokenBucket
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
}
