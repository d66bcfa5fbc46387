using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

/// <summary>One index object: its fences in memory, its blocks in the store or in the spool.</summary>
internal sealed class IndexObject(ObjectId id, IndexFooter footer, int[] packs, long spoolOffset)
{
    public ObjectId Id { get; } = id;

    public string Name => ObjectNames.Index(Id);

    /// <summary>Whether the store has it; else it stands for a pack's footer.</summary>
    public bool IsStored { get; set; } = true;

    public long EntryCount => footer.EntryCount;

    public int BlockCount => footer.Fences.Length;

    public int PackCount => packs.Length;

    /// <summary>Where its bytes start in the spool; below 0 when it is read from the store.</summary>
    public long SpoolOffset { get; } = spoolOffset;

    public int EntriesIn(int block) => footer.EntriesIn(block);

    /// <summary>What an entry's ordinal means in the index's table of packs.</summary>
    public int PackOrdinal(int local) => packs[local];

    public IEnumerable<int> Packs => packs;

    /// <summary>The blocks that may hold ids with prefixes from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public (int From, int To) BlocksFor(ulong first, ulong last)
    {
        var fences = footer.Fences;
        // The block before the first fence at or past `first` may hold it too: ids of one prefix can span blocks.
        var from = LowerBound(fences, first);
        if (from > 0) from--;
        var to = from;
        while (to < fences.Length && fences[to] <= last) to++;
        return (from, to);
    }

    private static int LowerBound(ulong[] fences, ulong value)
    {
        int low = 0, high = fences.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (fences[middle] < value) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
