namespace VBackup.Vault.Stores.Faults;

/// <summary>
/// Makes operations of another store fail as planned, and knows afterwards which plans never came about: a test whose
/// fault did not happen has tested nothing. Thread-safe.
/// </summary>
public sealed class FaultyStore : DecoratingStore
{
    readonly Lock gate = new();
    readonly Dictionary<(StoreOperation, int), FaultKind> pending;
    readonly int[] calls = new int[Enum.GetValues<StoreOperation>().Length];
    readonly long? diskFullAtByte;
    readonly IReadOnlyList<BadSector> badSectors;
    readonly HashSet<BadSector> unmet;
    long sentBytes;
    bool wasFull;

    /// <summary>A store that fails as planned.</summary>
    public FaultyStore(IObjectStore inner, FaultPlan plan) : base(inner)
    {
        ArgumentNullException.ThrowIfNull(plan);
        pending = plan.Faults.ToDictionary(f => (f.Operation, f.Call), f => f.Kind);
        diskFullAtByte = plan.DiskFullAtByte;
        badSectors = plan.BadSectors;
        unmet = [.. badSectors];
    }

    /// <summary>Throws unless every planned fault has happened.</summary>
    /// <exception cref="InvalidOperationException">Names those that did not.</exception>
    public void AssertEveryPlannedFaultFired()
    {
        lock (gate)
        {
            var missed = pending.Select(p => $"{p.Key.Item1} call {p.Key.Item2} ({p.Value})");
            if (diskFullAtByte is { } limit && !wasFull)
                missed = missed.Append($"disk full at byte {limit} (only {sentBytes} were sent)");
            missed = missed.Concat(unmet.Select(sector => $"bad sector at byte {sector.Offset} of {sector.Name}"));
            string list = string.Join(", ", missed.Order(StringComparer.Ordinal));
            if (list.Length > 0)
                throw new InvalidOperationException($"Planned faults that never happened: {list}");
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        int read = await base.ReadAsync(name, offset, buffer, cancellation).ConfigureAwait(false);
        ThrowIfBad(StoreOperation.Read, name, offset, read);
        return read;
    }

    /// <inheritdoc/>
    public override async ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation)
    {
        var (read, length) = await base.ReadTailAsync(name, buffer, cancellation).ConfigureAwait(false);
        ThrowIfBad(StoreOperation.ReadTail, name, length - read, read);
        return (read, length);
    }

    /// <inheritdoc/>
    public override async Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation)
    {
        byte[] content = await base.GetAsync(name, lengthMax, cancellation).ConfigureAwait(false);
        ThrowIfBad(StoreOperation.Get, name, 0, content.Length);
        return content;
    }

    void ThrowIfBad(StoreOperation operation, string name, long offset, int length)
    {
        foreach (var sector in badSectors)
        {
            if (sector.Name != name || sector.Offset >= offset + length || sector.Length <= offset - sector.Offset)
                continue;
            lock (gate)
                unmet.Remove(sector);
            throw operation.Failed(StoreFailure.Unreadable, name, "a planned bad sector");
        }
    }

    /// <inheritdoc/>
    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        switch (NextFault(operation))
        {
            case FaultKind.FailTransient:
                throw operation.Failed(StoreFailure.Transient, name, "a planned, transient fault");
            case FaultKind.FailOther:
                throw operation.Failed(StoreFailure.Other, name, "a planned fault");
            case FaultKind.HangUntilCancelled:
                var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await cancelled.Task.WaitAsync(cancellation).ConfigureAwait(false);
                break;
            case FaultKind.AppliedButReportedFailed:
                await run(cancellation).ConfigureAwait(false);
                throw operation.Failed(StoreFailure.Transient, name, "a planned fault after it was done");
        }
        if (!TakeSpace(sentBytes))
            throw operation.Failed(StoreFailure.Full, name, "the disk is full, as planned");
        return await run(cancellation).ConfigureAwait(false);
    }

    FaultKind? NextFault(StoreOperation operation)
    {
        lock (gate)
            return pending.Remove((operation, ++calls[(int)operation]), out var kind) ? kind : null;
    }

    bool TakeSpace(long bytes)
    {
        if (bytes == 0 || diskFullAtByte is not { } limit)
            return true;
        lock (gate)
        {
            if (sentBytes + bytes > limit)
            {
                wasFull = true;
                return false;
            }
            sentBytes += bytes;
            return true;
        }
    }
}
