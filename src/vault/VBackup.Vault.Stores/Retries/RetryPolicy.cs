using System.Net.Sockets;

namespace VBackup.Vault.Stores;

/// <summary>
/// Tries again what failed as <see cref="StoreFailure.Transient"/>, and nothing else. Before attempt n + 1 it waits a
/// time drawn evenly from 0 to min(DelayMax, DelayFirst · 2ⁿ⁻¹) ("full jitter"), so that many clients that failed
/// together do not come back together. Thread-safe; <paramref name="seed"/> makes a run's delays repeatable.
/// </summary>
public sealed class RetryPolicy(RetryLimits limits, TimeProvider clock, int seed)
{
    readonly Random random = new(seed);
    readonly Lock gate = new();
    volatile bool hasAnswered;

    internal TimeProvider Clock => clock;

    /// <summary>Runs an operation until it succeeds, fails for good, or the limits are reached.</summary>
    /// <param name="run">The operation; it gets the number of attempts before this one.</param>
    /// <param name="cancellation">Ends the attempt, and the waiting between attempts, at once.</param>
    /// <exception cref="StoreException">The last attempt's, with the number of attempts in its reason. One that never
    /// reached the store is <see cref="StoreFailure.Unreachable"/>.</exception>
    public async Task<T> RunAsync<T>(Func<int, CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        long started = clock.GetTimestamp();
        for (int failed = 0; ; failed++)
        {
            StoreException failure;
            try
            {
                var result = await run(failed, cancellation).ConfigureAwait(false);
                hasAnswered = true;
                return result;
            }
            catch (StoreException e) when (e is { Failure: StoreFailure.Transient, Exhausted: false })
            {
                failure = e;
            }
            catch (StoreException e) when (e.Failure == StoreFailure.NotFound)
            {
                hasAnswered = true;
                throw;
            }
            cancellation.ThrowIfCancellationRequested();
            var now = hasAnswered ? limits : limits.UntilFirstAnswer ?? limits;
            var delay = Delay(now, failed);
            var elapsed = clock.GetElapsedTime(started);
            if (failed + 1 >= now.AttemptsMax || elapsed + delay > now.Deadline)
                throw GivenUp(failure, failed + 1, elapsed);
            await Task.Delay(delay, clock, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>For an operation that succeeded at once, and was not run here.</summary>
    public void NoteAnswer() => hasAnswered = true;

    TimeSpan Delay(RetryLimits limits, int failed)
    {
        double ceiling = Math.Min(limits.DelayMax.TotalMilliseconds,
            limits.DelayFirst.TotalMilliseconds * Math.Pow(2, failed));
        lock (gate)
            return TimeSpan.FromMilliseconds(random.NextDouble() * ceiling);
    }

    static StoreException GivenUp(StoreException last, int attempts, TimeSpan elapsed)
    {
        string tries = attempts == 1 ? "1 attempt" : $"{attempts} attempts in {elapsed.TotalSeconds:0.#} s";
        return new StoreException(IsOfTheConnection(last) ? StoreFailure.Unreachable : StoreFailure.Transient,
            last.Operation, last.ObjectName, $"{last.Reason} (gave up after {tries})", last) { Exhausted = true };
    }

    static bool IsOfTheConnection(Exception failure)
    {
        for (Exception? e = failure.InnerException; e is not null; e = e.InnerException)
        {
            if (e is SocketException or TimeoutException || e is HttpRequestException
                {
                    HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                        or HttpRequestError.ProxyTunnelError,
                })
                return true;
        }
        return false;
    }
}
