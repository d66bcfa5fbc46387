using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Reading;

// Hints that a collector has made stale, by moving what was live in a pack to another. What lay together lies together still: one
// look at the index finds the pack, and its footer tells where all the others are.
public sealed partial class BlobReader
{
    /// <summary>Indexes read anew that still named what is gone: more are not tried.</summary>
    private const int VainReadingsMax = 4;

    /// <summary>Packs found gone, each with which reading of the index was in hand then.</summary>
    private readonly ConcurrentDictionary<ObjectId, int> _gonePacks = [];
    private readonly MovedChunks _moved;
    private readonly HashSet<ObjectId> _unresolved = [];
    private int _indexNumber;
    private int _vainReadings;

    /// <summary>Grows with each pack that is found gone, and each reading of the index: what was planned by hints may be out of
    /// date then.</summary>
    public int HintChanges => _gonePacks.IsEmpty ? 0 : _gonePacks.Count + Volatile.Read(ref _indexNumber);

    private void NoteGone(ObjectId pack) => _gonePacks.TryAdd(pack, Volatile.Read(ref _indexNumber));

    /// <summary>
    /// Where a chunk lies now whose pack is gone, so that neighbours are read together. Of others nothing is asked: as long as no
    /// hint was found stale, this gives back what it was given.
    /// </summary>
    public async ValueTask<BlobPlace> RefreshedAsync(BlobPlace place, CancellationToken cancellation)
    {
        if (_gonePacks.IsEmpty) return place;
        await _indexGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // The first that is missed opens it, by the steps of the protocol.
            if (_index is null) return place;
            return await FindMovedAsync(place, cancellation).ConfigureAwait(false) is { } location ? place with { Location = location }
                : place;
        }
        finally
        {
            _indexGate.Release();
        }
    }

    /// <summary>Where a blob lies whose pack is gone: in any of these, one at least unless nobody knows of it any more.</summary>
    internal async Task<List<BlobLocation>> FindMovedToAsync(BlobPlace place, CancellationToken cancellation)
    {
        NoteGone(place.Location.Pack);
        for (var reading = 1; reading <= IndexReadings; reading++)
        {
            try
            {
                var found = await FindAllAsync(place.Id, reading, cancellation).ConfigureAwait(false);
                found.RemoveAll(location => _gonePacks.ContainsKey(location.Pack));
                if (found.Count > 0) return found;
            }
            catch (IndexMovedException)
            {
                // Read it again, or look at the packs.
            }
        }
        return await FindInUnnamedPacksAsync(place, new Search(), cancellation).ConfigureAwait(false);
    }

    /// <summary>REQUIRES: the index gate is held. Null: the hint may be right, or nobody knows better.</summary>
    private async ValueTask<BlobLocation?> FindMovedAsync(BlobPlace place, CancellationToken cancellation)
    {
        var old = place.Location.Pack;
        if (!IsElsewhere(old)) return null;
        if (_moved.TryFind(place.Id, out var known))
        {
            if (!_gonePacks.ContainsKey(known.Pack)) return known;
            // Another collection has moved it again.
            _moved.Forget(known.Pack);
        }
        try
        {
            while (!_unresolved.Contains(old))
            {
                await EnsureIndexAsync(reading: 1, cancellation).ConfigureAwait(false);
                var isStale = false;
                foreach (var location in await _index!.FindAllAsync(place.Id, cancellation).ConfigureAwait(false))
                {
                    isStale |= _gonePacks.TryGetValue(location.Pack, out var when) && when == _indexNumber;
                    if (IsElsewhere(location.Pack)) continue;
                    if (_moved.IsWorthLearning(location.Pack) && !await TryLearnAsync(location.Pack, cancellation).ConfigureAwait(false))
                    {
                        isStale = true;
                        continue;
                    }
                    _vainReadings = 0;
                    return location;
                }
                if (!isStale || _vainReadings == VainReadingsMax) break;
                // What this index names went after it was read: a newer one knows where to.
                _vainReadings++;
                await ForgetIndexAsync().ConfigureAwait(false);
            }
        }
        catch (Exception moved) when (moved is IndexMovedException or DamageException)
        {
            // Only a short cut: whoever reads by the stale hint looks everywhere, and tells what is wrong.
            if (moved is IndexMovedException) await ForgetIndexAsync().ConfigureAwait(false);
        }
        _unresolved.Add(old);
        return null;
    }

    // A pack that no index object names is gone, as a rule; whoever finds nothing better looks there all the same.
    private bool IsElsewhere(ObjectId pack) => _gonePacks.ContainsKey(pack) || (_index is { } index
        && !(index.Packs.TryFind(pack, out var ordinal) && index.Packs.At(ordinal).IsIndexed));

    private async ValueTask<bool> TryLearnAsync(ObjectId pack, CancellationToken cancellation)
    {
        try
        {
            await PackFooters.VisitAsync(_vault, pack, footer => _moved.Learn(pack, footer), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            NoteGone(pack);
            return false;
        }
    }

    private async ValueTask ForgetIndexAsync()
    {
        if (_index is not null) await _index.DisposeAsync().ConfigureAwait(false);
        _index = null;
    }
}
