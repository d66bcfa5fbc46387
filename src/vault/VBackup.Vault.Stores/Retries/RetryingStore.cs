using System.Runtime.CompilerServices;

namespace VBackup.Vault.Stores;

/// <summary>
/// Tries the operations of another store again, as a policy says. All of them can be repeated without harm:
/// <list type="bullet">
/// <item>Put, delete and discard end in the same state however often they are done.</item>
/// <item>Create-once is ambiguous when an attempt failed after it was applied: the next attempt then meets our own
/// object. So when a retry finds an object, it is read back, and counts as ours when its content is ours.
/// Therefore two callers must not create the same name with the same content and expect to tell who came first;
/// protocols in which equal content means the same decision lose nothing.</item>
/// <item>A listing that breaks is begun anew and goes on behind the last name it gave.</item>
/// <item>An append that failed as transient appended nothing, and a commit may be repeated: see
/// <see cref="IObjectWriter"/>.</item>
/// </list>
/// </summary>
public sealed class RetryingStore(IObjectStore inner, RetryPolicy policy) : DecoratingStore(inner)
{
    /// <inheritdoc/>
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run,
        CancellationToken cancellation) =>
        policy.RunAsync((_, token) => run(token), cancellation);

    /// <inheritdoc/>
    public override Task<bool> CreateOnceAsync(
        string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        bool inDoubt = false;
        return policy.RunAsync(async (_, token) =>
        {
            try
            {
                return await Inner.CreateOnceAsync(name, content, token).ConfigureAwait(false)
                    || (inDoubt && await HoldsAsync(name, content, token).ConfigureAwait(false));
            }
            catch (StoreException e) when (e.Failure == StoreFailure.Transient)
            {
                inDoubt = true;
                throw;
            }
        }, cancellation);
    }

    async Task<bool> HoldsAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        // One byte more than ours, so that a longer object of somebody else's is not taken for ours.
        byte[] found = new byte[content.Length + 1];
        try
        {
            int read = await Inner.ReadAsync(name, 0, found, cancellation).ConfigureAwait(false);
            return found.AsSpan(0, read).SequenceEqual(content.Span);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.NotFound)
        {
            return false; // Deleted since: whoever created it, this call did not find the name free.
        }
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(
        string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        // What completes at once and well, as reads of a local file do, allocates nothing here.
#pragma warning disable CA2012 // It is either returned or awaited, once.
        var first = Inner.ReadAsync(name, offset, buffer, cancellation);
#pragma warning restore CA2012
        if (!first.IsCompletedSuccessfully)
            return new(ReadAgainAsync(first.AsTask(), name, offset, buffer, cancellation));
        policy.NoteAnswer();
        return first;
    }

    // Apart, because a closure in ReadAsync would be allocated by every read.
    Task<int> ReadAgainAsync(
        Task<int> first, string name, long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        policy.RunAsync((failed, token) =>
            failed == 0 ? first : Inner.ReadAsync(name, offset, buffer, token).AsTask(), cancellation);

    /// <inheritdoc/>
    protected override ValueTask AppendAsync(
        IObjectWriter writer, string name, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
#pragma warning disable CA2012 // It is either returned or awaited, once.
        var first = writer.AppendAsync(piece, cancellation);
#pragma warning restore CA2012
        return first.IsCompletedSuccessfully
            ? first
            : new(AppendAgainAsync(first.AsTask(), writer, piece, cancellation));
    }

    Task<bool> AppendAgainAsync(
        Task first, IObjectWriter writer, ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
        policy.RunAsync(async (failed, token) =>
        {
            await (failed == 0 ? first : writer.AppendAsync(piece, token).AsTask()).ConfigureAwait(false);
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public override async IAsyncEnumerable<ObjectEntry> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? last = null;
        IAsyncEnumerator<ObjectEntry>? listing = null;
        try
        {
            while (await policy.RunAsync(AdvanceAsync, cancellation)
                       .ConfigureAwait(false))
            {
                last = listing!.Current.Name;
                yield return listing.Current;
            }
        }
        finally
        {
            if (listing is not null)
                await listing.DisposeAsync().ConfigureAwait(false);
        }

        async Task<bool> AdvanceAsync(int failed, CancellationToken token)
        {
            if (failed > 0 && listing is not null)
            {
                await listing.DisposeAsync().ConfigureAwait(false);
                listing = null;
            }
            listing ??= Inner.ListAsync(prefix, token).GetAsyncEnumerator(token);
            do
            {
                if (!await listing.MoveNextAsync().ConfigureAwait(false))
                    return false;
            } while (last is not null && string.CompareOrdinal(listing.Current.Name, last) <= 0);
            return true;
        }
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(CancellationToken cancellation) =>
        ListWholeAsync(cancellation);

    async IAsyncEnumerable<UnfinishedObject> ListWholeAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        // One name may have several unfinished objects, so a broken listing cannot be resumed behind a name.
        var found = await policy.RunAsync(async (_, token) =>
        {
            List<UnfinishedObject> all = [];
            await foreach (var one in Inner.ListUnfinishedAsync(token).ConfigureAwait(false))
                all.Add(one);
            return all;
        }, cancellation).ConfigureAwait(false);
        foreach (var one in found)
            yield return one;
    }
}
