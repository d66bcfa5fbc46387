using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Walks the trees of points: every node must be readable, every chunk must have a place in a present pack that no check
/// found bad. Nodes that several points share are looked at once.
/// </summary>
internal sealed class TreeCheck(VaultSurvey survey, BlobReader reader, PackCheck packs)
{
    private readonly HashSet<ContentId> _goodNodes = [];
    private readonly Dictionary<ContentId, (string ObjectName, string Reason)> _bad = [];

    /// <summary>Blobs that nobody can read, with the object to blame.</summary>
    public IReadOnlyDictionary<ContentId, (string ObjectName, string Reason)> Bad => _bad;

    /// <summary>Ids that can be read by their hints but that no index object names: once the hint is stale they are lost.</summary>
    public HashSet<ContentId> Unindexed { get; } = [];

    /// <summary>Looks at every node and chunk of a volume that was not looked at before.</summary>
    public async Task CheckAsync(VolumeDocument volume, BlobPlace root, CancellationToken cancellation) =>
        await CheckNodeAsync(root, volume.Levels - 1, cancellation).ConfigureAwait(false);

    private async Task CheckNodeAsync(BlobPlace place, int level, CancellationToken cancellation)
    {
        if (_goodNodes.Contains(place.Id) || _bad.ContainsKey(place.Id)) return;
        if (!await IsHeldAsync(place, cancellation).ConfigureAwait(false)) return;
        var node = new ManifestNode();
        try
        {
            await reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            _bad[place.Id] = (damage.ObjectName, damage.Reason);
            return;
        }
        _goodNodes.Add(place.Id);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
        {
            if (!node.Has(child)) continue;
            if (level > 0) await CheckNodeAsync(node[child], level - 1, cancellation).ConfigureAwait(false);
            else if (!_bad.ContainsKey(node[child].Id)) await IsHeldAsync(node[child], cancellation).ConfigureAwait(false);
        }
    }

    // Notes the blob as bad when no place for it is good.
    private async ValueTask<bool> IsHeldAsync(BlobPlace place, CancellationToken cancellation)
    {
        var hint = place.Location;
        var isGood = await IsGoodAsync(place, cancellation).ConfigureAwait(false);
        if (isGood && (!survey.Packs.TryFind(hint.Pack, out var hinted) || survey.Packs.At(hinted).IsIndexed)) return true;
        var indexed = await survey.Index.FindAllAsync(place.Id, cancellation).ConfigureAwait(false);
        foreach (var location in indexed)
            if (await IsGoodAsync(place with { Location = location }, cancellation).ConfigureAwait(false)) return true;
        if (isGood)
        {
            // Only there, in a pack that no index object names. (A collector that died has condemned such packs, and indexed copies.)
            Unindexed.Add(place.Id);
            return true;
        }
        // To blame is a pack that is there and should hold it. Of those that are gone, the hint's may have been collected long
        // ago; one that the index names should be there.
        List<ObjectId> suspects = [hint.Pack, .. indexed.Select(location => location.Pack)];
        _bad[place.Id] = suspects.FindIndex(IsPresent) is var found && found >= 0
            ? (ObjectNames.Pack(suspects[found]), ReasonOf(suspects[found], place.Id))
            : (ObjectNames.Pack(suspects[^1]), "is missing");
        return false;
    }

    private bool IsPresent(ObjectId id) => survey.Packs.TryFind(id, out var pack) && survey.Packs.At(pack).IsPresent;

    private string ReasonOf(ObjectId id, ContentId blob) => survey.Packs.TryFind(id, out var pack)
        ? packs.BadPacks.GetValueOrDefault(pack, $"does not hold {blob}, and no other pack does") : "";

    private ValueTask<bool> IsGoodAsync(BlobPlace place, CancellationToken cancellation)
    {
        var location = place.Location;
        if (!survey.Packs.TryFind(location.Pack, out var pack) || !survey.Packs.At(pack).IsPresent
            || location.Offset + (long)location.Length > survey.Packs.At(pack).LengthBytes
            || packs.BadBlobs.ContainsKey((pack, place.Id))) return new(false);
        // A pack with a broken footer could not be read from end to end; what lies in it may still be whole.
        return packs.Unread.ContainsKey(pack) ? packs.IsBlobGoodAsync(place, cancellation) : new(true);
    }

    /// <summary>The ranges of a volume that need a bad blob, with that blob.</summary>
    public async Task<List<(ContentId Blob, Extent Range)>> AffectedAsync(
        VolumeDocument volume, BlobPlace root, int chunkSize, CancellationToken cancellation)
    {
        List<(ContentId, Extent)> affected = [];
        await FindAffectedAsync(new(volume.LengthBytes, chunkSize), root, volume.Levels - 1, 0, affected, cancellation).ConfigureAwait(false);
        return affected;
    }

    private async Task FindAffectedAsync(TreeShape shape, BlobPlace place, int level, long firstChunk,
        List<(ContentId, Extent)> affected, CancellationToken cancellation)
    {
        if (_bad.ContainsKey(place.Id))
        {
            affected.Add((place.Id, Range(shape, firstChunk, TreeShape.ChunksPerChild(level + 1))));
            return;
        }
        var node = new ManifestNode();
        await reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
        {
            if (!node.Has(child)) continue;
            var chunk = firstChunk + child * TreeShape.ChunksPerChild(level);
            if (level > 0) await FindAffectedAsync(shape, node[child], level - 1, chunk, affected, cancellation).ConfigureAwait(false);
            else if (_bad.ContainsKey(node[child].Id)) affected.Add((node[child].Id, Range(shape, chunk, 1)));
        }
    }

    private static Extent Range(TreeShape shape, long firstChunk, long chunks)
    {
        var offset = firstChunk * shape.ChunkSize;
        return new(offset, Math.Min(chunks * shape.ChunkSize, shape.LengthBytes - offset));
    }
}
