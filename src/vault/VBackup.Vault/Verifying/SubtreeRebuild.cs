using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Indexing;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Makes a lost chunk, or a lost node with all below it, from a source, and stores it only when its id is the one that was
/// lost. A node's id is made of its children's ids alone, so it can be made again from the content.
/// </summary>
internal sealed class SubtreeRebuild(
    BackupVault vault, VaultSurvey survey, Verifier verifier, PackWriter chunks, PackWriter nodes, ChunkCompressor compressor)
{
    private readonly Dictionary<ContentId, BlobPlace> _stored = [];
    private readonly byte[] _nodeBytes = new byte[ManifestNode.EncodedSizeMax];

    public int Restored => _stored.Count;

    /// <param name="lost">The id of what cannot be read.</param>
    /// <param name="extent">Where it belongs in a volume.</param>
    public async Task<bool> TryAsync(ContentId lost, AffectedExtent extent, RepairSource source, CancellationToken cancellation)
    {
        if (_stored.ContainsKey(lost)) return true;
        var point = verifier.Points.First(item => item.Id == extent.Point);
        var volume = point.Volumes.First(item => item.Name == extent.Volume);
        if (source.LengthBytes < extent.Range.End) return false;
        var shape = new TreeShape(volume.LengthBytes, vault.ChunkSize);
        var firstChunk = extent.Range.Offset / vault.ChunkSize;
        // The range tells the level: a chunk's is at most one chunk, a leaf's up to 256 of them, and so on.
        for (var level = -1; level < volume.Levels; level++)
        {
            var span = TreeShape.ChunksPerChild(level + 1);
            if (firstChunk % span != 0 || Math.Min(span * vault.ChunkSize, shape.LengthBytes - extent.Range.Offset) != extent.Range.Length)
                continue;
            // First only looked at: a source that differs must not fill the vault with what no point needs.
            if (await IdOfAsync(level, firstChunk, shape, source, cancellation).ConfigureAwait(false) == lost
                && await RebuildAsync(level, firstChunk, shape, source, cancellation).ConfigureAwait(false) is { } place
                && place.Id == lost) return true;
        }
        return false;
    }

    /// <summary>Makes what belongs at a place of the tree; level −1 is a chunk. Null when it is all zero.</summary>
    private async Task<BlobPlace?> RebuildAsync(
        int level, long firstChunk, TreeShape shape, RepairSource source, CancellationToken cancellation)
    {
        if (level < 0) return await RebuildChunkAsync(firstChunk, shape, source, cancellation).ConfigureAwait(false);
        var node = new ManifestNode();
        node.Reset(level);
        var step = TreeShape.ChunksPerChild(level);
        for (var child = 0; child < FormatLimits.NodeChildren && firstChunk + child * step < shape.ChunkCount; child++)
        {
            if (await RebuildAsync(level - 1, firstChunk + child * step, shape, source, cancellation).ConfigureAwait(false) is { } place)
                node.Set(child, place);
        }
        if (node.Count == 0) return null;
        var id = node.ComputeId(vault.Keys);
        if (await FindGoodAsync(id, cancellation).ConfigureAwait(false) is { } known) return known;
        var length = node.Encode(_nodeBytes);
        var location = await nodes.AddAsync(id, isNode: true, _nodeBytes.AsMemory(0, length), compressor, cancellation)
            .ConfigureAwait(false);
        return _stored[id] = new(id, location);
    }

    private async Task<BlobPlace?> RebuildChunkAsync(
        long chunk, TreeShape shape, RepairSource source, CancellationToken cancellation)
    {
        var content = new byte[shape.ChunkLength(chunk)];
        if (await ReadChunkAsync(chunk, shape, source, content, cancellation).ConfigureAwait(false) is not { } id) return null;
        if (await FindGoodAsync(id, cancellation).ConfigureAwait(false) is { } known) return known;
        var location = await chunks.AddAsync(id, isNode: false, content, compressor, cancellation).ConfigureAwait(false);
        return _stored[id] = new(id, location);
    }

    /// <summary>The id of what the source has at a place of the tree. Null when it is all zero.</summary>
    private async Task<ContentId?> IdOfAsync(
        int level, long firstChunk, TreeShape shape, RepairSource source, CancellationToken cancellation)
    {
        if (level < 0)
            return await ReadChunkAsync(firstChunk, shape, source, new byte[shape.ChunkLength(firstChunk)], cancellation)
                .ConfigureAwait(false);
        var node = new ManifestNode();
        node.Reset(level);
        var step = TreeShape.ChunksPerChild(level);
        for (var child = 0; child < FormatLimits.NodeChildren && firstChunk + child * step < shape.ChunkCount; child++)
        {
            if (await IdOfAsync(level - 1, firstChunk + child * step, shape, source, cancellation).ConfigureAwait(false) is { } id)
                node.Set(child, new(id, default));
        }
        return node.Count == 0 ? null : node.ComputeId(vault.Keys);
    }

    private async Task<ContentId?> ReadChunkAsync(
        long chunk, TreeShape shape, RepairSource source, byte[] content, CancellationToken cancellation)
    {
        await source.ReadAsync(chunk * shape.ChunkSize, content, cancellation).ConfigureAwait(false);
        return content.AsSpan().ContainsAnyExcept((byte)0) ? vault.ChunkId(content) : null;
    }

    // Where a blob can still be read. What was found bad or lies in a damaged pack does not count.
    private async Task<BlobPlace?> FindGoodAsync(ContentId id, CancellationToken cancellation)
    {
        if (_stored.TryGetValue(id, out var stored)) return stored;
        if (verifier.Trees!.Bad.ContainsKey(id)) return null;
        foreach (var location in await survey.Index.FindAllAsync(id, cancellation).ConfigureAwait(false))
            if (survey.Packs.TryFind(location.Pack, out var pack) && survey.Packs.IsUsable(pack)
                && !verifier.Packs.BadPacks.ContainsKey(location.Pack))
                return new(id, location);
        return null;
    }
}
