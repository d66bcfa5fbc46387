using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Walks the trees of points: every node must be readable, every chunk must have a place in a present pack that no check
/// found bad. Nodes that several points share are looked at once. What one survey does not show is only suspect: others may
/// have moved it meanwhile, so a fresh survey decides (the reader of <c>docs/session-protocol.md</c>).
/// </summary>
/// <param name="allData">Whether packs are read from end to end before anything in them counts as held.</param>
internal sealed class TreeCheck(BackupVault vault, BlobReader reader, PackCheck packs, bool allData)
{
    /// <summary>Nodes above the leaves' parents that are walked side by side.</summary>
    private const int BranchesAtOnce = 4;

    private readonly HashSet<ContentId> _seen = [];
    private readonly HashSet<ContentId> _sound = [];
    private readonly Dictionary<ContentId, BlobPlace> _suspects = [];
    private readonly Dictionary<ContentId, BlobPlace> _unreadable = [];
    private readonly Dictionary<ContentId, (string ObjectName, string Reason)> _bad = [];
    private readonly Lock _lock = new();

    private enum Standing
    {
        Held,

        /// <summary>Only in a pack that no index object names: once the hint is stale it is lost.</summary>
        Unindexed,
        Nowhere,
    }

    /// <summary>Whether anything was not found where it should be.</summary>
    public bool HasSuspects => _suspects.Count + _unreadable.Count > 0;

    /// <summary>Blobs that nobody can read, with the object to blame.</summary>
    public IReadOnlyDictionary<ContentId, (string ObjectName, string Reason)> Bad => _bad;

    /// <summary>Ids that can be read, but that no index object names.</summary>
    public HashSet<ContentId> Unindexed { get; } = [];

    /// <summary>Looks at every node and chunk of a volume that was not looked at before.</summary>
    public Task WalkAsync(VaultSurvey survey, VolumeDocument volume, BlobPlace root, CancellationToken cancellation) =>
        WalkAsync(survey, root, volume.Levels - 1, cancellation);

    private async Task WalkAsync(VaultSurvey survey, BlobPlace place, int level, CancellationToken cancellation)
    {
        lock (_lock)
            if (!_seen.Add(place.Id)) return;
        var (standing, found) = await JudgeAsync(survey, place, cancellation).ConfigureAwait(false);
        if (standing == Standing.Unindexed) Suspect(place);
        var node = new ManifestNode();
        try
        {
            // Wherever it is: the reader looks again, and at last into the packs, before it speaks of damage.
            await reader.ReadNodeAsync(found, level, node, cancellation).ConfigureAwait(false);
        }
        catch (DamageException)
        {
            lock (_lock) _unreadable[place.Id] = place;
            return;
        }
        if (level == 0)
        {
            for (var child = 0; child < FormatLimits.NodeChildren; child++)
                if (node.Has(child) && await JudgeAsync(survey, node[child], cancellation).ConfigureAwait(false) is not (Standing.Held, _))
                    Suspect(node[child]);
            return;
        }
        var children = Enumerable.Range(0, FormatLimits.NodeChildren).Where(node.Has).Select(child => node[child]);
        await Bounded.ForEachAsync(children, level == 1 ? vault.Runtime.ReadsInFlight
            : Math.Min(BranchesAtOnce, vault.Runtime.ReadsInFlight),
            child => WalkAsync(survey, child, level - 1, cancellation)).ConfigureAwait(false);
    }

    private void Suspect(in BlobPlace place)
    {
        lock (_lock) _suspects.TryAdd(place.Id, place);
    }

    private async ValueTask<(Standing, BlobPlace Found)> JudgeAsync(VaultSurvey survey, BlobPlace place, CancellationToken cancellation)
    {
        var isGood = await IsGoodAsync(survey, place, cancellation).ConfigureAwait(false);
        if (isGood && survey.Packs.TryFind(place.Location.Pack, out var hinted) && survey.Packs.At(hinted).IsIndexed)
            return (Standing.Held, place);
        foreach (var location in await survey.Index.FindAllAsync(place.Id, cancellation).ConfigureAwait(false))
            if (await IsGoodAsync(survey, place with { Location = location }, cancellation).ConfigureAwait(false))
                return (Standing.Held, place with { Location = location });
        // Only there, in a pack that no index object names. (A collector that died has condemned such packs, and indexed copies.)
        return (isGood ? Standing.Unindexed : Standing.Nowhere, place);
    }

    private ValueTask<bool> IsGoodAsync(VaultSurvey survey, BlobPlace place, CancellationToken cancellation)
    {
        var location = place.Location;
        if (!IsPresent(survey, location.Pack) || !survey.Packs.TryFind(location.Pack, out var pack)
            || location.Offset + (long)location.Length > survey.Packs.At(pack).LengthBytes
            || packs.BadBlobs.ContainsKey((location.Pack, place.Id))) return new(false);
        // A pack with a broken footer could not be read from end to end; what lies in it may still be whole.
        return packs.Unread.ContainsKey(location.Pack) ? packs.IsBlobGoodAsync(place, cancellation) : new(true);
    }

    private bool IsPresent(VaultSurvey survey, ObjectId id) =>
        survey.Packs.TryFind(id, out var pack) && survey.Packs.At(pack).IsPresent && !packs.Gone.ContainsKey(id);

