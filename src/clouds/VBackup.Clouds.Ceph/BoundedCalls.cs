using System.Collections.Concurrent;

namespace VBackup.Clouds.Ceph;

/// <summary>What a call makes that its caller would have to remove again.</summary>
/// <param name="What">By this it is known to <see cref="BoundedCalls.WaitForLateAsync"/>.</param>
/// <param name="Undo">Removes it when it was made after nobody waited for it any more. Null where whoever tidies up asks for the removal
/// by its name, and waits for the call before.</param>
internal sealed record Making(string What, Func<Task>? Undo = null);

/// <summary>
/// Runs what blocks on a thread of its own, and waits for it no longer than a limit without a step forward. A thread that
/// hangs in the library cannot be ended; it is left alone, keeps what it uses open, and cleans up when it comes back. Thread-safe.
/// </summary>
internal sealed class BoundedCalls(TimeSpan limitMin, TimeProvider clock, WaitingNotes? notes = null)
{
    // After a cancellation, for one that makes something: as long as a storage that is well takes for it at most. Without the outcome
    // nobody would know whether there is anything to remove.
    private static readonly TimeSpan s_lastPatience = TimeSpan.FromSeconds(10);

    // Calls that were left alone and may still make something.
    private readonly ConcurrentDictionary<Task, string> _late = new();

    /// <summary>Null where nobody listens.</summary>
    public WaitingNotes? Notes => notes;

    // The steps of the work that runs on this thread.
    [ThreadStatic] private static Steps? t_steps;

    /// <summary>Says that the work on this thread came forward.</summary>
    public static void Advance() => t_steps?.Advance();

    /// <summary>To be asked before each step that changes something: nobody waits for the work on this thread any more, and what it leaves
    /// is being tidied up.</summary>
    /// <exception cref="OperationCanceledException">So it is.</exception>
    public static void ThrowIfLeftAlone()
    {
        if (t_steps is { IsLeftAlone: true }) throw new OperationCanceledException("Nobody waits for this call any more.");
    }

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
    /// <param name="making">What it makes: then a cancellation gives it some seconds more to end, so that its outcome is known. Null for
    /// nothing that would have to be removed.</param>
    /// <exception cref="CloudException">Nothing moved within the limit.</exception>
    /// <exception cref="LeftAloneException">Cancelled, and it may make what it was to make all the same.</exception>
    public async Task<T> RunAsync<T>(string operation, string subject, Func<T> work, CancellationToken cancellation,
        TimeSpan ownLimit = default, Making? making = null)
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
                LeaveAlone(running, steps, making);
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
                if (making is not null && await EndsAsync(running, limit).ConfigureAwait(false))
                    return await running.ConfigureAwait(false);
                LeaveAlone(running, steps, making);
                if (making is null) throw;
                throw new LeftAloneException(operation, subject, cancellation);
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

    private async Task<bool> EndsAsync(Task running, TimeSpan limit)
    {
        await running.WaitAsync(limit < s_lastPatience ? limit : s_lastPatience, clock, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return running.IsCompleted;
    }

    /// <summary>Waits until no call that was left alone makes this any more: only then is there an end to what is to be removed.</summary>
    /// <exception cref="CloudException">One does not come back within the limit.</exception>
    public async Task WaitForLateAsync(string making, string operation, CancellationToken cancellation)
    {
        var late = Task.WhenAll(_late.Where(call => call.Value == making).Select(call => call.Key));
        try
        {
            await late.WaitAsync(limitMin, clock, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new CloudException(CloudFailure.TimedOut, operation, making,
                $"an earlier call that was to make it has no answer yet, after {limitMin.TotalSeconds:0.#} s more");
        }
    }

    private void LeaveAlone<T>(Task<T> running, Steps steps, Making? making)
    {
        steps.IsLeftAlone = true;
        var ending = EndLateAsync(running, making?.Undo);
        if (making is null) return;
        _late[ending] = making.What;
        _ = ending.ContinueWith(ended => _late.TryRemove(ended, out _), CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    // Never fails.
    private static async Task EndLateAsync<T>(Task<T> running, Func<Task>? undo)
    {
        try
        {
            switch (await running.ConfigureAwait(false))
            {
                case IAsyncDisposable late: await late.DisposeAsync().ConfigureAwait(false); break;
                case IDisposable late: late.Dispose(); break;
            }
            if (undo is not null) await undo().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whoever waited was told already that it took too long, or wanted no answer any more.
        }
    }

    internal sealed class Steps
    {
        private long _count;
        private volatile bool _isLeftAlone;

        public AskedObjects Asked { get; } = new();

        public bool IsLeftAlone
        {
            get => _isLeftAlone;
            set => _isLeftAlone = value;
        }

        public long Count => Interlocked.Read(ref _count);

        public void Advance() => Interlocked.Increment(ref _count);
    }
}
