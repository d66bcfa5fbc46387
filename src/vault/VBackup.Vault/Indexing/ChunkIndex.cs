using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Indexing;

/// <summary>An index object vanished while the index was read: a collector merged it. Read everything again.</summary>
internal sealed class IndexMovedException(string objectName, Exception cause)
    : Exception($"{objectName} was replaced while the index was read", cause)
{
    public string ObjectName { get; } = objectName;
}

/// <summary>How an index is opened.</summary>
internal enum IndexUse
{
    /// <summary>A few look-ups: only footers are fetched, blocks when they are needed.</summary>
    LookUp,

    /// <summary>Look-ups for most chunks of a volume: all is fetched to a local file, with a filter for what is not in it.</summary>
    Deduplicate,

    /// <summary>Everything is read in the order of ids: fetched to a local file, without a filter.</summary>
    Scan,
}

/// <summary>
/// The vault's index as one listing showed it. Memory: the fences (8 bytes per 512 entries), a table of packs, a filter of
/// bounded size, and a few blocks; never the entries themselves. Thread-safe after opening.
/// </summary>
internal sealed partial class ChunkIndex : IAsyncDisposable
{
    private const int PlaintextBlockSizeMax = FormatLimits.IndexBlockEntries * IndexEntry.Size;
    private const int CachedBlocks = 64;
    private const int LargeFooterSize = 1024 * 1024;
    private const int CopyPieceSize = 512 * 1024;

    private readonly BackupVault _vault;
    private readonly List<IndexObject> _objects = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _largeFooters = new(1);
    private readonly byte[][] _cache = new byte[CachedBlocks][];
    private readonly (int Object, int Block)[] _cached = new (int, int)[CachedBlocks];
    private int _nextCached;
    private int _lastHit;
    private bool _tolerant;
    private SafeFileHandle? _spool;
    private long _spoolLength;
    private GrowingFilter? _filter;

    private ChunkIndex(BackupVault vault)
    {
        _vault = vault;
        ForgetCachedBlocks();
    }

    public PackTable Packs { get; } = new();

    public IReadOnlyList<IndexObject> Objects => _objects;

    /// <summary>Index objects that cannot be read; empty unless opened tolerantly.</summary>
    public List<DamageException> Unreadable { get; } = [];

    public long EntryCount
    {
        get
        {
            long count = 0;
            foreach (var indexObject in _objects) count += indexObject.EntryCount;
            return count;
        }
    }

