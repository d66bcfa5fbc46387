using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.Vault.Catalog;

/// <summary>
/// Works out what each point alone holds. Blobs are taken in parts of the ids' space, so that memory is bounded; each part
/// walks the trees once, shared branches at most twice.
/// </summary>
internal sealed class ExclusiveBytes
{
    /// <summary>Blobs whose owner is remembered at once.</summary>
    private const long BlobsPerPart = 1_000_000;
    private const int Shared = -1;

    private readonly BlobReader _reader;
    private readonly int _leavesAtOnce;
    private readonly Lock _lock = new();
    private readonly Dictionary<ContentId, int> _nodeOwners = [];
    private readonly Dictionary<ContentId, (int Owner, uint Length)> _chunkOwners = [];
    private readonly ulong _part;
    private readonly ulong _parts;

    private ExclusiveBytes(BackupVault vault, BlobReader reader, ulong part, ulong parts)
    {
        _leavesAtOnce = vault.Runtime.ReadsInFlight;
        _reader = reader;
        _part = part;
        _parts = parts;
    }

    /// <returns>Bytes for each point; null for one whose tree cannot be read.</returns>
    public static async Task<long?[]> OfAsync(BackupVault vault, IReadOnlyList<PointDocument> points, CancellationToken cancellation)
    {
        var bytes = new long[points.Count];
        var unreadable = new bool[points.Count];
        var parts = (ulong)(await CountBlobsAsync(vault, cancellation).ConfigureAwait(false) / BlobsPerPart + 1);
        var reader = new BlobReader(vault, session: null);
        await using (reader.ConfigureAwait(false))
        {
            for (ulong part = 0; part < parts; part++)
            {
                var pass = new ExclusiveBytes(vault, reader, part, parts);
                for (var point = 0; point < points.Count; point++)
                {
                    try
                    {
                        foreach (var volume in points[point].Volumes)
                            if (volume.Root is { } root)
                                await pass.WalkAsync(root.ToPlace(ObjectNames.Points + points[point].Id), volume.Levels - 1, point,
                                    cancellation)
                                    .ConfigureAwait(false);
                    }
                    catch (DamageException)
                    {
                        // A listing tells what it can; verify names the damage.
                        unreadable[point] = true;
                    }
                }
                foreach (var (owner, length) in pass._chunkOwners.Values)
                    if (owner != Shared) bytes[owner] += length;
            }
        }
        return [.. bytes.Select((length, point) => unreadable[point] ? (long?)null : length)];
    }

    /// <summary>About as many as the index has entries.</summary>
    private static async Task<long> CountBlobsAsync(BackupVault vault, CancellationToken cancellation)
    {
        long bytes = 0;
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Indexes, cancellation).ConfigureAwait(false))
            bytes += entry.LengthBytes;
        return bytes / IndexEntry.Size;
    }

    private async Task WalkAsync(BlobPlace place, int level, int owner, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_nodeOwners.TryGetValue(place.Id, out var before))
            {
                // Seen by this point, or known as shared with everything below.
                if (before == owner || before == Shared) return;
                owner = Shared;
            }
            _nodeOwners[place.Id] = owner;
            Note(place, owner);
        }
        var node = new ManifestNode();
        await _reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        if (level == 0)
        {
            lock (_lock)
                for (var child = 0; child < FormatLimits.NodeChildren; child++)
                    if (node.Has(child)) Note(node[child], owner);
            return;
        }
        var children = Enumerable.Range(0, FormatLimits.NodeChildren).Where(node.Has).Select(child => node[child]);
        // Leaves are many and side by side: several at once. Above them there are few.
        await Bounded.ForEachAsync(children, level == 1 ? _leavesAtOnce : 1,
            child => WalkAsync(child, level - 1, owner, cancellation)).ConfigureAwait(false);
    }

    private void Note(in BlobPlace place, int owner)
    {
        if ((ulong)(((UInt128)place.Id.Value.Prefix * _parts) >> 64) != _part) return;
        if (_chunkOwners.TryGetValue(place.Id, out var before) && before.Owner != owner) owner = Shared;
        _chunkOwners[place.Id] = (owner, place.Location.Length);
    }
}
