namespace VBackup.Vault.Stores;

/// <summary>How long a file system that does not answer is waited for.</summary>
public sealed record FileSystemLimits
{
    /// <summary>So long after its beginning an operation that has not ended is told of.</summary>
    public TimeSpan WaitingAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>An operation that takes longer has failed. A CephFS may be back after a fail-over of its metadata server.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Is told, in one line, which folder is waited for; null where nobody listens.</summary>
    public Action<string>? OnWaiting { get; init; }
}

/// <summary>
/// Waits for the operations of the file system that a folder lies on, so that their caller can leave one that sticks: a call that
/// hangs in the kernel cannot be ended. It is left alone, keeps what it uses, and cleans up when it comes back. As long as one sticks
/// that was cancelled, others are given no more time than it takes until one is told of; and as long as one sticks that was given up,
/// none is begun: what a failed run has to tidy up shall not wait for each of its files. Thread-safe.
/// </summary>
public sealed class FileSystemPatience(string folder, FileSystemLimits limits, TimeProvider clock)
{
    private int _waiting, _cancelled, _givenUp;

    /// <param name="operation">The verb of a <see cref="StoreException"/>.</param>
    /// <param name="name">Of the object or the file.</param>
    /// <param name="begin">Must not block. What it returns may end long after this has failed; a result that is disposable is then
    /// disposed of.</param>
    /// <param name="cancellation">Honoured at once.</param>
    /// <exception cref="StoreException">Of kind <see cref="StoreFailure.Unreachable"/>: there was no answer in time.</exception>
    public async Task<T> RunAsync<T>(string operation, string name, Func<Task<T>> begin, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (Volatile.Read(ref _givenUp) > 0) throw Silent(operation, name, "still no answer from the file system");
        var limit = Volatile.Read(ref _cancelled) > 0 ? Shortest : limits.OperationTimeout;
        var running = begin();
        if (await EndsAsync(running, limit, cancellation).ConfigureAwait(false)) return await running.ConfigureAwait(false);
        if (cancellation.IsCancellationRequested)
        {
            _ = LeaveAloneAsync(running, isGivenUp: false);
            cancellation.ThrowIfCancellationRequested();
        }
        _ = LeaveAloneAsync(running, isGivenUp: true);
        throw Silent(operation, name, $"no answer from the file system within {limit.TotalSeconds:0.#} s");
    }

    /// <summary>Runs what blocks.</summary>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public Task<T> RunBlockingAsync<T>(string operation, string name, Func<T> work, CancellationToken cancellation) =>
        RunAsync(operation, name, () => Task.Run(work, CancellationToken.None), cancellation);

    /// <summary>Gives something up, and waits for that only as long as nobody would wonder.</summary>
    /// <param name="closing">Must not block. Is begun in any case. Its failures are nobody's concern.</param>
    public async ValueTask CloseAsync(Func<Task> closing)
    {
        var running = closing();
        if (Volatile.Read(ref _givenUp) == 0 && !await EndsAsync(running, Shortest, CancellationToken.None).ConfigureAwait(false))
            _ = LeaveAloneAsync(AnswerOf(running), isGivenUp: true);
    }

    private TimeSpan Shortest => limits.WaitingAfter < limits.OperationTimeout ? limits.WaitingAfter : limits.OperationTimeout;

    private async ValueTask<bool> EndsAsync(Task running, TimeSpan limit, CancellationToken cancellation)
    {
        if (running.IsCompleted || await EndsWithinAsync(running, Shortest, cancellation).ConfigureAwait(false)) return true;
        if (cancellation.IsCancellationRequested || limit <= Shortest) return false;
        if (Interlocked.Increment(ref _waiting) == 1)
            limits.OnWaiting?.Invoke($"{folder}: no answer from the file system for {Shortest.TotalSeconds:0.#} s; it is waited for, at "
                + $"most {limits.OperationTimeout.TotalSeconds:0.#} s for each operation");
        try
        {
            return await EndsWithinAsync(running, limit - Shortest, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async ValueTask<bool> EndsWithinAsync(Task running, TimeSpan limit, CancellationToken cancellation)
    {
        await running.WaitAsync(limit, clock, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return running.IsCompleted;
    }

    private async Task LeaveAloneAsync<T>(Task<T> running, bool isGivenUp)
    {
        ref int CountOf() => ref isGivenUp ? ref _givenUp : ref _cancelled;
        Interlocked.Increment(ref CountOf());
        await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Decrement(ref CountOf());
        // Whoever waited for it was told already that it took too long, or wanted no answer any more.
        if (!running.IsCompletedSuccessfully) return;
        switch (await running.ConfigureAwait(false))
        {
            case IAsyncDisposable late: await late.DisposeAsync().ConfigureAwait(false); break;
            case IDisposable late: late.Dispose(); break;
        }
    }

    private static async Task<bool> AnswerOf(Task running)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }

    // Not transient: what is left alone may still be done, and must not come after a second try.
    private StoreException Silent(string operation, string name, string reason) =>
        new(StoreFailure.Unreachable, operation, name, $"{reason} of {folder}");
}
