using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>
/// Commits full packs in the background, a few at once, and puts an index object for every few that are durable: packs
/// first, then their index. With a spool, packs land there first, and as many may wait as it has room for. Thread-safe.
/// </summary>
internal sealed class PackCommitter(BackupVault vault, Action<ReadOnlyMemory<byte>, ObjectId>? indexPut = null,
    Session? session = null, SpoolRun? spool = null) : IAsyncDisposable
{
    private readonly SemaphoreSlim _places = new(vault.Runtime.PackCommitsInFlight);
    private readonly List<Task> _commits = [];
    private readonly List<Task> _spooling = [];
    private readonly List<FinishedPack> _unindexed = [];
    private readonly Lock _lock = new();
    private bool _hasGonePast;

    /// <summary>Opens a pack: in the spool where there is one with room, else in the store.</summary>
    public async Task<IObjectWriter> OpenAsync(ObjectId id, CancellationToken cancellation) =>
        spool is not null && await spool.TryOpenAsync(id, cancellation).ConfigureAwait(false) is { } spooled
            ? spooled : await vault.Store.OpenWriterAsync(ObjectNames.Pack(id), cancellation).ConfigureAwait(false);

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
            if (writer is not SpooledPack) await _places.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await writer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        if (writer is SpooledPack spooled) Send(spooled, pack, cancellation);
        else
        {
            lock (_lock) _hasGonePast = true;
            Note(_commits, CommitAndIndexAsync(writer, pack, cancellation));
        }
    }

    /// <summary>Takes over a pack that lies in the spool, or will, and was never sent.</summary>
    public void Send(SpooledPack spooled, FinishedPack pack, CancellationToken cancellation)
    {
        var spooling = spooled.CommitAsync(cancellation).AsTask();
        Note(_spooling, spooling);
        Note(_commits, SendAndIndexAsync(spooling, spooled, pack, cancellation));
    }

    private void Note(List<Task> tasks, Task task)
    {
        lock (_lock)
        {
            // A failed one stays: whoever waits for all has to meet it.
            tasks.RemoveAll(done => done.IsCompletedSuccessfully);
            tasks.Add(task);
        }
    }

    /// <summary>Waits until every pack is durable in the spool. When there was no room for some, nothing in the spool tells of those:
    /// then it waits until all are in the store and indexed.</summary>
    public async Task SpooledAsync(CancellationToken cancellation)
    {
        Task[] spooling;
        bool hasGonePast;
        lock (_lock) (spooling, hasGonePast) = ([.. _spooling], _hasGonePast);
        if (hasGonePast)
        {
            await FinishAsync(cancellation).ConfigureAwait(false);
            return;
        }
        await Task.WhenAll(spooling).ConfigureAwait(false);
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
        await IndexAsync(pack, cancellation).ConfigureAwait(false);
    }

    private async Task SendAndIndexAsync(Task spooling, SpooledPack spooled, FinishedPack pack, CancellationToken cancellation)
    {
        await using (spooled.ConfigureAwait(false))
        {
            await spooling.ConfigureAwait(false);
            await _places.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                await spooled.SendAsync(vault.Store, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                await spool!.Room.BreakAsync().ConfigureAwait(false);
                if (failure is StoreException { Failure: StoreFailure.NotFound })
                    await ThrowIfRevokedAsync(cancellation).ConfigureAwait(false);
                throw;
            }
            finally
            {
                _places.Release();
            }
        }
        await IndexAsync(pack with { Spooled = spooled }, cancellation).ConfigureAwait(false);
    }

    /// <summary>A pack is in the store.</summary>
    public async Task IndexAsync(FinishedPack pack, CancellationToken cancellation)
    {
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
        foreach (var pack in packs)
            if (pack.Spooled is { } spooled) await spool!.ForgetAsync(spooled, cancellation).ConfigureAwait(false);
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
