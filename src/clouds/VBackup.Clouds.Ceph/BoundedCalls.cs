namespace VBackup.Clouds.Ceph;

/// <summary>
/// Runs what blocks on a thread of its own, and waits for it no longer than a limit without a step forward. A thread that
/// hangs in the library cannot be ended; it is left alone, keeps what it uses open, and cleans up when it comes back. Thread-safe.
/// </summary>
internal sealed class BoundedCalls(TimeSpan limitMin, TimeProvider clock, WaitingNotes? notes = null)
{
    /// <summary>Null where nobody listens.</summary>
    public WaitingNotes? Notes => notes;

    // The steps of the work that runs on this thread.
    [ThreadStatic] private static Steps? t_steps;

    /// <summary>Says that the work on this thread came forward.</summary>
    public static void Advance() => t_steps?.Advance();

    /// <summary>The current thread's steps, for a call that tells its progress from other threads.</summary>
    public static Steps? CurrentSteps => t_steps;

    /// <summary>Says what the work on this thread is about to ask disks for.</summary>
    public static void Asks(CephConnection connection, string pool, string @namespace, params ReadOnlySpan<string> objects) =>
        t_steps?.Asked.Add(connection, pool, @namespace, objects);

    public Task RunAsync(string operation, string subject, Action work, CancellationToken cancellation) =>
        RunAsync(operation, subject, () =>
        {
            work();
            return true;
        }, cancellation);

    /// <param name="ownLimit">Of work that gives up by itself; it is given that time.</param>
    /// <exception cref="CloudException">Nothing moved within the limit.</exception>
    public async Task<T> RunAsync<T>(
        string operation, string subject, Func<T> work, CancellationToken cancellation, TimeSpan ownLimit = default)
    {
        var limit = ownLimit > limitMin ? ownLimit : limitMin;
        cancellation.ThrowIfCancellationRequested();
        var steps = new Steps();
        var running = Task.Factory.StartNew(
            () =>
            {
                t_steps = steps;
                return work();
            },
            CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        using var watching = Watch(steps, $"{subject}: {operation}");
        while (true)
        {
            var seen = steps.Count;
            try
            {
                return await running.WaitAsync(limit, clock, cancellation).ConfigureAwait(false);
            }
            // It ended at the very moment, and whoever asked is its result's owner.
            catch (Exception late) when (running.IsCompleted && (late is TimeoutException or OperationCanceledException))
            {
                return await running.ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                if (steps.Count != seen) continue;
                _ = LeaveAlone(running);
                var silent = await steps.Asked.FindSilentAsync(clock).ConfigureAwait(false);
                throw new CloudException(CloudFailure.TimedOut, operation, subject,
                    $"nothing moved for {limit.TotalSeconds:0.#} s{(silent is null ? "" : $": no answer from {silent}")}");
            }
            catch (CloudException late) when (late.HResult == CephFailure.TimedOut)
            {
                // What the library has told is that it was too late, and not who was.
                if (await steps.Asked.FindSilentAsync(clock).ConfigureAwait(false) is not { } silent) throw;
                throw new CloudException(CloudFailure.TimedOut, late.Operation, late.Subject, $"no answer from {silent} in time", late)
                    { HResult = late.HResult };
            }
            catch (OperationCanceledException)
            {
                _ = LeaveAlone(running);
                throw;
            }
        }
    }

    private IDisposable? Watch(Steps steps, string call)
    {
        var seen = steps.Count;
        return notes?.Watch(notes.After, () =>
        {
            var before = seen;
            seen = steps.Count;
            return seen == before ? new(call, () => steps.Asked.FindSilentAsync(clock)) : null;
        });
    }

    private static async Task LeaveAlone<T>(Task<T> running)
    {
        try
        {
            switch (await running.ConfigureAwait(false))
            {
                case IAsyncDisposable late: await late.DisposeAsync().ConfigureAwait(false); break;
                case IDisposable late: late.Dispose(); break;
            }
        }
        catch (Exception)
        {
            // Whoever waited was told already that it took too long, or wanted no answer any more.
        }
    }

    internal sealed class Steps
    {
        private long _count;

        public AskedObjects Asked { get; } = new();

        public long Count => Interlocked.Read(ref _count);

        public void Advance() => Interlocked.Increment(ref _count);
    }
}
