using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>Reads packs from end to end, once each, and opens everything in them.</summary>
internal sealed class PackCheck(BackupVault vault) : IDisposable
{
    private const int WindowSize = 1024 * 1024;

    private readonly ConcurrentDictionary<ObjectId, byte> _checked = [];
    private readonly ConcurrentBag<Lane> _lanes = [];
    private long _checkedBytes;

    /// <summary>Blobs that are not what they should be, by pack.</summary>
    public ConcurrentDictionary<(ObjectId Pack, ContentId Id), byte> BadBlobs { get; } = [];

    /// <summary>What is wrong with which pack.</summary>
    public ConcurrentDictionary<ObjectId, string> BadPacks { get; } = [];

    /// <summary>Packs whose blobs could not all be looked at, because header or footer are broken.</summary>
    public ConcurrentDictionary<ObjectId, byte> Unread { get; } = [];

    /// <summary>Packs that a listing showed and that were gone when they were read: a collector deleted them.</summary>
    public ConcurrentDictionary<ObjectId, byte> Gone { get; } = [];

    public long CheckedBytes => Interlocked.Read(ref _checkedBytes);

    /// <summary>Whether a pack was looked at, or was gone by then.</summary>
    public bool WasChecked(ObjectId pack) => _checked.ContainsKey(pack);

    /// <summary>Checks packs that were not looked at before, several at once.</summary>
    public Task CheckAllAsync(IReadOnlyCollection<ObjectId> packs, IProgress<(int Done, int Total)>? progress,
        CancellationToken cancellation)
    {
        var done = 0;
        var workers = Math.Max(1, vault.Runtime.PackChecksAtOnce);
        return Bounded.ForEachAsync(packs, workers,
            pack => workers == 1 ? CheckNextAsync(pack) : Task.Run(() => CheckNextAsync(pack), cancellation));

        async Task CheckNextAsync(ObjectId pack)
        {
            if (_checked.TryAdd(pack, 0)) await CheckAsync(pack, cancellation).ConfigureAwait(false);
            progress?.Report((Interlocked.Increment(ref done), packs.Count));
        }
    }

    /// <summary>Checks header, footer and every blob of a pack.</summary>
    private async Task CheckAsync(ObjectId id, CancellationToken cancellation)
    {
        var name = ObjectNames.Pack(id);
        var lane = RentLane();
        try
        {
            var entries = await PackFooters.ReadAsync(vault, id, cancellation).ConfigureAwait(false);
            var header = new byte[ObjectHeader.Size];
            if (await vault.Store.ReadAsync(name, 0, header, cancellation).ConfigureAwait(false) != header.Length
                || ObjectHeader.Read(header, ObjectKind.Pack, name) != id) throw new DamageException(name, "holds another object");
            await CheckBlobsAsync(lane, id, name, entries, cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            BadPacks.TryAdd(id, damage.Reason);
            Unread.TryAdd(id, 0);
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            // Deleted by a collector since it was listed; whether something needed it, the walk over the trees tells.
            Gone.TryAdd(id, 0);
        }
        finally
        {
            _lanes.Add(lane);
        }
    }

    /// <summary>Reads and checks one blob at a place.</summary>
    public async ValueTask<bool> IsBlobGoodAsync(BlobPlace place, CancellationToken cancellation)
    {
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, place.Location.Pack);
        var lane = RentLane();
        try
        {
            var blob = lane.Window.AsMemory(0, (int)Math.Min(place.Location.Length, (uint)BlobSizeMax));
            var read = await vault.Store.ReadAsync(
                ObjectNames.Pack(place.Location.Pack), place.Location.Offset, blob, cancellation).ConfigureAwait(false);
            if (read != blob.Length || read < BlobPrefix.Overhead) return false;
            var entry = new PackEntry(place.Id, place.Location.Offset, place.Location.Length, BlobPrefix.Read(blob.Span).Shape);
            return IsGood(lane, cipher, entry, blob.Span);
        }
        catch (Exception bad) when (bad is DamageException or StoreException { Failure: StoreFailure.NotFound })
        {
            return false;
        }
        finally
        {
            _lanes.Add(lane);
        }
    }

    private async Task CheckBlobsAsync(Lane lane, ObjectId id, string name, PackEntry[] entries, CancellationToken cancellation)
    {
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, id);
        for (var at = 0; at < entries.Length;)
        {
            var start = entries[at].Offset;
            var end = at;
            while (end < entries.Length && (long)entries[end].Offset + entries[end].Length - start <= lane.Window.Length) end++;
            if (end == at) throw new DamageException(name, "its footer names a blob longer than any can be");
            var length = (int)(entries[end - 1].Offset + entries[end - 1].Length - start);
            var read = await vault.Store.ReadAsync(name, start, lane.Window.AsMemory(0, length), cancellation).ConfigureAwait(false);
            Interlocked.Add(ref _checkedBytes, read);
            for (; at < end; at++)
            {
                var entry = entries[at];
                var blob = entry.Offset - start + entry.Length <= read
                    ? lane.Window.AsSpan((int)(entry.Offset - start), (int)entry.Length) : default;
                // A counter that is used twice breaks the cipher: it must be the ordinal.
                if (IsGood(lane, cipher, entry, blob) && BlobPrefix.Read(blob).Counter == at) continue;
                BadBlobs.TryAdd((id, entry.Id), 0);
                BadPacks.TryAdd(id, $"the blob at offset {entry.Offset} ({entry.Length} bytes) is not what was stored");
            }
        }
    }

    private bool IsGood(Lane lane, ObjectCipher cipher, in PackEntry entry, ReadOnlySpan<byte> blob)
    {
        if (entry.Shape.ContentLength > lane.Content.Length || blob.Length > lane.Scratch.Length + BlobPrefix.Overhead) return false;
        var plain = lane.Content.AsSpan(0, entry.Shape.ContentLength);
        if (!Blob.TryDecode(cipher, entry.Id, entry.Shape.IsNode, blob, lane.Decompressor, lane.Scratch, plain)
            || BlobPrefix.Read(blob).Shape != entry.Shape) return false;
        return entry.Shape.IsNode
            ? plain.Length > 1 && plain[1] < FormatLimits.TreeLevelsMax && lane.Node.TryDecode(plain, plain[1])
                && lane.Node.ComputeId(vault.Keys) == entry.Id
            : vault.Keys.ChunkId(plain) == entry.Id;
    }

    private int BlobSizeMax => Blob.SizeMax(ContentSizeMax);

    private int ContentSizeMax => Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax);

    private Lane RentLane() => _lanes.TryTake(out var lane) ? lane : new(ContentSizeMax);

    public void Dispose()
    {
        foreach (var lane in _lanes) lane.Dispose();
    }

    /// <summary>What one worker needs: made once for each, whatever the number of packs.</summary>
    private sealed class Lane(int contentSizeMax) : IDisposable
    {
        public byte[] Window { get; } = new byte[WindowSize + Blob.SizeMax(contentSizeMax)];
        public byte[] Scratch { get; } = new byte[Blob.SizeMax(contentSizeMax)];
        public byte[] Content { get; } = new byte[contentSizeMax];
        public ManifestNode Node { get; } = new();
        public ChunkDecompressor Decompressor { get; } = new();

        public void Dispose() => Decompressor.Dispose();
    }
}