    /// <summary>Decides about all that is suspect by a fresh survey, and by the footers of packs that its index does not name.
    /// REQUIRES: the survey was begun after the walk.</summary>
    public async Task DecideAsync(VaultSurvey fresh, CancellationToken cancellation)
    {
        _bad.Clear();
        Unindexed.Clear();
        var unnamed = await FindInUnnamedPacksAsync(fresh, cancellation).ConfigureAwait(false);
        if (allData) await CheckNewPacksAsync(fresh, unnamed, cancellation).ConfigureAwait(false);
        foreach (var (id, place) in _suspects)
        {
            var (standing, _) = await JudgeAsync(fresh, place, cancellation).ConfigureAwait(false);
            if (standing == Standing.Nowhere)
                foreach (var location in unnamed.GetValueOrDefault(id, []))
                    if (await IsGoodAsync(fresh, place with { Location = location }, cancellation).ConfigureAwait(false))
                        standing = Standing.Unindexed;
            if (standing == Standing.Unindexed) Unindexed.Add(id);
            if (standing == Standing.Nowhere) await BlameAsync(fresh, place, unnamed, cancellation).ConfigureAwait(false);
        }
        foreach (var place in _unreadable.Values) await BlameAsync(fresh, place, unnamed, cancellation).ConfigureAwait(false);
    }

    private async Task<ConcurrentDictionary<ContentId, List<BlobLocation>>> FindInUnnamedPacksAsync(
        VaultSurvey fresh, CancellationToken cancellation)
    {
        ConcurrentDictionary<ContentId, List<BlobLocation>> found = [];
        List<ObjectId> unnamed = [.. Enumerable.Range(0, fresh.Packs.Count)
            .Where(pack => fresh.Packs.At(pack) is { IsPresent: true, IsIndexed: false }).Select(pack => fresh.Packs[pack])];
        await Bounded.ForEachAsync(unnamed, vault.Runtime.ReadsInFlight, async pack =>
        {
            try
            {
                foreach (var entry in await PackFooters.ReadAsync(vault, pack, cancellation).ConfigureAwait(false))
                    if (_suspects.ContainsKey(entry.Id) || _unreadable.ContainsKey(entry.Id))
                        lock (_lock) found.GetOrAdd(entry.Id, _ => []).Add(new(pack, entry.Offset, entry.Length));
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                // It held nothing that the session protects.
            }
            catch (DamageException)
            {
                // A check of all data names it.
            }
        }).ConfigureAwait(false);
        return found;
    }

    // Packs that came after the first survey count as little as those of the first before they were read.
    private async Task CheckNewPacksAsync(
        VaultSurvey fresh, ConcurrentDictionary<ContentId, List<BlobLocation>> unnamed, CancellationToken cancellation)
    {
        HashSet<ObjectId> wanted = [];
        foreach (var place in _suspects.Values)
        {
            List<BlobLocation> locations = [place.Location, .. unnamed.GetValueOrDefault(place.Id, []),
                .. await fresh.Index.FindAllAsync(place.Id, cancellation).ConfigureAwait(false)];
            wanted.UnionWith(locations.Select(location => location.Pack)
                .Where(pack => IsPresent(fresh, pack) && !packs.WasChecked(pack)));
        }
        await packs.CheckAllAsync(wanted, progress: null, cancellation).ConfigureAwait(false);
    }

    // To blame is a pack that is there and should hold it. Of those that are gone, the hint's may have been collected long ago;
    // one that the index names should be there.
    private async Task BlameAsync(VaultSurvey fresh, BlobPlace place,
        ConcurrentDictionary<ContentId, List<BlobLocation>> unnamed, CancellationToken cancellation)
    {
        List<ObjectId> suspects = [place.Location.Pack, .. unnamed.GetValueOrDefault(place.Id, []).Select(location => location.Pack),
            .. (await fresh.Index.FindAllAsync(place.Id, cancellation).ConfigureAwait(false)).Select(location => location.Pack)];
        var present = suspects.FindIndex(pack => IsPresent(fresh, pack));
        _bad[place.Id] = present < 0 ? (ObjectNames.Pack(suspects[^1]), "is missing")
            : (ObjectNames.Pack(suspects[present]),
                packs.BadPacks.GetValueOrDefault(suspects[present], $"does not hold {place.Id}, and no other pack does"));
    }

    /// <summary>The ranges of a volume that need a bad blob, with that blob.</summary>
    public async Task<List<(ContentId Blob, Extent Range)>> AffectedAsync(
        VolumeDocument volume, BlobPlace root, int chunkSize, CancellationToken cancellation)
    {
        List<(ContentId, Extent)> affected = [];
        await FindAffectedAsync(new(volume.LengthBytes, chunkSize), root, volume.Levels - 1, 0, affected, cancellation)
            .ConfigureAwait(false);
        return affected;
    }

    private async Task FindAffectedAsync(TreeShape shape, BlobPlace place, int level, long firstChunk,
        List<(ContentId, Extent)> affected, CancellationToken cancellation)
    {
        if (_sound.Contains(place.Id)) return;
        if (_bad.ContainsKey(place.Id))
        {
            affected.Add((place.Id, Range(shape, firstChunk, TreeShape.ChunksPerChild(level + 1))));
            return;
        }
        var before = affected.Count;
        var node = new ManifestNode();
        await reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
        {
            if (!node.Has(child)) continue;
            var chunk = firstChunk + child * TreeShape.ChunksPerChild(level);
            if (level > 0) await FindAffectedAsync(shape, node[child], level - 1, chunk, affected, cancellation).ConfigureAwait(false);
            else if (_bad.ContainsKey(node[child].Id)) affected.Add((node[child].Id, Range(shape, chunk, 1)));
        }
        // Other points that share it need not go through it again.
        if (affected.Count == before) _sound.Add(place.Id);
    }

    private static Extent Range(TreeShape shape, long firstChunk, long chunks)
    {
        var offset = firstChunk * shape.ChunkSize;
        return new(offset, Math.Min(chunks * shape.ChunkSize, shape.LengthBytes - offset));
    }
}
