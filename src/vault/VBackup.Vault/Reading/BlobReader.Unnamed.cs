using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Reading;

// The last look before damage is spoken of: all packs, and the footers of those that no index object seen names.
public sealed partial class BlobReader
{
    /// <summary>Blobs that are remembered of unnamed packs. There are few, unless much of the index is lost; then the footers are
    /// read for each blob.</summary>
    private const int SightBlobsMax = 200_000;

    private PackSight? _sight;

    /// <summary>
    /// What a listing of packs, begun after the index in hand was read, and the footers of unnamed packs told. A blob that neither the
    /// index has in a pack that was there, nor such a footer, was nowhere at that time; under a session, what is live is
    /// always somewhere. So one sight serves for every blob of which no place has vanished since.
    /// </summary>
    /// <param name="Blobs">Null when they are too many.</param>
    private sealed record PackSight(int IndexNumber, int UnreadableIndexes, HashSet<ObjectId> Packs, List<ObjectId> Unnamed,
        Dictionary<ContentId, List<BlobLocation>>? Blobs);

    /// <summary>Looks into the footers of packs that the last reading of the index does not name.</summary>
    private async Task<List<BlobLocation>> FindInUnnamedPacksAsync(BlobPlace place, Search tried, CancellationToken cancellation)
    {
        await _indexGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!IsInSight(place, tried)) _sight = await LookAtPacksAsync(cancellation).ConfigureAwait(false);
            if (_sight!.Blobs is { } blobs) return blobs.GetValueOrDefault(place.Id) ?? [];
            List<BlobLocation> found = [];
            await ReadFootersAsync(_sight.Unnamed, (pack, entry) =>
            {
                if (entry.Id == place.Id) found.Add(new(pack, entry.Offset, entry.Length));
            }, cancellation).ConfigureAwait(false);
            return found;
        }
        finally
        {
            _indexGate.Release();
        }
    }

    private bool IsInSight(BlobPlace place, Search tried) =>
        _sight is { } sight && _index is not null && sight.IndexNumber == _indexNumber && sight.UnreadableIndexes == _index.Unreadable.Count
        && !HasVanished(sight, place.Location.Pack) && !tried.Locations.Any(location => HasVanished(sight, location.Pack));

    // It was moved then: to a pack that may not have been there yet.
    private bool HasVanished(PackSight sight, ObjectId pack) => sight.Packs.Contains(pack) && _gonePacks.ContainsKey(pack);

    private async Task<PackSight> LookAtPacksAsync(CancellationToken cancellation)
    {
        HashSet<ObjectId> packs = [];
        List<ObjectId> unnamed = [];
        await foreach (var entry in _vault.Store.ListAsync(ObjectNames.Packs, cancellation).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParsePack(entry.Name, out var pack)) continue;
            packs.Add(pack);
            if (!(_index?.Packs.TryFind(pack, out var ordinal) == true && _index.Packs.At(ordinal).IsIndexed)) unnamed.Add(pack);
        }
        Dictionary<ContentId, List<BlobLocation>>? blobs = [];
        var count = 0;
        var areAllThere = await ReadFootersAsync(unnamed, (pack, entry) =>
        {
            if (++count > SightBlobsMax) blobs = null;
            if (blobs is null) return;
            if (!blobs.TryGetValue(entry.Id, out var places)) blobs.Add(entry.Id, places = []);
            places.Add(new(pack, entry.Offset, entry.Length));
        }, cancellation).ConfigureAwait(false);
        // What was in a pack that went before it was read may be in one that came after the listing: the next blob is looked for anew.
        return new(areAllThere ? _indexNumber : -1, _index?.Unreadable.Count ?? 0, packs, unnamed, blobs);
    }

    /// <param name="visit">Called by one at a time.</param>
    /// <returns>Whether all packs were still there.</returns>
    private async Task<bool> ReadFootersAsync(List<ObjectId> packs, Action<ObjectId, PackEntry> visit, CancellationToken cancellation)
    {
        var areAllThere = true;
        await Bounded.ForEachAsync(packs, _vault.Runtime.ReadsInFlight, async pack =>
        {
            try
            {
                await PackFooters.VisitAsync(_vault, pack, footer =>
                {
                    lock (packs)
                        foreach (var entry in footer) visit(pack, entry);
                }, cancellation).ConfigureAwait(false);
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                // It held nothing that a session protects, or that is elsewhere by now.
                areAllThere = false;
            }
            catch (DamageException)
            {
                _damagedPacks.TryAdd(ObjectNames.Pack(pack), 0);
            }
        }).ConfigureAwait(false);
        return areAllThere;
    }
}
