using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Collecting;

/// <summary>
/// Copies the live chunks of packs into new packs and indexes those; compressed bytes are sealed anew, not compressed anew.
/// </summary>
/// <param name="going">Every pack that this collection means to condemn: what another of them holds has no home there.</param>
internal sealed class PackRewriter(BackupVault vault, VaultSurvey survey, LiveMark mark, HashSet<int> going)
{
    /// <summary>Blobs that one round copies, or few more: what it has to remember. Every round reads the whole index.</summary>
    private const int BlobsPerRound = 400_000;
    private const int WindowSize = 1024 * 1024;

    private byte[] _window = [];
    private byte[] _plaintext = [];

    public long CopiedBytes { get; private set; }

    /// <summary>Packs with a live chunk that can be read neither there nor elsewhere.</summary>
    public List<int> Damaged { get; } = [];

    /// <summary>The store was full before all was copied.</summary>
    public bool IsShortOfRoom { get; private set; }

    /// <summary>Copies all that is live and only in <paramref name="victims"/>, as long as there is room.</summary>
    /// <returns>The packs that are no longer needed.</returns>
    public async Task<List<int>> RewriteAsync(List<int> victims, PackLedger ledger, CancellationToken cancellation)
    {
        List<int> done = [];
        HashSet<int> round = [];
        var blobs = 0;
        try
        {
            foreach (var victim in victims)
            {
                round.Add(victim);
                blobs += ledger.LiveEntries(victim);
                if (blobs < BlobsPerRound) continue;
                done.AddRange(await CopyRoundAsync(round, cancellation).ConfigureAwait(false));
                round.Clear();
                blobs = 0;
            }
            if (round.Count > 0) done.AddRange(await CopyRoundAsync(round, cancellation).ConfigureAwait(false));
        }
        catch (StoreException full) when (full.Failure == StoreFailure.Full)
        {
            // What this round has copied whole has two homes now, and is not copied by the next collection.
            IsShortOfRoom = true;
        }
        return done;
    }

    private async Task<List<int>> CopyRoundAsync(HashSet<int> round, CancellationToken cancellation)
    {
        var copies = CopiesNeeded(round);
        var committer = new PackCommitter(vault, (bytes, id) => survey.Index.Add(bytes.Span, id));
        var chunks = new PackWriter(vault, committer);
        var nodes = new PackWriter(vault, committer);
        var lane = new ReadLane(vault);
        List<int> done = [];
        try
        {
            foreach (var pack in round)
            {
                var blobs = copies.GetValueOrDefault(pack, []);
                blobs.Sort((left, right) => left.Offset.CompareTo(right.Offset));
                if (await CopyPackAsync(pack, blobs, lane, chunks, nodes, cancellation).ConfigureAwait(false)) done.Add(pack);
                else Damaged.Add(pack);
            }
            await chunks.CloseAsync(cancellation).ConfigureAwait(false);
            await nodes.CloseAsync(cancellation).ConfigureAwait(false);
            await committer.FinishAsync(cancellation).ConfigureAwait(false);
            return done;
        }
        finally
        {
            lane.Dispose();
            await chunks.DisposeAsync().ConfigureAwait(false);
            await nodes.DisposeAsync().ConfigureAwait(false);
            await committer.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Live blobs that no pack which stays holds, by the pack to copy them from.</summary>
    private Dictionary<int, List<IndexEntry>> CopiesNeeded(HashSet<int> round)
    {
        Dictionary<int, List<IndexEntry>> copies = [];
        List<IndexEntry> entries = [];
        foreach (var (first, last) in survey.Index.Parts(PackLedger.EntriesPerPart))
        {
            survey.Index.ReadRange(first, last, entries);
            for (var at = 0; at < entries.Count;)
            {
                var end = PackLedger.EndOfId(entries, at);
                var source = -1;
                var elsewhere = false;
                for (var i = at; i < end; i++)
                {
                    if (!survey.Packs.At(entries[i].Pack).IsPresent) continue;
                    if (round.Contains(entries[i].Pack)) source = i;
                    else elsewhere |= survey.Packs.IsUsable(entries[i].Pack) && !going.Contains(entries[i].Pack);
                }
                if (source >= 0 && !elsewhere && mark.Live.MayContain(entries[at].Id))
                {
                    if (!copies.TryGetValue(entries[source].Pack, out var list)) copies.Add(entries[source].Pack, list = []);
                    list.Add(entries[source]);
                }
                at = end;
            }
        }
        return copies;
    }

    /// <returns>False when a blob cannot be read whole; the pack then has to stay.</returns>
    private async Task<bool> CopyPackAsync(
        int pack, List<IndexEntry> blobs, ReadLane lane, PackWriter chunks, PackWriter nodes, CancellationToken cancellation)
    {
        var id = survey.Packs[pack];
        var name = ObjectNames.Pack(id);
        if (_window.Length == 0) _window = new byte[WindowSize + FormatLimits.ChunkSizeMax];
        // Up to this one they are read one by one: the disk does not give back something between them.
        var alone = 0;
        for (var at = 0; at < blobs.Count;)
        {
            var start = blobs[at].Offset;
            var end = at + 1;
            while (at >= alone && end < blobs.Count && (long)blobs[end].Offset + blobs[end].Length - start <= WindowSize) end++;
            var length = (long)blobs[end - 1].Offset + blobs[end - 1].Length - start;
            // One blob alone may be longer than the window is meant to be, but no longer than blobs can be.
            if (length > _window.Length) return false;
            var window = _window.AsMemory(0, (int)length);
            try
            {
                if (await vault.Store.ReadAsync(name, start, window, cancellation).ConfigureAwait(false) != length) return false;
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                // Another collector deleted it: then every live chunk of it is elsewhere.
                return true;
            }
            catch (DamageException)
            {
                if (end - at == 1) return false;
                alone = end;
                continue;
            }
            for (; at < end; at++)
                if (!await CopyBlobAsync(id, blobs[at], window.Slice((int)(blobs[at].Offset - start), (int)blobs[at].Length),
                    lane, chunks, nodes, cancellation).ConfigureAwait(false)) return false;
        }
        return true;
    }

    private async Task<bool> CopyBlobAsync(
        ObjectId pack, IndexEntry entry, ReadOnlyMemory<byte> blob, ReadLane lane, PackWriter chunks, PackWriter nodes,
        CancellationToken cancellation)
    {
        if (blob.Length < BlobPrefix.Overhead) return false;
        var shape = BlobPrefix.Read(blob.Span).Shape;
        if (_plaintext.Length < blob.Length) _plaintext = new byte[Math.Max(blob.Length, WindowSize)];
        var plaintext = _plaintext.AsMemory(0, blob.Length - BlobPrefix.Overhead);
        if (!lane.TryOpenSealed(pack, new(entry.Id, entry.Offset, entry.Length, shape), blob.Span, plaintext.Span, out _)) return false;
        await (shape.IsNode ? nodes : chunks).AddSealedAsync(entry.Id, shape, plaintext, cancellation).ConfigureAwait(false);
        CopiedBytes += blob.Length;
        return true;
    }
}
