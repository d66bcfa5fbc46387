using System.Buffers;
using System.Runtime.CompilerServices;
using System.Globalization;

namespace VBackup.Vault.Stores;

/// <summary>
/// A store in this process's memory, for tests and simulations. Everything completes at once, on the caller's thread.
/// Listings are looked at name by name, as on a real store. Thread-safe.
/// </summary>
/// <param name="holds">By which it can hold objects; null for a store that cannot.</param>
public sealed class MemoryStore(TimeProvider? holds) : IObjectStore
{
    readonly Dictionary<string, DateTimeOffset> heldUntil = new(StringComparer.Ordinal);

    readonly Lock gate = new();
    readonly Dictionary<string, byte[]> objects = new(StringComparer.Ordinal);
    readonly SortedSet<string> names = new(StringComparer.Ordinal);
    readonly SortedDictionary<long, Writer> unfinished = [];
    long writersOpened;

    /// <summary>A store that cannot hold objects.</summary>
    public MemoryStore() : this(holds: null) { }

    /// <inheritdoc/>
    public string Description => "memory";

    /// <inheritdoc/>
    public Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled(cancellation);
        Store(name, content.ToArray());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<bool>(cancellation);
        lock (gate)
        {
            if (objects.ContainsKey(name))
                return Task.FromResult(false);
            Store(name, content.ToArray());
            return Task.FromResult(true);
        }
    }

    /// <inheritdoc/>
    public Task<bool> CanCreateOnceAsync(CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? Task.FromCanceled<bool>(cancellation) : Task.FromResult(true);

    /// <inheritdoc/>
    public ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<IObjectWriter>(cancellation);
        lock (gate)
        {
            var writer = new Writer(this, name, ++writersOpened);
            unfinished.Add(writer.Number, writer);
            return ValueTask.FromResult<IObjectWriter>(writer);
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<int>(cancellation);
        if (Find(name) is not { } content)
            return ValueTask.FromException<int>(Missing(StoreOperation.Read, name));
        if (offset >= content.Length)
            return ValueTask.FromResult(0);
        var part = content.AsSpan((int)offset, Math.Min(buffer.Length, content.Length - (int)offset));
        part.CopyTo(buffer.Span);
        return ValueTask.FromResult(part.Length);
    }

    /// <inheritdoc/>
    public ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<(int, long)>(cancellation);
        if (Find(name) is not { } content)
            return ValueTask.FromException<(int, long)>(Missing(StoreOperation.ReadTail, name));
        var tail = content.AsSpan(Math.Max(0, content.Length - buffer.Length));
        tail.CopyTo(buffer.Span);
        return ValueTask.FromResult((tail.Length, (long)content.Length));
    }

    /// <inheritdoc/>
    public Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthMax);
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<byte[]>(cancellation);
        if (Find(name) is not { } content)
            return Task.FromException<byte[]>(Missing(StoreOperation.Get, name));
        return content.Length <= lengthMax
            ? Task.FromResult(content.AsSpan().ToArray())
            : Task.FromException<byte[]>(TooLong(name, content.Length, lengthMax));
    }

    /// <inheritdoc/>
    public Task<bool> ExistsAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return cancellation.IsCancellationRequested
            ? Task.FromCanceled<bool>(cancellation)
            : Task.FromResult(Find(name) is not null);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation)
    {
        ObjectName.CheckPrefix(prefix);
        return List(prefix, cancellation);
    }

    async IAsyncEnumerable<ObjectEntry> List(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        // U+FFFF is above every character a name may have, so the view ends where the prefix does.
        string after = prefix, end = prefix + '\uffff';
        bool first = true;
        while (NextEntry(after, end, first) is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return entry;
            (after, first) = (entry.Name, false);
        }
        await Task.CompletedTask.ConfigureAwait(false);
    }

    ObjectEntry? NextEntry(string from, string end, bool inclusive)
    {
        lock (gate)
        {
            foreach (string name in names.GetViewBetween(inclusive ? from : from + '\0', end))
                return new ObjectEntry(name, objects[name].Length);
            return null;
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled(cancellation);
        lock (gate)
        {
            if (heldUntil.TryGetValue(name, out var until) && IsAhead(until))
                return Task.FromException(StoreOperation.Delete.Failed(StoreFailure.Held, name, HeldReason(until)));
            objects.Remove(name);
            names.Remove(name);
            heldUntil.Remove(name);
        }
        return Task.CompletedTask;
    }

    internal static string HeldReason(DateTimeOffset until) => $"the store holds it until {until:u}";

    bool IsAhead(DateTimeOffset until) => holds is not null && until > holds.GetUtcNow();

    /// <inheritdoc/>
    public Task<bool> CanHoldAsync(CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? Task.FromCanceled<bool>(cancellation) : Task.FromResult(holds is not null);

    /// <inheritdoc/>
    public Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<DateTimeOffset?>(cancellation);
        lock (gate)
        {
            return objects.ContainsKey(name)
                ? Task.FromResult<DateTimeOffset?>(heldUntil.TryGetValue(name, out var until) ? until : null)
                : Task.FromException<DateTimeOffset?>(Missing(StoreOperation.FindHold, name));
        }
    }

    /// <inheritdoc/>
    public Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (holds is null)
            throw new NotSupportedException($"{Description} cannot hold objects.");
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled(cancellation);
        lock (gate)
        {
            if (!objects.ContainsKey(name))
                return Task.FromException(Missing(StoreOperation.Hold, name));
            if (!heldUntil.TryGetValue(name, out var now) || now < until)
                heldUntil[name] = until;
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        UnfinishedObject[] found;
        lock (gate)
            found = [.. unfinished.Values.Select(w => new UnfinishedObject(w.Name, w.Handle))];
        foreach (var one in found.OrderBy(u => u.Name, StringComparer.Ordinal))
            yield return one;
        await Task.CompletedTask.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled(cancellation);
        lock (gate)
            if (long.TryParse(unfinished.Handle, CultureInfo.InvariantCulture, out var number)) this.unfinished.Remove(number);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    void Store(string name, byte[] content)
    {
        lock (gate)
        {
            // The first content is what counts as long as it is held.
            if (heldUntil.TryGetValue(name, out var until) && IsAhead(until))
                return;
            heldUntil.Remove(name);
            objects[name] = content;
            names.Add(name);
        }
    }

    byte[]? Find(string name)
    {
        lock (gate)
            return objects.GetValueOrDefault(name);
    }

    static StoreException Missing(StoreOperation operation, string name) =>
        operation.Failed(StoreFailure.NotFound, name, "no such object");

    internal static StoreException TooLong(string name, long lengthBytes, int lengthMax) => StoreOperation.Get.Failed(
        StoreFailure.TooLong, name, $"it has {lengthBytes} bytes where at most {lengthMax} were expected");

    sealed class Writer(MemoryStore store, string name, long number) : IObjectWriter
    {
        readonly ArrayBufferWriter<byte> content = new();
        bool committed;

        public string Name => name;
        public long Number => number;
        public string Handle => number.ToString(CultureInfo.InvariantCulture);
        public long Length => content.WrittenCount;

        public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            if (cancellation.IsCancellationRequested)
                return ValueTask.FromCanceled(cancellation);
            if (committed)
                throw new InvalidOperationException("The object is committed.");
            content.Write(piece.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask CommitAsync(CancellationToken cancellation)
        {
            if (cancellation.IsCancellationRequested)
                return ValueTask.FromCanceled(cancellation);
            if (committed)
                return ValueTask.CompletedTask;
            lock (store.gate)
            {
                if (!store.unfinished.Remove(number))
                    return ValueTask.FromException(StoreOperation.Commit.Failed(
                        StoreFailure.NotFound, name, "somebody discarded it before it was committed"));
                store.Store(name, content.WrittenSpan.ToArray());
            }
            committed = true;
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            lock (store.gate)
                store.unfinished.Remove(number);
            return ValueTask.CompletedTask;
        }
    }
}
