using System.Buffers;

namespace VBackup.Vault.Stores;

/// <summary>
/// A folder on a file system that may hang, as one over a network does: whoever called it can leave an operation that sticks
/// (see <see cref="FileSystemPatience"/>). Each runs on a thread that is not its caller's, and on memory of its own: one that is left
/// may read or write that until it comes back, and until then nobody else gets it. What it was to put, delete or commit may still be
/// done then, whole, as after the death of a process. Thread-safe.
/// </summary>
/// <param name="inner">The store that does the work; owned.</param>
/// <param name="patience">Of the inner store's folder.</param>
public sealed class BoundedStore(IObjectStore inner, FileSystemPatience patience) : DecoratingStore(inner)
{
    /// <summary>A folder's store, bounded unless it lies on a disk of this machine, whose operations need no thread of their own.</summary>
    public static IObjectStore Around(FileSystemStore store, FileSystemPatience patience) =>
        store.IsOnLocalDisk ? store : new BoundedStore(store, patience);

    /// <inheritdoc/>
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        patience.RunAsync(operation.Verb(), name, () => run(cancellation), cancellation);

    /// <inheritdoc/>
    public override Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        base.PutAsync(name, content.ToArray(), cancellation);

    /// <inheritdoc/>
    public override Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        base.CreateOnceAsync(name, content.ToArray(), cancellation);

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        ReadIntoAsync(StoreOperation.Read, name, buffer, own => Inner.ReadAsync(name, offset, own, cancellation), read => read,
            cancellation);

    /// <inheritdoc/>
    public override ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation) =>
        ReadIntoAsync(StoreOperation.ReadTail, name, buffer, own => Inner.ReadTailAsync(name, own, cancellation), tail => tail.Read,
            cancellation);

    async ValueTask<T> ReadIntoAsync<T>(StoreOperation operation, string name, Memory<byte> buffer, Func<Memory<byte>, ValueTask<T>> read,
        Func<T, int> lengthOf, CancellationToken cancellation)
    {
        var own = new LentMemory(buffer.Length);
        try
        {
            var done = await patience.RunAsync(operation.Verb(), name, () => own.Use(memory => read(memory).AsTask()), cancellation)
                .ConfigureAwait(false);
            own.Memory.Span[..lengthOf(done)].CopyTo(buffer.Span);
            return done;
        }
        finally
        {
            own.Return();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) =>
        new Writer(patience, name, await patience.RunAsync(StoreOperation.OpenWriter.Verb(), name,
            () => Inner.OpenWriterAsync(name, cancellation).AsTask(), cancellation).ConfigureAwait(false));

    /// <inheritdoc/>
    protected override ValueTask DisposeInnerAsync() =>
        patience.CloseAsync(() => Task.Run(async () => await Inner.DisposeAsync().ConfigureAwait(false)));

    /// <summary>Memory of the pool that one operation uses, and that goes back only when the operation is over.</summary>
    sealed class LentMemory(int length)
    {
        readonly byte[] bytes = ArrayPool<byte>.Shared.Rent(length);
        Task? use;

        public Memory<byte> Memory => bytes.AsMemory(0, length);

        public Task<T> Use<T>(Func<Memory<byte>, Task<T>> run)
        {
            var running = Task.Run(() => run(Memory), CancellationToken.None);
            use = running;
            return running;
        }

        public void Return()
        {
            if (use is null or { IsCompleted: true }) ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    sealed class Writer(FileSystemPatience patience, string name, IObjectWriter inner) : IObjectWriter
    {
        // The operation that was begun last. No other may be begun before it is over.
        Task<bool> last = Task.FromResult(true);
        bool isLeft, isDisposed;

        public long Length => inner.Length;

        public async ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            var own = new LentMemory(piece.Length);
            piece.CopyTo(own.Memory);
            try
            {
                await RunAsync(StoreOperation.Append, () => own.Use(async memory =>
                {
                    await inner.AppendAsync(memory, CancellationToken.None).ConfigureAwait(false);
                    return true;
                }), cancellation).ConfigureAwait(false);
            }
            finally
            {
                own.Return();
            }
        }

        public async ValueTask CommitAsync(CancellationToken cancellation) =>
            await RunAsync(StoreOperation.Commit, () => Task.Run(async () =>
            {
                await inner.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                return true;
            }), cancellation).ConfigureAwait(false);

        async Task RunAsync(StoreOperation operation, Func<Task<bool>> begin, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            // Nobody knows how much of it will be in the file.
            if (isLeft) throw new InvalidOperationException("An operation of the writer was left.");
            try
            {
                await patience.RunAsync(operation.Verb(), name, () => last = begin(), cancellation).ConfigureAwait(false);
            }
            catch
            {
                // What the inner writer failed at is for that one to judge.
                isLeft = !last.IsFaulted;
                throw;
            }
        }

        public ValueTask DisposeAsync()
        {
            if (isDisposed) return ValueTask.CompletedTask;
            isDisposed = true;
            return patience.CloseAsync(() => Task.Run(DisposeInnerAsync));
        }

        async Task DisposeInnerAsync()
        {
            await ((Task)last).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await inner.DisposeAsync().ConfigureAwait(false);
        }
    }
}
