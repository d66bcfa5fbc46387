using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.World;

/// <summary>A blob that a volume needs, and the range of the volume that is lost without it.</summary>
internal readonly record struct Need(ContentId Id, uint Length, bool IsNode, Extent Range);

/// <summary>
/// What a sound vault holds, found without its index and without the code that verifies: every pack's footer, and every
/// blob that every volume needs, from the root down.
/// </summary>
internal sealed class VaultMap
{
    /// <summary>Blobs of each pack, by the pack's object name.</summary>
    public Dictionary<string, PackEntry[]> Packs { get; } = [];

    /// <summary>What each volume of each point needs; a node stands before what is below it.</summary>
    public Dictionary<(string Point, string Volume), List<Need>> Needs { get; } = [];

    public List<PointDocument> Points { get; private set; } = [];

    /// <summary>Every id that some point needs.</summary>
    public HashSet<ContentId> Live => [.. Needs.Values.SelectMany(needs => needs.Select(need => need.Id))];

    public static async Task<VaultMap> ReadAsync(TestVault vault)
    {
        var map = new VaultMap { Points = await vault.PointsAsync() };
        foreach (var entry in await vault.ObjectsAsync(ObjectNames.Packs))
        {
            Assert.True(ObjectNames.TryParsePack(entry.Name, out var id), entry.Name);
            map.Packs.Add(entry.Name, await PackFooters.ReadAsync(vault.Vault, id, default));
        }
        await using var reader = new BlobReader(vault.Vault);
        foreach (var point in map.Points)
            foreach (var volume in point.Volumes)
            {
                List<Need> needs = [];
                map.Needs.Add((point.Id, volume.Name), needs);
                if (volume.Root is { } root)
                    await WalkAsync(reader, new(volume.LengthBytes, vault.Vault.ChunkSize), root.ToPlace("root"), volume.Levels - 1, 0,
                        needs);
            }
        return map;
    }

    private static async Task WalkAsync(
        BlobReader reader, TreeShape shape, BlobPlace place, int level, long firstChunk, List<Need> needs)
    {
        needs.Add(new(place.Id, place.Location.Length, true, RangeOf(shape, firstChunk, TreeShape.ChunksPerChild(level + 1))));
        var node = new ManifestNode();
        await reader.ReadNodeAsync(place, level, node, default);
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
        {
            if (!node.Has(child)) continue;
            var at = firstChunk + child * TreeShape.ChunksPerChild(level);
            if (level > 0) await WalkAsync(reader, shape, node[child], level - 1, at, needs);
            else needs.Add(new(node[child].Id, node[child].Location.Length, false, RangeOf(shape, at, 1)));
        }
    }

    private static Extent RangeOf(TreeShape shape, long firstChunk, long chunks)
    {
        var offset = firstChunk * shape.ChunkSize;
        return new(offset, Math.Min(chunks * shape.ChunkSize, shape.LengthBytes - offset));
    }

    /// <summary>Ids that no pack holds any more when some of the packs' blobs are spoilt.</summary>
    public HashSet<ContentId> Lost(Func<string, PackEntry, bool> isSpoilt)
    {
        HashSet<ContentId> held = [];
        HashSet<ContentId> spoilt = [];
        foreach (var (pack, entries) in Packs)
            foreach (var entry in entries) (isSpoilt(pack, entry) ? spoilt : held).Add(entry.Id);
        spoilt.ExceptWith(held);
        return spoilt;
    }

    /// <summary>The ranges of each volume that cannot be restored without the lost ids, merged. Volumes without any are left
    /// out.</summary>
    public Dictionary<(string Point, string Volume), List<Extent>> Affected(IReadOnlySet<ContentId> lost)
    {
        Dictionary<(string, string), List<Extent>> affected = [];
        foreach (var (key, needs) in Needs)
        {
            List<Extent> ranges = [];
            foreach (var need in needs)
            {
                // What lies below a lost node is lost with it.
                if (!lost.Contains(need.Id) || (ranges.Count > 0 && need.Range.Offset < ranges[^1].End)) continue;
                if (ranges.Count > 0 && ranges[^1].End == need.Range.Offset)
                    ranges[^1] = new(ranges[^1].Offset, ranges[^1].Length + need.Range.Length);
                else ranges.Add(need.Range);
            }
            if (ranges.Count > 0) affected.Add(key, ranges);
        }
        return affected;
    }

    /// <summary>What a verification says of the same, put together over all damaged objects.</summary>
    public static Dictionary<(string Point, string Volume), List<Extent>> AffectedBy(VerifyResult result) =>
        result.Damages.SelectMany(damage => damage.Affected)
            .GroupBy(item => (item.Point, item.Volume))
            .ToDictionary(group => group.Key, group => Merge(group.Select(item => item.Range)));

    private static List<Extent> Merge(IEnumerable<Extent> ranges)
    {
        List<Extent> merged = [];
        foreach (var range in ranges.Distinct().OrderBy(range => range.Offset))
        {
            if (merged.Count > 0 && merged[^1].End == range.Offset)
                merged[^1] = new(merged[^1].Offset, merged[^1].Length + range.Length);
            else merged.Add(range);
        }
        return merged;
    }

    public static string Show(Dictionary<(string Point, string Volume), List<Extent>> affected) => string.Join("\n",
        affected.OrderBy(item => item.Key.Point, StringComparer.Ordinal).ThenBy(item => item.Key.Volume, StringComparer.Ordinal)
            .Select(item => $"{item.Key.Point} {item.Key.Volume}: "
                + string.Join(" ", item.Value.Select(range => $"{range.Offset}+{range.Length}"))));
}
