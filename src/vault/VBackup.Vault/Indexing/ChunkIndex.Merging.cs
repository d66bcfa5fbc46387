using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

/// <summary>
/// Looking for a chunk costs a block of every index object, and a run of a large volume makes thousands of them. So the local
/// copies are merged into few, smallest first, as a log-structured merge tree does (O'Neil and others, 1996). What the store
/// holds stays as it is: that is the collector's to merge.
/// </summary>
internal sealed partial class ChunkIndex
{
    /// <summary>Local copies to look into.</summary>
    private const int CopiesMax = 24;
    private const int MergedAtOnceMin = 16;
    private const int MergedAtOnceMax = 64;

    /// <summary>Entries in memory at once.</summary>
    private const int EntriesPerPart = 32 * 1024;

    private readonly List<IndexEntry> _part = [];

    /// <summary>REQUIRES: the lock is held; everything is in the spool.</summary>
    private void MergeWhileMany()
    {
        while (_objects.Count > CopiesMax)
        {
            _objects.Sort((left, right) => left.EntryCount.CompareTo(right.EntryCount));
            ForgetCachedBlocks();
            var merged = Merge(Math.Clamp(_objects.Count - CopiesMax / 2, MergedAtOnceMin, MergedAtOnceMax));
            _objects.Add(merged);
            ForgetCachedBlocks();
            _lastHit = 0;
        }
    }

    /// <summary>Takes the first objects out and puts their entries into the spool anew, in one order.</summary>
    private IndexObject Merge(int count)
    {
        var id = ObjectId.New(_vault.Runtime.FillRandom);
        using var cipher = new ObjectCipher(_vault.Keys, ObjectKind.Index, id);
        var start = _spoolLength;
        var sources = _objects[..count].ToHashSet();
        Dictionary<int, int> locals = [];
        List<int> packs = [];
        List<ulong> fences = [];
        var block = new IndexEntry[FormatLimits.IndexBlockEntries];
        var bytes = new byte[IndexCodec.BlockSizeMax];
        var inBlock = 0;
        long entries = 0;
        foreach (var (first, last) in PartsOf(sources.Sum(source => source.EntryCount), EntriesPerPart))
        {
            ReadRange(first, last, _part, sources.Contains);
            foreach (var entry in _part)
            {
                if (!locals.TryGetValue(entry.Pack, out var local))
                {
                    locals.Add(entry.Pack, local = packs.Count);
                    packs.Add(entry.Pack);
                }
                block[inBlock++] = entry with { Pack = local };
                if (inBlock == block.Length) Flush();
            }
        }
        if (inBlock > 0) Flush();
        _spoolLength = start + IndexCodec.BlockOffset(fences.Count);
        _objects.RemoveRange(0, count);
        return new(id, new(entries, [], [.. fences]), [.. packs], start);

        void Flush()
        {
            var length = IndexCodec.EncodeBlock(cipher, fences.Count, block.AsSpan(0, inBlock), bytes);
            RandomAccess.Write(_spool!, bytes.AsSpan(0, length), start + IndexCodec.BlockOffset(fences.Count));
            fences.Add(block[0].Id.Value.Prefix);
            entries += inBlock;
            inBlock = 0;
        }
    }

    private void ForgetCachedBlocks() => Array.Fill(_cached, (-1, -1));
}
