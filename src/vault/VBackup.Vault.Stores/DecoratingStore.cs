using System.Runtime.CompilerServices;

namespace VBackup.Vault.Stores;

/// <summary>
/// A store that does something around the operations of another, which it owns and disposes of. What is to be done is
/// written once, in <see cref="AroundAsync"/>; a decorator overrides an operation only to do it differently.
/// </summary>
public abstract class DecoratingStore(IObjectStore inner) : IObjectStore
{
    /// <summary>The store that does the work.</summary>
    protected IObjectStore Inner { get; } = inner;

    /// <inheritdoc/>
    public string Description => Inner.Description;

    /// <summary>Runs one operation.</summary>
    protected abstract Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run,
        CancellationToken cancellation);

    /// <inheritdoc/>
    public virtual Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.Put, name, content.Length, async token =>
        {
            await Inner.PutAsync(name, content, token).ConfigureAwait(false);
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public virtual Task<bool> CreateOnceAsync(
        string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.CreateOnce, name, content.Length,
            token => Inner.CreateOnceAsync(name, content, token), cancellation);

    /// <inheritdoc/>
    public virtual Task<bool> CanCreateOnceAsync(CancellationToken cancellation) =>
        AroundAsync(StoreOperation.CanCreateOnce, "probe", 0, Inner.CanCreateOnceAsync, cancellation);

    /// <inheritdoc/>
    public virtual Task<string?> FindKeptVersionsAsync(CancellationToken cancellation) =>
        AroundAsync(StoreOperation.FindKeptVersions, "", 0, Inner.FindKeptVersionsAsync, cancellation);

    /// <inheritdoc/>
    public virtual Task<bool> CanHoldAsync(CancellationToken cancellation) =>
        AroundAsync(StoreOperation.CanHold, "", 0, Inner.CanHoldAsync, cancellation);

    /// <inheritdoc/>
    public virtual Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.FindHold, name, 0, token => Inner.FindHoldAsync(name, token), cancellation);

    /// <inheritdoc/>
    public virtual Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.Hold, name, 0, async token =>
        {
            await Inner.HoldAsync(name, until, token).ConfigureAwait(false);
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public virtual async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) =>
        new Writer(this, name, await AroundAsync(StoreOperation.OpenWriter, name, 0,
            token => Inner.OpenWriterAsync(name, token).AsTask(), cancellation).ConfigureAwait(false));

    /// <inheritdoc/>
    public virtual ValueTask<int> ReadAsync(
        string name, long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        new(AroundAsync(StoreOperation.Read, name, 0,
            token => Inner.ReadAsync(name, offset, buffer, token).AsTask(), cancellation));

    /// <inheritdoc/>
    public virtual ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation) =>
        new(AroundAsync(StoreOperation.ReadTail, name, 0,
            token => Inner.ReadTailAsync(name, buffer, token).AsTask(), cancellation));

    /// <inheritdoc/>
    public virtual Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.Get, name, 0, token => Inner.GetAsync(name, lengthMax, token), cancellation);

    /// <inheritdoc/>
    public virtual Task<bool> ExistsAsync(string name, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.Exists, name, 0, token => Inner.ExistsAsync(name, token), cancellation);

    /// <summary>Lists, doing what is to be done around every step to the next name.</summary>
    public virtual IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation) =>
        StepsAsync(StoreOperation.List, prefix, token => Inner.ListAsync(prefix, token), cancellation);

    /// <inheritdoc/>
    public virtual Task DeleteAsync(string name, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.Delete, name, 0, async token =>
        {
            await Inner.DeleteAsync(name, token).ConfigureAwait(false);
            return true;
        }, cancellation);

    /// <summary>Lists, doing what is to be done around every step to the next name.</summary>
    public virtual IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(CancellationToken cancellation) =>
        StepsAsync(StoreOperation.ListUnfinished, "", Inner.ListUnfinishedAsync, cancellation);

    /// <inheritdoc/>
    public virtual Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation) =>
        AroundAsync(StoreOperation.DiscardUnfinished, unfinished.Name, 0, async token =>
        {
            await Inner.DiscardUnfinishedAsync(unfinished, token).ConfigureAwait(false);
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await DisposeInnerAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes of the store that does the work.</summary>
    protected virtual ValueTask DisposeInnerAsync() => Inner.DisposeAsync();

    async IAsyncEnumerable<T> StepsAsync<T>(
        StoreOperation operation, string prefix, Func<CancellationToken, IAsyncEnumerable<T>> list,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var steps = list(cancellation).GetAsyncEnumerator(cancellation);
        Task<bool> step = Task.FromResult(true);
        try
        {
            while (await AroundAsync(operation, prefix, 0, _ => step = steps.MoveNextAsync().AsTask(), cancellation)
                       .ConfigureAwait(false))
                yield return steps.Current;
        }
        finally
        {
            // A decorator may have left a step that sticks, and a listing may not be disposed of while it takes one.
            if (step.IsCompleted) await steps.DisposeAsync().ConfigureAwait(false);
        }
    }

    sealed class Writer(DecoratingStore store, string name, IObjectWriter inner) : IObjectWriter
    {
        public long Length => inner.Length;

        public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
            store.AppendAsync(inner, name, piece, cancellation);

        public ValueTask CommitAsync(CancellationToken cancellation) =>
            new(store.AroundAsync(StoreOperation.Commit, name, 0, async token =>
            {
                await inner.CommitAsync(token).ConfigureAwait(false);
                return true;
            }, cancellation));

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    /// <summary>Appends to a writer of the inner store.</summary>
    protected virtual ValueTask AppendAsync(
        IObjectWriter writer, string name, ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
        new(AroundAsync(StoreOperation.Append, name, piece.Length, async token =>
        {
            await writer.AppendAsync(piece, token).ConfigureAwait(false);
            return true;
        }, cancellation));
}
