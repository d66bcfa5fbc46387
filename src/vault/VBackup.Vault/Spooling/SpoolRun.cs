using System.Text.Json.Serialization.Metadata;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Spooling;

/// <summary>
/// One run's part of a spool: its packs that are not in the store and indexed yet, and, when it has read everything, the point
/// that is to be put. Whoever holds it is the only one that works for the run's session. Thread-safe.
/// </summary>
internal sealed class SpoolRun(IObjectStore store, SpoolRoom room, VaultKeys keys, SessionId session, FileLock hold,
    FileSystemPatience patience) : IAsyncDisposable
{
    private const int PacksMax = 100_000;

    public IObjectStore Store => store;
    public SpoolRoom Room => room;
    public SessionId Session => session;

    /// <summary>Opens a pack, if there is room.</summary>
    public async Task<SpooledPack?> TryOpenAsync(ObjectId id, CancellationToken cancellation)
    {
        if (!await room.EnterAsync(cancellation).ConfigureAwait(false)) return null;
        try
        {
            return new(this, id, await store.OpenWriterAsync(ObjectNames.Pack(id), cancellation).ConfigureAwait(false));
        }
        catch
        {
            await room.GiveUpAsync().ConfigureAwait(false);
            throw;
        }
    }

    public Task PutMarkAsync(ObjectId pack, PackMark mark, CancellationToken cancellation) =>
        store.PutAsync(SpoolNames.Mark(session, pack), mark.Encode(), cancellation);

    /// <summary>A pack is in the store and indexed: from now on it is only a cached copy.</summary>
    public async Task ForgetAsync(SpooledPack pack, CancellationToken cancellation)
    {
        await store.DeleteAsync(SpoolNames.Mark(session, pack.Id), cancellation).ConfigureAwait(false);
        await room.LeftAsync(pack.Id, pack.Length).ConfigureAwait(false);
    }

    public Task SealAsync(SealedRunDocument document, CancellationToken cancellation) =>
        PutAsync(SpoolNames.Sealed(session), document, SpoolJson.Default.SealedRunDocument, cancellation);

    /// <summary>Null when the run had not read everything.</summary>
    public Task<SealedRunDocument?> FindSealedAsync(CancellationToken cancellation) =>
        FindAsync(SpoolNames.Sealed(session), SpoolJson.Default.SealedRunDocument, cancellation);

    /// <summary>The point is about to be put. REQUIRES: no other of this run may still arrive.</summary>
    public Task NotePointAsync(PointId point, CancellationToken cancellation) =>
        PutAsync(SpoolNames.Point(session), new() { Point = point.ToString() }, SpoolJson.Default.PointNoteDocument, cancellation);

    /// <summary>The point whose put had begun; null when none had.</summary>
    public async Task<PointId?> FindNotedPointAsync(CancellationToken cancellation)
    {
        var note = await FindAsync(SpoolNames.Point(session), SpoolJson.Default.PointNoteDocument, cancellation).ConfigureAwait(false);
        if (note is null) return null;
        return PointId.TryParse(note.Point, out var id) ? id
            : throw new DamageException(SpoolNames.Point(session), "names a point whose id is not one");
    }

    private Task PutAsync<T>(string name, T document, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        store.PutAsync(name, SealedDocument.SealJson(keys, ObjectKind.SpooledRun, name, document, type), cancellation);

    private async Task<T?> FindAsync<T>(string name, JsonTypeInfo<T> type, CancellationToken cancellation) where T : class
    {
        try
        {
            var bytes = await SmallObjects.GetAsync(store, name, FormatLimits.SmallObjectSizeMax, cancellation).ConfigureAwait(false);
            return SealedDocument.OpenJson(keys, ObjectKind.SpooledRun, name, bytes, type);
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>The packs that are not known to be in the store and indexed. Those of which only the mark is there hold nothing that
    /// anything refers to.</summary>
    public async Task<List<SpooledPack>> LeftAsync(CancellationToken cancellation)
    {
        List<SpooledPack> packs = [];
        await foreach (var entry in store.ListAsync(SpoolNames.Marks(session), cancellation).ConfigureAwait(false))
        {
            if (!SpoolNames.TryParseMark(entry.Name, out var id)
                || !await store.ExistsAsync(ObjectNames.Pack(id), cancellation).ConfigureAwait(false)) continue;
            if (packs.Count == PacksMax) throw new DamageException(entry.Name, $"the run has more than {PacksMax} packs in the spool");
            var mark = PackMark.Decode(await SmallObjects.GetAsync(store, entry.Name, PackMark.Size, cancellation).ConfigureAwait(false),
                entry.Name);
            packs.Add(new(this, id, mark));
        }
        return packs;
    }

    /// <summary>The run is over: nothing of it is waiting any more.</summary>
    /// <param name="discards">Its packs are of no use either.</param>
    public async Task EndAsync(bool discards, CancellationToken cancellation)
    {
        await store.DeleteAsync(SpoolNames.Sealed(session), cancellation).ConfigureAwait(false);
        await store.DeleteAsync(SpoolNames.Point(session), cancellation).ConfigureAwait(false);
        List<string> marks = [];
        await foreach (var entry in store.ListAsync(SpoolNames.Marks(session), cancellation).ConfigureAwait(false)) marks.Add(entry.Name);
        foreach (var mark in marks)
        {
            if (discards && SpoolNames.TryParseMark(mark, out var pack))
                await store.DeleteAsync(ObjectNames.Pack(pack), cancellation).ConfigureAwait(false);
            await store.DeleteAsync(mark, cancellation).ConfigureAwait(false);
        }
        hold.IsOver = true;
    }

    /// <summary>Lets go of the run; what is waiting stays for whoever takes it up.</summary>
    public ValueTask DisposeAsync() => patience.CloseAsync(() => Task.Run(hold.Dispose));
}
