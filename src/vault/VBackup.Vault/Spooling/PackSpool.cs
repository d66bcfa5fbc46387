using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Spooling;

/// <summary>
/// A folder, on CephFS as a rule, where packs land before they are sent to the store: a run reads its volumes at the folder's pace, and
/// the upload follows. When all is read and the process dies, or the store is away, another process finishes the run from here. What
/// has been sent stays as a cache until its room is needed. Several runs may share a spool, of several processes and machines.
/// Thread-safe.
/// </summary>
public sealed class PackSpool : IAsyncDisposable
{
    /// <summary>Part of the path: another layout gets another number.</summary>
    private const string Layout = "vbackup-spool-1";
    private const string Locks = "locks";

    private readonly IObjectStore _store;
    private readonly string _locks;
    private readonly FileSystemPatience _patience;
    private readonly BackupVault _vault;
    private readonly SpoolRoom _room;

    private PackSpool(IObjectStore store, string locks, BackupVault vault, SpoolRoom room, FileSystemPatience patience) =>
        (_store, _locks, _vault, _room, _patience) = (store, locks, vault, room, patience);

    /// <summary>Opens a vault's part of a spool. From now on the vault's packs are read from it where it has them.</summary>
    /// <param name="folder">There already, such as the mount point of a CephFS.</param>
    /// <param name="sizeMax">Bytes that this process puts there at most, with what is there already.</param>
    /// <param name="limits">How long its file system is waited for; null for what is usual.</param>
    /// <exception cref="StoreException">There is no such folder, or it cannot be used.</exception>
    public static async Task<PackSpool> OpenAsync(BackupVault vault, string folder, long sizeMax, CancellationToken cancellation,
        FileSystemLimits? limits = null)
    {
        var path = Path.GetFullPath(folder);
        var own = Path.Combine(path, Layout, vault.Header.VaultId.ToString());
        var patience = new FileSystemPatience(path, limits ?? new(), vault.Clock);
        var files = await patience.RunAsync("open", path, () => Task.Run(async () =>
        {
            // An empty mount point is no spool: what is not there is not made, but for our own folders below it.
            await FileSystemStore.Open(path).DisposeAsync().ConfigureAwait(false);
            return FileSystemStore.Open(own, create: true);
        }), cancellation).ConfigureAwait(false);
        return await OpenAsync(vault, new SpoolStore(BoundedStore.Around(files, patience)), Path.Combine(own, Locks), sizeMax,
            () => new DriveInfo(own).AvailableFreeSpace, cancellation, patience).ConfigureAwait(false);
    }

    /// <param name="store">Where packs lie; owned.</param>
    /// <param name="locks">A folder.</param>
    /// <param name="freeBytes">What the file system has left.</param>
    /// <param name="patience">With the folder's file system; null for the usual.</param>
    internal static async Task<PackSpool> OpenAsync(BackupVault vault, IObjectStore store, string locks, long sizeMax,
        Func<long> freeBytes, CancellationToken cancellation, FileSystemPatience? patience = null)
    {
        store = DamageTellingStore.Around(store);
        patience ??= new(locks, new(), TimeProvider.System);
        var packSizeMax = vault.Runtime.PackSizeTarget + FormatLimits.PackSizeMax - FormatLimits.PackSizeTarget;
        var room = new SpoolRoom(store, sizeMax, packSizeMax,
            token => patience.RunBlockingAsync("look for room in", store.Description, freeBytes, token));
        var spool = new PackSpool(store, locks, vault, room, patience);
        try
        {
            await patience.RunBlockingAsync("create", locks, () => Directory.CreateDirectory(locks), cancellation).ConfigureAwait(false);
            await spool.CountAsync(cancellation).ConfigureAwait(false);
            vault.PackCache = store;
            return spool;
        }
        catch
        {
            await spool.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // Packs first: whoever completes one puts its mark before, so what has none by then is a cached copy.
    private async Task CountAsync(CancellationToken cancellation)
    {
        List<(ObjectId Id, long Length)> packs = [];
        await foreach (var entry in _store.ListAsync(ObjectNames.Packs, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParsePack(entry.Name, out var id)) packs.Add((id, entry.LengthBytes));
        HashSet<ObjectId> marked = [];
        await foreach (var entry in _store.ListAsync(SpoolNames.Runs, cancellation).ConfigureAwait(false))
            if (SpoolNames.TryParseMark(entry.Name, out var id)) marked.Add(id);
        foreach (var (id, length) in packs) _room.Count(id, length, isCached: !marked.Contains(id));
    }

    /// <summary>The part of a run that begins.</summary>
    internal async Task<SpoolRun> BeginAsync(SessionId session, CancellationToken cancellation) =>
        RunOf(session, await _patience.RunBlockingAsync("lock", LockOf(session), () => FileLock.Take(LockOf(session)), cancellation)
            .ConfigureAwait(false));

    private SpoolRun RunOf(SessionId session, FileLock hold) => new(_store, _room, _vault.Keys, session, hold, _patience);

    /// <summary>Sessions whose runs left something here and that nobody works for now, each held for the caller.</summary>
    internal async Task<List<SpoolRun>> TakeLeftAsync(CancellationToken cancellation)
    {
        // Before the locks: whatever is unfinished now belongs to a run whose lock was made before, and is held as long as it lives.
        List<UnfinishedObject> unfinished = [];
        await foreach (var one in _store.ListUnfinishedAsync(cancellation).ConfigureAwait(false)) unfinished.Add(one);
        HashSet<SessionId> sessions = [];
        foreach (var file in await _patience.RunBlockingAsync("list", _locks, () => Directory.GetFiles(_locks), cancellation)
            .ConfigureAwait(false))
            if (SessionId.TryParse(Path.GetFileName(file), out var session)) sessions.Add(session);
        HashSet<SessionId> waiting = [];
        await foreach (var entry in _store.ListAsync(SpoolNames.Runs, cancellation).ConfigureAwait(false))
            if (SpoolNames.TryParseRun(entry.Name, out var session)) waiting.Add(session);
        List<SpoolRun> left = [];
        var isAlone = true;
        try
        {
            foreach (var session in sessions.Union(waiting))
            {
                if (await _patience.RunBlockingAsync("lock", LockOf(session), () => FileLock.TryTake(LockOf(session)), cancellation)
                    .ConfigureAwait(false) is not { } hold)
                {
                    isAlone = false;
                    continue;
                }
                left.Add(RunOf(session, hold));
                // Somebody may have finished it after it was listed.
                if (await IsWaitingAsync(session, cancellation).ConfigureAwait(false)) continue;
                hold.IsOver = true;
                await left[^1].DisposeAsync().ConfigureAwait(false);
                left.RemoveAt(left.Count - 1);
            }
            if (isAlone)
                foreach (var one in unfinished) await _store.DiscardUnfinishedAsync(one, cancellation).ConfigureAwait(false);
            return left;
        }
        catch
        {
            foreach (var run in left) await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<bool> IsWaitingAsync(SessionId session, CancellationToken cancellation)
    {
        await foreach (var entry in _store.ListAsync(SpoolNames.Run(session), cancellation).ConfigureAwait(false)) return true;
        return false;
    }

    private string LockOf(SessionId session) => Path.Combine(_locks, session.ToString());

    public async ValueTask DisposeAsync()
    {
        _vault.PackCache = null;
        _room.Dispose();
        await _store.DisposeAsync().ConfigureAwait(false);
    }
}
