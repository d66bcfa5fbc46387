using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>Reads packs from end to end, once each, and opens everything in them.</summary>
internal sealed class PackCheck(BackupVault vault, VaultSurvey survey)
{
    private const int WindowSize = 1024 * 1024;

    /// <summary>Blobs that are not what they should be, by pack.</summary>
    public ConcurrentDictionary<(int Pack, ContentId Id), byte> BadBlobs { get; } = [];

    /// <summary>What is wrong with which pack.</summary>
    public ConcurrentDictionary<int, string> BadPacks { get; } = [];

    /// <summary>Packs whose blobs could not all be looked at, because header or footer are broken.</summary>
    public ConcurrentDictionary<int, byte> Unread { get; } = [];

    public long CheckedBytes => Interlocked.Read(ref _checkedBytes);
    private long _checkedBytes;

    /// <summary>Checks header, footer and every blob of a pack.</summary>
    public async Task CheckAsync(int pack, CancellationToken cancellation)
    {
        var id = survey.Packs[pack];
        var name = ObjectNames.Pack(id);
        try
        {
            var entries = await PackFooters.ReadAsync(vault, id, cancellation).ConfigureAwait(false);
            var header = new byte[ObjectHeader.Size];
            if (await vault.Store.ReadAsync(name, 0, header, cancellation).ConfigureAwait(false) != header.Length
                || ObjectHeader.Read(header, ObjectKind.Pack, name) != id) throw new DamageException(name, "holds another object");
            await CheckBlobsAsync(pack, id, name, entries, cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            BadPacks.TryAdd(pack, damage.Reason);
            Unread.TryAdd(pack, 0);
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            // Deleted by a collector since it was listed; whether something needed it, the walk over the trees tells.
            survey.Packs.At(pack).IsPresent = false;
        }
    }

    /// <summary>Reads and checks one blob at a place.</summary>
    public async ValueTask<bool> IsBlobGoodAsync(BlobPlace place, CancellationToken cancellation)
    {
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, place.Location.Pack);
        using var decompressor = new ChunkDecompressor();
        var sizeMax = Blob.SizeMax(Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax));
        var blob = new byte[Math.Min(place.Location.Length, (uint)sizeMax)];
        var read = await vault.Store.ReadAsync(
            ObjectNames.Pack(place.Location.Pack), place.Location.Offset, blob, cancellation).ConfigureAwait(false);
        if (read != blob.Length || read < BlobPrefix.Overhead) return false;
        var entry = new PackEntry(place.Id, place.Location.Offset, place.Location.Length, BlobPrefix.Read(blob).Shape);
        return IsGood(cipher, entry, blob, decompressor, new byte[sizeMax], new byte[sizeMax], new());
    }

    private async Task CheckBlobsAsync(int pack, ObjectId id, string name, PackEntry[] entries, CancellationToken cancellation)
    {
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, id);
        using var decompressor = new ChunkDecompressor();
        var window = new byte[WindowSize + FormatLimits.ChunkSizeMax];
        var scratch = new byte[Blob.SizeMax(Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax))];
        var content = new byte[Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax)];
        var node = new ManifestNode();
        for (var at = 0; at < entries.Length;)
        {
            var start = entries[at].Offset;
            var end = at;
            while (end < entries.Length && (long)entries[end].Offset + entries[end].Length - start <= window.Length) end++;
            if (end == at) throw new DamageException(name, "its footer names a blob longer than any can be");
            var length = (int)(entries[end - 1].Offset + entries[end - 1].Length - start);
            var read = await vault.Store.ReadAsync(name, start, window.AsMemory(0, length), cancellation).ConfigureAwait(false);
            Interlocked.Add(ref _checkedBytes, read);
            for (; at < end; at++)
            {
                var entry = entries[at];
                var blob = entry.Offset - start + entry.Length <= read
                    ? window.AsSpan((int)(entry.Offset - start), (int)entry.Length) : default;
                if (!IsGood(cipher, entry, blob, decompressor, scratch, content, node))
                {
                    BadBlobs.TryAdd((pack, entry.Id), 0);
                    BadPacks.TryAdd(pack, $"the blob at offset {entry.Offset} ({entry.Length} bytes) is not what was stored");
                }
            }
        }
    }

    private bool IsGood(ObjectCipher cipher, in PackEntry entry, ReadOnlySpan<byte> blob, ChunkDecompressor decompressor,
        byte[] scratch, byte[] content, ManifestNode node)
    {
        if (entry.Shape.ContentLength > content.Length || blob.Length > scratch.Length + BlobPrefix.Overhead) return false;
        var plain = content.AsSpan(0, entry.Shape.ContentLength);
        if (!Blob.TryDecode(cipher, entry.Id, entry.Shape.IsNode, blob, decompressor, scratch, plain)
            || BlobPrefix.Read(blob).Shape != entry.Shape) return false;
        return entry.Shape.IsNode
            ? plain.Length > 1 && plain[1] < FormatLimits.TreeLevelsMax && node.TryDecode(plain, plain[1]) && node.ComputeId(vault.Keys) == entry.Id
            : vault.Keys.ChunkId(plain) == entry.Id;
    }
}