    /// <summary>Lists and opens the index.</summary>
    /// <param name="tolerant">Note unreadable index objects in <see cref="Unreadable"/> instead of failing.</param>
    /// <param name="only">Index objects to look into, if they are there; null for all.</param>
    /// <param name="isLast">What is listed and cannot be had, and is listed after that still, is damaged: nobody moved it.</param>
    /// <exception cref="IndexMovedException">Start again, with whatever was listed before the index too.</exception>
    /// <exception cref="DamageException">An index object is damaged.</exception>
    public static async Task<ChunkIndex> OpenAsync(BackupVault vault, IndexUse use, bool tolerant, CancellationToken cancellation,
        IReadOnlySet<ObjectId>? only = null, bool isLast = false)
    {
        var index = new ChunkIndex(vault);
        try
        {
            index._tolerant = tolerant;
            await index.ReadAsync(use, tolerant, only, isLast, cancellation).ConfigureAwait(false);
            return index;
        }
        catch
        {
            await index.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task ReadAsync(
        IndexUse use, bool tolerant, IReadOnlySet<ObjectId>? only, bool isLast, CancellationToken cancellation)
    {
        List<(ObjectId Id, long Length)> listed = [];
        Dictionary<string, StoreException> missing = [];
        await foreach (var entry in _vault.Store.ListAsync(ObjectNames.Indexes, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParseIndex(entry.Name, out var id) && only?.Contains(id) != false) listed.Add((id, entry.LengthBytes));
        if (use != IndexUse.LookUp) OpenSpool();
        await Bounded.ForEachAsync(listed, _vault.Runtime.ReadsInFlight, async item =>
        {
            try
            {
                await (use == IndexUse.LookUp
                    ? OpenRemoteAsync(item.Id, item.Length, cancellation)
                    : SpoolAsync(item.Id, item.Length, cancellation)).ConfigureAwait(false);
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                if (!isLast) throw new IndexMovedException(ObjectNames.Index(item.Id), gone);
                lock (_lock) missing.Add(ObjectNames.Index(item.Id), gone);
            }
            catch (DamageException damage) when (tolerant)
            {
                lock (_lock) Unreadable.Add(damage);
            }
        }).ConfigureAwait(false);
        if (missing.Count > 0) await TellMissingAsync(missing, cancellation).ConfigureAwait(false);
        if (use == IndexUse.Deduplicate) BuildFilter();
        if (use == IndexUse.Scan && tolerant) CheckBlocks();
    }

    // One that was not there, that a listing begun after that shows, and that is not there then, is nothing that a collector has
    // merged: the store has lost it, and its listing does not know.
    private async Task TellMissingAsync(Dictionary<string, StoreException> missing, CancellationToken cancellation)
    {
        HashSet<string> listed = [];
        await foreach (var entry in _vault.Store.ListAsync(ObjectNames.Indexes, cancellation).ConfigureAwait(false)) listed.Add(entry.Name);
        foreach (var (name, gone) in missing)
        {
            if (!listed.Contains(name) || await _vault.Store.ExistsAsync(name, cancellation).ConfigureAwait(false))
                throw new IndexMovedException(name, gone);
            var damage = new DamageException(name, "is listed by the store, which does not have it", gone);
            if (!_tolerant) throw damage;
            Unreadable.Add(damage);
        }
    }

    /// <summary>Whether the store does not have an index object that it lists.</summary>
    public static bool IsOnlyListed(DamageException damage) => damage.InnerException is StoreException { Failure: StoreFailure.NotFound };

    /// <summary>Adds an index object of packs that are certainly present, so that their chunks are found there.</summary>
    /// <param name="isStored">False when only this survey knows it.</param>
    public void Add(ReadOnlySpan<byte> bytes, ObjectId id, bool isStored = true)
    {
        lock (_lock)
        {
            var offset = _spoolLength;
            RandomAccess.Write(_spool!, bytes, offset);
            _spoolLength += bytes.Length;
            using var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Index, id);
            var added = Register(id, IndexCodec.DecodeFooter(cipher, bytes, bytes.Length), offset);
            added.IsStored = isStored;
            foreach (var ordinal in added.Packs) Packs.At(ordinal).IsPresent = true;
            if (_filter is null) return;
            AddToFilter(_objects.Count - 1);
            MergeWhileMany();
        }
    }

    /// <summary>Looks for a chunk in a pack that may be reused. REQUIRES: opened to deduplicate, packs listed.</summary>
    public bool TryFindUsable(ContentId id, out BlobLocation location)
    {
        location = default;
        if (_filter is null) return false;
        lock (_lock)
        {
            if (!_filter.MayContain(id)) return false;
            // Chunks that were stored together are found together.
            for (var i = 0; i < _objects.Count; i++)
                if (TryFindIn((_lastHit + i) % _objects.Count, id, out location))
                {
                    _lastHit = (_lastHit + i) % _objects.Count;
                    return true;
                }
        }
        return false;
    }

    private bool TryFindIn(int ordinal, ContentId id, out BlobLocation location)
    {
        var (from, to) = _objects[ordinal].BlocksFor(id.Value.Prefix, id.Value.Prefix);
        for (var block = from; block < to; block++)
        {
            var plaintext = CachedBlock(ordinal, block);
            for (var at = Search(plaintext, id); at < plaintext.Length / IndexEntry.Size; at++)
            {
                var entry = IndexEntry.Read(plaintext[(at * IndexEntry.Size)..]);
                if (entry.Id != id) break;
                var pack = PackOf(_objects[ordinal], entry.Pack);
                location = new(Packs[pack], entry.Offset, entry.Length);
                if (Packs.IsUsable(pack) && location.IsPlausible) return true;
            }
        }
        location = default;
        return false;
    }

    /// <summary>Every place that the index knows for an id; packs may be gone.</summary>
    /// <exception cref="IndexMovedException">Open the index again.</exception>
    public async Task<List<BlobLocation>> FindAllAsync(ContentId id, CancellationToken cancellation)
    {
        List<BlobLocation> found = [];
        await Bounded.ForEachAsync(Enumerable.Range(0, _objects.Count), _vault.Runtime.ReadsInFlight, async ordinal =>
        {
            try
            {
                await FindAllInAsync(ordinal, id, found, cancellation).ConfigureAwait(false);
            }
            catch (DamageException damage) when (_tolerant)
            {
                NoteUnreadable(_objects[ordinal], damage);
            }
        }).ConfigureAwait(false);
        return found;
    }

    private async Task FindAllInAsync(int ordinal, ContentId id, List<BlobLocation> found, CancellationToken cancellation)
    {
        var indexObject = _objects[ordinal];
        var (from, to) = indexObject.BlocksFor(id.Value.Prefix, id.Value.Prefix);
        if (from == to) return;
        var buffer = ArrayPool<byte>.Shared.Rent(PlaintextBlockSizeMax);
        try
        {
            for (var block = from; block < to; block++)
            {
                var length = await ReadBlockAsync(ordinal, block, buffer, cancellation).ConfigureAwait(false);
                for (var at = Search(buffer.AsSpan(0, length), id); at < length / IndexEntry.Size; at++)
                {
                    var entry = IndexEntry.Read(buffer.AsSpan(at * IndexEntry.Size));
                    if (entry.Id != id) break;
                    var location = new BlobLocation(Packs[PackOf(indexObject, entry.Pack)], entry.Offset, entry.Length);
                    if (!location.IsPlausible) continue;
                    lock (found)
                        if (!found.Contains(location)) found.Add(location);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads all entries whose ids' prefixes lie in a range, of all index objects, sorted by id. The packs are
    /// ordinals in <see cref="Packs"/>. REQUIRES: opened to scan.</summary>
    /// <param name="from">Which of <see cref="Objects"/>; null for all.</param>
    public void ReadRange(ulong first, ulong last, List<IndexEntry> entries, Func<IndexObject, bool>? from = null)
    {
        entries.Clear();
        lock (_lock)
        {
            for (var ordinal = 0; ordinal < _objects.Count; ordinal++)
            {
                var indexObject = _objects[ordinal];
                if (from?.Invoke(indexObject) == false) continue;
                var (start, end) = indexObject.BlocksFor(first, last);
                for (var block = start; block < end; block++)
                {
                    var plaintext = CachedBlock(ordinal, block);
                    for (var at = 0; at < plaintext.Length; at += IndexEntry.Size)
                    {
                        var entry = IndexEntry.Read(plaintext[at..]);
                        var prefix = entry.Id.Value.Prefix;
                        if (prefix < first) continue;
                        if (prefix > last) break;
                        entries.Add(entry with { Pack = PackOf(indexObject, entry.Pack) });
                    }
                }
            }
        }
        entries.Sort((left, right) => left.Id.CompareTo(right.Id) is var byId && byId != 0 ? byId
            : left.Pack.CompareTo(right.Pack) is var byPack && byPack != 0 ? byPack : left.Offset.CompareTo(right.Offset));
        RemoveRepeats(entries);
    }

    // Two index objects may say the same: a writer's own and one that a collector put for the same pack.
    private static void RemoveRepeats(List<IndexEntry> sorted)
    {
        var kept = 0;
        for (var i = 0; i < sorted.Count; i++)
            if (kept == 0 || sorted[i] != sorted[kept - 1]) sorted[kept++] = sorted[i];
        sorted.RemoveRange(kept, sorted.Count - kept);
    }

    /// <summary>Cuts the ids' space so that each part has about <paramref name="entriesPerPart"/> entries.</summary>
    public IEnumerable<(ulong First, ulong Last)> Parts(int entriesPerPart) => PartsOf(EntryCount, entriesPerPart);

    private static IEnumerable<(ulong First, ulong Last)> PartsOf(long entries, int entriesPerPart)
    {
        // Ids are digests, so equal parts of the space hold about equally many.
        var parts = (ulong)Math.Max(1, (entries + entriesPerPart - 1) / entriesPerPart);
        var width = ulong.MaxValue / parts;
        for (ulong part = 0; part < parts; part++)
            yield return (part == 0 ? 0 : part * width + 1, part == parts - 1 ? ulong.MaxValue : (part + 1) * width);
    }

    private static int PackOf(IndexObject indexObject, int local) => (uint)local < (uint)indexObject.PackCount
        ? indexObject.PackOrdinal(local)
        : throw new DamageException(indexObject.Name, "an entry names a pack that the footer lacks");

    private static int Search(ReadOnlySpan<byte> plaintext, ContentId id)
    {
        int low = 0, high = plaintext.Length / IndexEntry.Size;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (IndexEntry.Read(plaintext[(middle * IndexEntry.Size)..]).Id < id) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// <summary>A spooled block's plaintext; good until the lock is released. REQUIRES: the lock is held.</summary>
    private ReadOnlySpan<byte> CachedBlock(int ordinal, int block)
    {
        var length = _objects[ordinal].EntriesIn(block) * IndexEntry.Size;
        var place = Array.IndexOf(_cached, (ordinal, block));
        if (place < 0)
        {
            place = _nextCached;
            _nextCached = (_nextCached + 1) % CachedBlocks;
            _cached[place] = (-1, -1);
            _cache[place] ??= new byte[PlaintextBlockSizeMax];
            OpenSpooledBlock(_objects[ordinal], block, _cache[place].AsSpan(0, length));
            _cached[place] = (ordinal, block);
        }
        return _cache[place].AsSpan(0, length);
    }

    private void OpenSpooledBlock(IndexObject indexObject, int block, Span<byte> plaintext)
    {
        Span<byte> sealedBytes = stackalloc byte[IndexCodec.BlockSizeMax];
        sealedBytes = sealedBytes[..(plaintext.Length + FormatLimits.TagSize)];
        if (RandomAccess.Read(_spool!, sealedBytes, indexObject.SpoolOffset + IndexCodec.BlockOffset(block)) != sealedBytes.Length)
            throw new IOException($"the local copy of {indexObject.Name} is cut short");
        using var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Index, indexObject.Id);
        IndexCodec.OpenBlock(cipher, block, sealedBytes, plaintext);
    }

    private async Task<int> ReadBlockAsync(int ordinal, int block, byte[] plaintext, CancellationToken cancellation)
    {
        var indexObject = _objects[ordinal];
        var length = indexObject.EntriesIn(block) * IndexEntry.Size;
        lock (_lock)
        {
            if (indexObject.SpoolOffset >= 0 || Array.IndexOf(_cached, (ordinal, block)) is >= 0)
            {
                CachedBlock(ordinal, block).CopyTo(plaintext);
                return length;
            }
        }
        var rented = ArrayPool<byte>.Shared.Rent(length + FormatLimits.TagSize);
        try
        {
            var sealedBytes = rented.AsMemory(0, length + FormatLimits.TagSize);
            var read = await _vault.Store.ReadAsync(indexObject.Name, IndexCodec.BlockOffset(block), sealedBytes, cancellation)
                .ConfigureAwait(false);
            if (read != sealedBytes.Length) throw new DamageException(indexObject.Name, "is cut short");
            using var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Index, indexObject.Id);
            IndexCodec.OpenBlock(cipher, block, sealedBytes.Span, plaintext.AsSpan(0, length));
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            throw new IndexMovedException(indexObject.Name, gone);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
        lock (_lock)
        {
            _cache[_nextCached] ??= new byte[PlaintextBlockSizeMax];
            plaintext.AsSpan(0, length).CopyTo(_cache[_nextCached]);
            _cached[_nextCached] = (ordinal, block);
            _nextCached = (_nextCached + 1) % CachedBlocks;
        }
        return length;
    }

    private IndexObject Register(ObjectId id, IndexFooter footer, long spoolOffset)
    {
        var ordinals = new int[footer.Packs.Length];
        for (var i = 0; i < ordinals.Length; i++)
        {
            ordinals[i] = Packs.Add(footer.Packs[i]);
            Packs.At(ordinals[i]).IsIndexed = true;
        }
        var indexObject = new IndexObject(id, footer with { Packs = [] }, ordinals, spoolOffset);
        _objects.Add(indexObject);
        return indexObject;
    }

    private async Task OpenRemoteAsync(ObjectId id, long length, CancellationToken cancellation)
    {
        var (footer, _) = await ReadFooterAsync(id, length, cancellation).ConfigureAwait(false);
        lock (_lock) Register(id, footer, spoolOffset: -1);
    }

    /// <summary>Reads the footer, whose seal vouches for the object's length.</summary>
    /// <returns>The footer, and the object's length in bytes.</returns>
    private async Task<(IndexFooter Footer, long LengthBytes)> ReadFooterAsync(ObjectId id, long length, CancellationToken cancellation)
    {
        var name = ObjectNames.Index(id);
        var tail = new byte[Math.Min(length, 16 * 1024)];
        var (read, objectLength) = await _vault.Store.ReadTailAsync(name, tail, cancellation).ConfigureAwait(false);
        var trailer = ObjectTrailer.Read(tail.AsSpan(0, read), ObjectTrailer.IndexMagic, name);
        var footerSize = (long)trailer.FooterLength + ObjectTrailer.Size;
        if (footerSize > objectLength) throw new DamageException(name, "is shorter than its footer");
        if (footerSize > IndexCodec.FooterSizeMax) throw new DamageException(name, "its footer's length makes no sense");
        using var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Index, id);
        if (footerSize <= read) return (IndexCodec.DecodeFooter(cipher, tail.AsSpan(0, read), objectLength), objectLength);
        // Large ones one at a time: nothing but its own word says so far that so much is a footer of ours.
        var isLarge = footerSize > LargeFooterSize;
        if (isLarge) await _largeFooters.WaitAsync(cancellation).ConfigureAwait(false);
        tail = ArrayPool<byte>.Shared.Rent((int)footerSize);
        try
        {
            (read, objectLength) = await _vault.Store.ReadTailAsync(name, tail.AsMemory(0, (int)footerSize), cancellation)
                .ConfigureAwait(false);
            return (IndexCodec.DecodeFooter(cipher, tail.AsSpan(0, read), objectLength), objectLength);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(tail);
            if (isLarge) _largeFooters.Release();
        }
    }

    private async Task SpoolAsync(ObjectId id, long listedLength, CancellationToken cancellation)
    {
        var name = ObjectNames.Index(id);
        // Before anything is copied: what is that long and no index object of ours would fill the local disk.
        var (footer, length) = await ReadFooterAsync(id, listedLength, cancellation).ConfigureAwait(false);
        long start;
        lock (_lock)
        {
            start = _spoolLength;
            _spoolLength += length;
        }
        var piece = ArrayPool<byte>.Shared.Rent(CopyPieceSize);
        try
        {
            for (long at = 0; at < length;)
            {
                var read = await _vault.Store.ReadAsync(
                    name, at, piece.AsMemory(0, (int)Math.Min(piece.Length, length - at)), cancellation).ConfigureAwait(false);
                if (read == 0) throw new DamageException(name, "is shorter than it was a moment ago");
                if (at == 0 && (read < ObjectHeader.Size
                    || ObjectHeader.Read(piece.AsSpan(0, ObjectHeader.Size), ObjectKind.Index, name) != id))
                    throw new DamageException(name, "holds another object");
                RandomAccess.Write(_spool!, piece.AsSpan(0, read), start + at);
                at += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
        lock (_lock) Register(id, footer, start);
    }

    private void OpenSpool()
    {
        var path = Path.Combine(_vault.Runtime.TemporaryFolder,
            $"vbackup-index-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        _spool = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        // Nobody needs the name, and a killed process must not leave the file.
        File.Delete(path);
    }

    private void BuildFilter()
    {
        _filter = new(EntryCount, _vault.Runtime.IndexFilterSizeMax);
        lock (_lock)
        {
            for (var ordinal = 0; ordinal < _objects.Count; ordinal++) AddToFilter(ordinal);
            MergeWhileMany();
        }
    }

    private void AddToFilter(int ordinal)
    {
        for (var block = 0; block < _objects[ordinal].BlockCount; block++)
        {
            var plaintext = CachedBlock(ordinal, block);
            for (var at = 0; at < plaintext.Length; at += IndexEntry.Size) _filter!.Add(IndexEntry.Read(plaintext[at..]).Id);
        }
    }

    public ValueTask DisposeAsync()
    {
        _spool?.Dispose();
        _largeFooters.Dispose();
        return ValueTask.CompletedTask;
    }
}
