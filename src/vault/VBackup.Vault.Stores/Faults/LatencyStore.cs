using System.Runtime.CompilerServices;

namespace VBackup.Vault.Stores.Faults;

/// <summary>
/// Adds a fixed delay to every round trip of another store, and counts round trips: what a bench needs to tell how a
/// piece of work behaves far away from its store. A listing costs a round trip for every
/// <see cref="ListingPageLength"/> names. An append costs none, since real stores collect or stream. Thread-safe.
/// </summary>
/// <param name="inner">The store that does the work; owned.</param>
/// <param name="delay">Per round trip; zero only counts.</param>
/// <param name="clock">Waits.</param>
public sealed class LatencyStore(IObjectStore inner, TimeSpan delay, TimeProvider clock) : DecoratingStore(inner)
{
    /// <summary>Names that one round trip of a listing brings, as on S3.</summary>
    public const int ListingPageLength = 1000;

    readonly Lock gate = new();
    readonly long[] counts = new long[Enum.GetValues<StoreOperation>().Length];
    long longestFinishedChain;

    /// <summary>Round trips so far.</summary>
    public long RoundTrips
    {
        get
        {
            lock (gate)
                return counts.Sum();
        }
    }

    /// <summary>
    /// The longest chain of round trips of which each began after the one before had ended. It bounds from above how
    /// often the work had to wait for an answer; chains that merely happened to follow one another count as well.
    /// </summary>
    public long LongestChain
    {
        get
        {
            lock (gate)
                return longestFinishedChain;
        }
    }

    /// <summary>Round trips of one kind so far.</summary>
    public long Count(StoreOperation operation)
    {
        lock (gate)
            return counts[(int)operation];
    }

    /// <summary>Starts counting anew.</summary>
    public void Reset()
    {
        lock (gate)
        {
            Array.Clear(counts);
            longestFinishedChain = 0;
        }
    }

    /// <inheritdoc/>
    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run,
        CancellationToken cancellation)
    {
        long chain = Begin(operation);
        try
        {
            if (delay > TimeSpan.Zero)
                await Task.Delay(delay, clock, cancellation).ConfigureAwait(false);
            return await run(cancellation).ConfigureAwait(false);
        }
        finally
        {
            End(chain);
        }
    }

    /// <inheritdoc/>
    protected override ValueTask AppendAsync(
        IObjectWriter writer, string name, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(writer);
        return writer.AppendAsync(piece, cancellation);
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation) =>
        PagesAsync(StoreOperation.List, token => Inner.ListAsync(prefix, token), cancellation);

    /// <inheritdoc/>
    public override IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(CancellationToken cancellation) =>
        PagesAsync(StoreOperation.ListUnfinished, Inner.ListUnfinishedAsync, cancellation);

    async IAsyncEnumerable<T> PagesAsync<T>(
        StoreOperation operation, Func<CancellationToken, IAsyncEnumerable<T>> list,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await AroundAsync(operation, "", 0, _ => Task.FromResult(true), cancellation).ConfigureAwait(false);
        int onPage = 0;
        await foreach (var entry in list(cancellation).ConfigureAwait(false))
        {
            if (onPage++ == ListingPageLength)
            {
                await AroundAsync(operation, "", 0, _ => Task.FromResult(true), cancellation).ConfigureAwait(false);
                onPage = 1;
            }
            yield return entry;
        }
    }

    long Begin(StoreOperation operation)
    {
        lock (gate)
        {
            counts[(int)operation]++;
            return longestFinishedChain + 1;
        }
    }

    void End(long chain)
    {
        lock (gate)
            longestFinishedChain = Math.Max(longestFinishedChain, chain);
    }
}
