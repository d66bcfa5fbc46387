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
    /// <summary>Places that footers told: of some hundred packs.</summary>
    private const int MovedMax = 64 * 1024;

    private readonly ConcurrentDictionary<ObjectId, byte> _gonePacks = [];
    private readonly Dictionary<ContentId, BlobLocation> _moved = [];
    private readonly HashSet<ObjectId> _unresolved = [];

    /// <summary>
    /// Turns the places of a leaf whose packs are gone into those where the chunks lie now, so that they are read together. Of others
    /// nothing is asked: as long as no hint was found stale, this does nothing.
    /// </summary>
    public async ValueTask RefreshAsync(ManifestNode leaf, CancellationToken cancellation)
    {
        if (_gonePacks.IsEmpty) return;
        await _indexGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            for (var child = 0; child < FormatLimits.NodeChildren; child++)
                if (leaf.Has(child) && await FindMovedAsync(leaf[child], cancellation).ConfigureAwait(false) is { } location)
                    leaf.Set(child, leaf[child] with { Location = location });
        }
        finally
        {
            _indexGate.Release();
        }
    }

    private async ValueTask<BlobPlace> RefreshedAsync(BlobPlace place, CancellationToken cancellation)
    {
        if (_gonePacks.IsEmpty) return place;
        await _indexGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await FindMovedAsync(place, cancellation).ConfigureAwait(false) is { } location ? place with { Location = location } : place;
        }
        finally
        {
            _indexGate.Release();
        }
    }

    /// <summary>REQUIRES: the index gate is held. Null: the hint may be right, or nobody knows better.</summary>
    private async ValueTask<BlobLocation?> FindMovedAsync(BlobPlace place, CancellationToken cancellation)
    {
        var old = place.Location.Pack;
        // The first that is missed opens the index, by the steps of the protocol.
        if (_index is not { } index || !IsElsewhere(old) || _unresolved.Contains(old)) return null;
        if (_moved.TryGetValue(place.Id, out var known)) return known;
        try
        {
            foreach (var location in await index.FindAllAsync(place.Id, cancellation).ConfigureAwait(false))
            {
                if (IsElsewhere(location.Pack)) continue;
                await LearnAsync(location.Pack, cancellation).ConfigureAwait(false);
                return location;
            }
        }
        catch (Exception moved) when (moved is IndexMovedException or DamageException
            or StoreException { Failure: StoreFailure.NotFound })
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

    private async ValueTask LearnAsync(ObjectId pack, CancellationToken cancellation)
    {
        var entries = await PackFooters.ReadAsync(_vault, pack, cancellation).ConfigureAwait(false);
        if (_moved.Count + entries.Length > MovedMax) _moved.Clear();
        foreach (var entry in entries) _moved[entry.Id] = new(pack, entry.Offset, entry.Length);
    }

    private async ValueTask ForgetIndexAsync()
    {
        if (_index is not null) await _index.DisposeAsync().ConfigureAwait(false);
        _index = null;
    }
}
