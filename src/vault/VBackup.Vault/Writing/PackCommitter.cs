using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>
/// Commits full packs in the background, a few at once, and puts an index object for every few that are durable: packs
/// first, then their index. Thread-safe.
/// </summary>
internal sealed class PackCommitter(BackupVault vault, Action<ReadOnlyMemory<byte>, ObjectId>? indexPut = null,
    Session? session = null) : IAsyncDisposable
{
    private readonly SemaphoreSlim _places = new(vault.Runtime.PackCommitsInFlight);
    private readonly List<Task> _commits = [];
    private readonly List<FinishedPack> _unindexed = [];
    private readonly Lock _lock = new();

    /// <summary>
    /// Something unfinished has vanished. A collector that took the run for dead discards what it left; then the revocation is
    /// the reason to give.
    /// </summary>
    /// <exception cref="SessionRevokedException">So it is.</exception>
    public Task ThrowIfRevokedAsync(CancellationToken cancellation) =>
        session?.EnsureNotRevokedAsync(cancellation) ?? Task.CompletedTask;

    /// <summary>Takes over a writer whose pack is complete. Waits only when too many are on their way.</summary>
    /// <exception cref="StoreException">This pack, or an earlier one, could not be stored: there is no use in going on.</exception>
    public async ValueTask CommitAsync(IObjectWriter writer, FinishedPack pack, CancellationToken cancellation)
    {
        Task? failed;
        lock (_lock) failed = _commits.Find(done => done.IsFaulted || done.IsCanceled);
        try
        {
            if (failed is not null) await failed.ConfigureAwait(false);
            await _places.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await writer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var commit = CommitAndIndexAsync(writer, pack, cancellation);
        lock (_lock)
        {
            // A failed one stays: FinishAsync has to meet it.
            _commits.RemoveAll(done => done.IsCompletedSuccessfully);
            _commits.Add(commit);
        }
    }

    /// <summary>Waits until every pack is durable and indexed.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        Task[] commits;
        lock (_lock) commits = [.. _commits];
        await Task.WhenAll(commits).ConfigureAwait(false);
        if (TakeUnindexed(atLeast: 1) is { } packs) await PutIndexAsync(packs, cancellation).ConfigureAwait(false);
    }

    private async Task CommitAndIndexAsync(IObjectWriter writer, FinishedPack pack, CancellationToken cancellation)
    {
        try
        {
            await using (writer.ConfigureAwait(false)) await writer.CommitAsync(cancellation).ConfigureAwait(false);
        }
        catch (StoreException discarded) when (discarded.Failure == StoreFailure.NotFound)
        {
            await ThrowIfRevokedAsync(cancellation).ConfigureAwait(false);
            throw;
        }
        finally
        {
            _places.Release();
        }
        lock (_lock) _unindexed.Add(pack);
        if (TakeUnindexed(vault.Runtime.PacksPerIndexFlush) is not { } packs) return;
        await PutIndexAsync(packs, cancellation).ConfigureAwait(false);
        if (session is not null) await session.TryBeatAsync(cancellation).ConfigureAwait(false);
    }

    private List<FinishedPack>? TakeUnindexed(int atLeast)
    {
        lock (_lock)
        {
            if (_unindexed.Count < atLeast) return null;
            List<FinishedPack> taken = [.. _unindexed];
            _unindexed.Clear();
            return taken;
        }
    }

    private async Task PutIndexAsync(List<FinishedPack> packs, CancellationToken cancellation)
    {
        List<IndexEntry> entries = new(packs.Sum(pack => pack.Entries.Length));
        for (var ordinal = 0; ordinal < packs.Count; ordinal++)
            foreach (var entry in packs[ordinal].Entries) entries.Add(new(entry.Id, ordinal, entry.Offset, entry.Length));
        entries.Sort((left, right) => left.Id.CompareTo(right.Id));
        var (id, bytes) = IndexObjectBytes.Encode(vault, [.. packs.Select(pack => pack.Id)], entries);
        await vault.Store.PutAsync(ObjectNames.Index(id), bytes, cancellation).ConfigureAwait(false);
        session?.NoteIndex(id);
        indexPut?.Invoke(bytes, id);
    }

    public async ValueTask DisposeAsync()
    {
        Task[] commits;
        lock (_lock) commits = [.. _commits];
        // Whoever got here without FinishAsync has an error of its own to report; the commits only must be over.
        await Task.WhenAll(commits).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _places.Dispose();
    }
}
