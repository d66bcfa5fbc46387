using System.Buffers;
using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Reading;

/// <summary>
/// Reads chunks and nodes: where the manifest's hint says, else wherever the index says. Thread-safe. Whatever it returns
/// has the id that was asked for.
/// </summary>
public sealed partial class BlobReader : IAsyncDisposable
{
    /// <summary>The index in hand, and one from a new listing.</summary>
    private const int IndexReadings = 2;
    private readonly BackupVault _vault;
    private readonly Session? _session;
    private readonly ConcurrentBag<ReadLane> _lanes = [];
    private readonly SemaphoreSlim _indexGate = new(1);
    private readonly ConcurrentDictionary<string, byte> _damagedPacks = [];
    private ChunkIndex? _index;
    private int _indexReading;

    /// <summary>Reads without a session: only while nothing is collected.</summary>
    public BlobReader(BackupVault vault) : this(vault, session: null) { }

    /// <summary>Reads under a session, whose revocation explains what is missing; or, for a collector, under none.</summary>
    internal BlobReader(BackupVault vault, Session? session)
    {
        _vault = vault;
        _session = session;
        _moved = new(vault.Runtime.MovedChunksMax);
    }

    public BackupVault Vault => _vault;

    /// <summary>Packs that held something else than they should, where another copy was found.</summary>
    public IEnumerable<string> DamagedPacks => _damagedPacks.Keys;

    /// <summary>A lane to open blobs with; give it back.</summary>
    public ReadLane RentLane() => _lanes.TryTake(out var lane) ? lane : new ReadLane(_vault);

    public void Return(ReadLane lane) => _lanes.Add(lane);

