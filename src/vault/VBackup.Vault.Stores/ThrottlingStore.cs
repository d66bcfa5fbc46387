namespace VBackup.Vault.Stores;

/// <summary>
/// Keeps another store's traffic under a rate, up and down apart from each other. What is sent waits before it is sent;
/// what was received holds its reader back until it is paid for. Waiting callers are served in the order they came. A
/// second's worth may pass at once after a pause. Thread-safe.
/// </summary>
/// <param name="inner">The store that does the work; owned.</param>
/// <param name="send">Null for no limit. Several stores may share one, as of the next.</param>
/// <param name="receive">Null for no limit.</param>
public sealed class ThrottlingStore(IObjectStore inner, TokenBucket? send, TokenBucket? receive) : DecoratingStore(inner)
{
    /// <param name="inner">The store that does the work; owned.</param>
    /// <param name="sendBytesPerSecond">Null for no limit.</param>
    /// <param name="receiveBytesPerSecond">Null for no limit.</param>
    /// <param name="clock">Measures and waits.</param>
    public ThrottlingStore(IObjectStore inner, long? sendBytesPerSecond, long? receiveBytesPerSecond, TimeProvider clock)
        : this(inner, TokenBucket.Of(sendBytesPerSecond, clock), TokenBucket.Of(receiveBytesPerSecond, clock)) { }

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
}
