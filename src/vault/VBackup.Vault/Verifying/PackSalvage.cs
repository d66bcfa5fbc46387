using System.Buffers;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Saves what is whole in packs whose footers are broken, by what can be read of index objects that are broken as well. A repair
/// removes those; nobody would know then where it lies.
/// </summary>
internal sealed class PackSalvage(BackupVault vault, VaultSurvey survey)
{
    /// <summary>Packs taken out of use.</summary>
    public int Condemned { get; private set; }

    /// <summary>Blobs that have another home now.</summary>
    public int Saved { get; private set; }

    /// <param name="silent">Packs that no readable index object names and whose footers cannot be read, by their ordinals.</param>
    public async Task RunAsync(HashSet<int> silent, CancellationToken cancellation)
    {
        var blobs = KnownBlobs(silent);
        if (blobs.Count == 0) return;
        // Before anything is stored anew, nobody may count on the damaged packs any more (R49).
        List<ObjectId> usable = [.. blobs.Keys.Where(survey.Packs.IsUsable).Select(pack => survey.Packs[pack])];
        await Condemnations.PutAsync(vault, SessionId.New(vault.Runtime.FillRandom), usable, cancellation).ConfigureAwait(false);
        foreach (var pack in blobs.Keys) survey.Packs.At(pack).IsCondemned = true;
        Condemned = usable.Count;
        var committer = new PackCommitter(vault);
        var chunks = new PackWriter(vault, committer);
        var nodes = new PackWriter(vault, committer);
        try
        {
            using var lane = new ReadLane(vault);
            foreach (var (pack, entries) in blobs)
                await CopyAsync(survey.Packs[pack], entries, lane, chunks, nodes, cancellation).ConfigureAwait(false);
            await chunks.CloseAsync(cancellation).ConfigureAwait(false);
            await nodes.CloseAsync(cancellation).ConfigureAwait(false);
            await committer.FinishAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            await chunks.DisposeAsync().ConfigureAwait(false);
            await nodes.DisposeAsync().ConfigureAwait(false);
            await committer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private Dictionary<int, HashSet<IndexEntry>> KnownBlobs(HashSet<int> silent)
    {
        Dictionary<int, HashSet<IndexEntry>> blobs = [];
        foreach (var partly in survey.Index.PartlyReadable)
            survey.Index.VisitReadable(partly, entry =>
            {
                if (!silent.Contains(entry.Pack)) return;
                if (!blobs.TryGetValue(entry.Pack, out var known)) blobs.Add(entry.Pack, known = []);
                known.Add(entry);
            });
        return blobs;
    }

    private async Task CopyAsync(ObjectId pack, HashSet<IndexEntry> entries, ReadLane lane, PackWriter chunks, PackWriter nodes,
        CancellationToken cancellation)
    {
        var size = Blob.SizeMax(Math.Max(vault.ChunkSize, ManifestNode.EncodedSizeMax));
        var (sealedBytes, plaintext) = (ArrayPool<byte>.Shared.Rent(size), ArrayPool<byte>.Shared.Rent(size));
        try
        {
            foreach (var entry in entries.OrderBy(entry => entry.Offset))
            {
                if (entry.Length > size || entry.Length < BlobPrefix.Overhead) continue;
                var blob = sealedBytes.AsMemory(0, (int)entry.Length);
                if (!await TryReadAsync(pack, entry.Offset, blob, cancellation).ConfigureAwait(false)) continue;
                var shape = BlobPrefix.Read(blob.Span).Shape;
                var content = plaintext.AsMemory(0, blob.Length - BlobPrefix.Overhead);
                if (!lane.TryOpenSealed(pack, new(entry.Id, entry.Offset, entry.Length, shape), blob.Span, content.Span, out _)) continue;
                await (shape.IsNode ? nodes : chunks).AddSealedAsync(entry.Id, shape, content, cancellation).ConfigureAwait(false);
                Saved++;
            }
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            // A collector had condemned it, and found all that is live in it elsewhere.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(sealedBytes);
            ArrayPool<byte>.Shared.Return(plaintext);
        }
    }

    private async ValueTask<bool> TryReadAsync(ObjectId pack, long offset, Memory<byte> blob, CancellationToken cancellation)
    {
        try
        {
            return await vault.Store.ReadAsync(ObjectNames.Pack(pack), offset, blob, cancellation).ConfigureAwait(false) == blob.Length;
        }
        catch (DamageException)
        {
            // The disk does not give this one back; it may give the next.
            return false;
        }
    }
}