    /// <summary>Reads raw bytes of a pack, from the cache where that has it.</summary>
    /// <returns>False when the pack is gone, ends earlier or cannot be read there.</returns>
    public async ValueTask<bool> TryReadRangeAsync(
        ObjectId pack, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return _vault.PackCache is null
                ? await TryReadRangeAsync(_vault.Store, pack, offset, buffer, cancellation).ConfigureAwait(false)
                : await TryReadCachedAsync(_vault.PackCache, pack, offset, buffer, cancellation).ConfigureAwait(false);
        }
        catch (DamageException)
        {
            // Whoever finds no other copy names it, with the reason.
            _damagedPacks.TryAdd(ObjectNames.Pack(pack), 0);
            return false;
        }
    }

    private async ValueTask<bool> TryReadCachedAsync(
        IObjectStore cache, ObjectId pack, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            if (await TryReadRangeAsync(cache, pack, offset, buffer, cancellation).ConfigureAwait(false)) return true;
        }
        catch (Exception failure) when (failure is StoreException or DamageException)
        {
            // The store has all that the cache has: a cache that fails costs time, and nothing else.
        }
        return await TryReadRangeAsync(_vault.Store, pack, offset, buffer, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<bool> TryReadRangeAsync(
        IObjectStore store, ObjectId pack, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return await store.ReadAsync(ObjectNames.Pack(pack), offset, buffer, cancellation).ConfigureAwait(false)
                == buffer.Length;
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            if (store == _vault.Store) NoteGone(pack);
            return false;
        }
    }

    /// <summary>Reads a chunk into <paramref name="content"/>, which has exactly its length.</summary>
    /// <exception cref="DamageException">It is nowhere to be found whole.</exception>
    public async ValueTask ReadChunkAsync(BlobPlace place, Memory<byte> content, CancellationToken cancellation)
    {
        if (await TryReadBlobAsync(place, (lane, at, blob) => lane.TryOpenChunk(at, blob.Span, content.Span), cancellation)
            .ConfigureAwait(false)) return;
        await ReadChunkElsewhereAsync(place, content, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a chunk that is not where the hint says, through the index.</summary>
    /// <exception cref="DamageException">It is nowhere to be found whole.</exception>
    public ValueTask ReadChunkElsewhereAsync(BlobPlace place, Memory<byte> content, CancellationToken cancellation) =>
        ReadElsewhereAsync(place, (lane, at, blob) => lane.TryOpenChunk(at, blob.Span, content.Span), cancellation);

    /// <summary>Reads a node.</summary>
    /// <exception cref="DamageException">It is nowhere to be found whole.</exception>
    internal async ValueTask ReadNodeAsync(BlobPlace place, int level, ManifestNode node, CancellationToken cancellation)
    {
        place = await RefreshedAsync(place, cancellation).ConfigureAwait(false);
        if (place.Location.Length <= Blob.SizeMax(ManifestNode.EncodedSizeMax)
            && await TryReadBlobAsync(place, (lane, at, blob) => lane.TryOpenNode(at, level, blob.Span, node), cancellation)
                .ConfigureAwait(false)) return;
        await ReadElsewhereAsync(place, (lane, at, blob) => lane.TryOpenNode(at, level, blob.Span, node), cancellation)
            .ConfigureAwait(false);
    }

    private async ValueTask<bool> TryReadBlobAsync(
        BlobPlace place, Func<ReadLane, BlobPlace, ReadOnlyMemory<byte>, bool> open, CancellationToken cancellation)
    {
        var length = (int)Math.Min(place.Location.Length, (uint)BlobSizeMax);
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var blob = rented.AsMemory(0, length);
            return await TryReadRangeAsync(place.Location.Pack, place.Location.Offset, blob, cancellation).ConfigureAwait(false)
                && WithLane(lane => open(lane, place, blob));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask ReadElsewhereAsync(
        BlobPlace place, Func<ReadLane, BlobPlace, ReadOnlyMemory<byte>, bool> open, CancellationToken cancellation)
    {
        // As a rule a collector has moved it.
        var refreshed = await RefreshedAsync(place, cancellation).ConfigureAwait(false);
        Search tried = new();
        if (refreshed.Location != place.Location
            && await TryLocationsAsync(place, [refreshed.Location], tried, open, cancellation).ConfigureAwait(false)) return;
        // What the cache gave was something else: that says nothing of the pack itself.
        if (_vault.PackCache is not null && await TryLocationsAsync(place, [place.Location], tried, open, cancellation)
            .ConfigureAwait(false))
            return;
        // A listing of the index can miss an entry that a consolidation is moving, so there is a second one; and at last the
        // packs themselves, as a second consolidation may hide it again.
        for (var reading = 1; reading <= IndexReadings; reading++)
        {
            try
            {
                var locations = await FindAllAsync(place.Id, reading, cancellation).ConfigureAwait(false);
                if (await TryLocationsAsync(place, locations, tried, open, cancellation).ConfigureAwait(false)) return;
            }
            catch (IndexMovedException)
            {
                // Read it again, or look at the packs.
            }
        }
        var unnamed = await FindInUnnamedPacksAsync(place, tried, cancellation).ConfigureAwait(false);
        if (await TryLocationsAsync(place, unnamed, tried, open, cancellation).ConfigureAwait(false)) return;
        if (_session is not null) await _session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
        // A pack that a collector has deleted is nothing to look at; the one that should have the chunk now is.
        if (tried.Bad is { } bad && _gonePacks.ContainsKey(place.Location.Pack)) place = place with { Location = bad };
        throw new DamageException(ObjectNames.Pack(place.Location.Pack),
            $"{place.Id} is not at offset {place.Location.Offset} ({place.Location.Length} bytes), and nowhere else either"
            + (tried.Unreadable is null ? "" : $" ({tried.Unreadable.Message})"), tried.Unreadable);
    }

    /// <summary>Where was looked for one blob.</summary>
    private sealed class Search
    {
        public HashSet<BlobLocation> Locations { get; } = [];

        /// <summary>The first place that held something else.</summary>
        public BlobLocation? Bad { get; set; }

        /// <summary>What the store said of a place that it failed to read.</summary>
        public DamageException? Unreadable { get; set; }
    }

    private async ValueTask<bool> TryLocationsAsync(BlobPlace place, List<BlobLocation> locations, Search tried,
        Func<ReadLane, BlobPlace, ReadOnlyMemory<byte>, bool> open, CancellationToken cancellation)
    {
        foreach (var location in locations)
        {
            if (!tried.Locations.Add(location)) continue;
            var length = (int)Math.Min(location.Length, (uint)BlobSizeMax);
            var rented = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                var blob = rented.AsMemory(0, length);
                if (!await TryReadRangeAsync(_vault.Store, location.Pack, location.Offset, blob, cancellation).ConfigureAwait(false))
                    continue;
                if (WithLane(lane => open(lane, place with { Location = location }, blob)))
                {
                    if (location != place.Location) await NoteIfDamagedAsync(place, cancellation).ConfigureAwait(false);
                    return true;
                }
            }
            catch (DamageException unreadable)
            {
                tried.Unreadable ??= unreadable;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
            tried.Bad ??= location;
            _damagedPacks.TryAdd(ObjectNames.Pack(location.Pack), 0);
        }
        return false;
    }

    // A hint whose pack is gone is stale, which is all right; one whose pack is there but holds something else may be
    // damage, or the pack of another time: only verify can tell.
    private async ValueTask NoteIfDamagedAsync(BlobPlace place, CancellationToken cancellation)
    {
        var pack = place.Location.Pack;
        if (_gonePacks.ContainsKey(pack)) return;
        var name = ObjectNames.Pack(pack);
        if (await _vault.Store.ExistsAsync(name, cancellation).ConfigureAwait(false)) _damagedPacks.TryAdd(name, 0);
        else NoteGone(pack);
    }

    private async Task<List<BlobLocation>> FindAllAsync(ContentId id, int reading, CancellationToken cancellation)
    {
        await _indexGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await EnsureIndexAsync(reading, cancellation).ConfigureAwait(false);
            return await _index!.FindAllAsync(id, cancellation).ConfigureAwait(false);
        }
        catch (IndexMovedException)
        {
            await ForgetIndexAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            _indexGate.Release();
        }
    }

    // The index in hand serves the first look; a later look wants a newer reading than the looks before it had.
    private async ValueTask EnsureIndexAsync(int reading, CancellationToken cancellation)
    {
        if (_index is not null && _indexReading >= reading) return;
        await ForgetIndexAsync().ConfigureAwait(false);
        // What is found gone from here on may have gone after this reading; and what was given up may be in it.
        Interlocked.Increment(ref _indexNumber);
        _unresolved.Clear();
        _index = await ChunkIndex.OpenAsync(
            _vault, IndexUse.LookUp, tolerant: true, cancellation, isLast: reading == IndexReadings).ConfigureAwait(false);
        _indexReading = Math.Max(reading, _indexReading + 1);
    }

    private int BlobSizeMax => Blob.SizeMax(Math.Max(_vault.ChunkSize, ManifestNode.EncodedSizeMax));

    private bool WithLane(Func<ReadLane, bool> use)
    {
        var lane = RentLane();
        try
        {
            return use(lane);
        }
        finally
        {
            Return(lane);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes) lane.Dispose();
        if (_index is not null) await _index.DisposeAsync().ConfigureAwait(false);
        _indexGate.Dispose();
    }
}
