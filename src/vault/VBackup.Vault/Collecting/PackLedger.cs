using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;

namespace VBackup.Vault.Collecting;

/// <summary>
/// How much of each pack is live, by one mark and one survey. Of several copies of a live chunk one counts: the one in the
/// usable pack with the least id, so that two collectors prefer the same.
/// </summary>
internal sealed class PackLedger
{
    /// <summary>Entries of the index that are in memory at once while it is read in parts.</summary>
    public const int EntriesPerPart = 200_000;

    private readonly PackTable _packs;
    private readonly long[] _liveBytes;
    private readonly int[] _liveEntries;

    private PackLedger(PackTable packs)
    {
        _packs = packs;
        _liveBytes = new long[packs.Count];
        _liveEntries = new int[packs.Count];
    }

    public long LiveBytes(int pack) => pack < _liveBytes.Length ? _liveBytes[pack] : 0;

    public int LiveEntries(int pack) => pack < _liveEntries.Length ? _liveEntries[pack] : 0;

    /// <param name="orphaned">Packs condemned by collectors that are no longer registered; their live chunks have no other home.</param>
    public static PackLedger Read(VaultSurvey survey, LiveMark mark, IReadOnlySet<int> orphaned)
    {
        var ledger = new PackLedger(survey.Packs);
        List<IndexEntry> entries = [];
        foreach (var (first, last) in survey.Index.Parts(EntriesPerPart))
        {
            survey.Index.ReadRange(first, last, entries);
            for (var at = 0; at < entries.Count;)
            {
                var end = EndOfId(entries, at);
                if (mark.Live.MayContain(entries[at].Id) && ledger.Keeper(entries, at, end, orphaned) is var keeper && keeper >= 0)
                {
                    ledger._liveBytes[entries[keeper].Pack] += entries[keeper].Length;
                    ledger._liveEntries[entries[keeper].Pack]++;
                }
                at = end;
            }
        }
        return ledger;
    }

    /// <summary>Packs that nothing needs. Those that joined the table later (rewriting makes new ones) are not judged.</summary>
    public List<int> Dead() =>
        [.. Enumerable.Range(0, _liveBytes.Length).Where(pack => _packs.IsUsable(pack) && LiveBytes(pack) == 0)];

    /// <summary>Packs worth rewriting: too little of them is live, or all in all too much is dead, or many are small.</summary>
    public List<int> Wasteful(CollectorOptions options, int packSizeTarget)
    {
        List<int> living = [.. Enumerable.Range(0, _liveBytes.Length).Where(pack => _packs.IsUsable(pack) && LiveBytes(pack) > 0)];
        living.Sort((left, right) => Share(left).CompareTo(Share(right)));
        var total = living.Sum(pack => _packs.At(pack).LengthBytes);
        var waste = living.Sum(Waste);
        List<int> chosen = [];
        var next = 0;
        while (next < living.Count
            && (Share(living[next]) < options.RewriteBelow || (waste > options.WasteMax * total && Waste(living[next]) > 0)))
        {
            var pack = living[next++];
            chosen.Add(pack);
            waste -= Waste(pack);
            total -= Waste(pack);
        }
        // A pack can also be full of many tiny blobs.
        List<int> small = [.. living.Skip(next).Where(pack =>
            _packs.At(pack).LengthBytes < packSizeTarget / 4 && LiveEntries(pack) < FormatLimits.PackBlobsMax / 4)];
        // Only when they fill a pack: else every collection would rewrite the same few again.
        if (small.Count > 4 && small.Sum(pack => _packs.At(pack).LengthBytes) >= packSizeTarget) chosen.AddRange(small);
        return chosen;
    }

    /// <summary>Bytes of packs that remain usable, and how much of them is dead.</summary>
    public (long Total, long Waste) Totals(Func<int, bool> remains)
    {
        long total = 0, waste = 0;
        for (var pack = 0; pack < _packs.Count; pack++)
        {
            if (!_packs.At(pack).IsPresent || !remains(pack)) continue;
            total += _packs.At(pack).LengthBytes;
            waste += Waste(pack);
        }
        return (total, waste);
    }

    public static int EndOfId(List<IndexEntry> entries, int start)
    {
        var end = start + 1;
        while (end < entries.Count && entries[end].Id == entries[start].Id) end++;
        return end;
    }

    // The header and the footer are no waste: a pack cannot be without them.
    private long Waste(int pack) => Math.Max(0, _packs.At(pack).LengthBytes - LiveBytes(pack) - Overhead(pack));

    private double Share(int pack) =>
        (double)(LiveBytes(pack) + Overhead(pack)) / Math.Max(1, _packs.At(pack).LengthBytes);

    private long Overhead(int pack) => ObjectHeader.Size + PackFooter.Size(LiveEntries(pack));

    private int Keeper(List<IndexEntry> entries, int start, int end, IReadOnlySet<int> orphaned)
    {
        var keeper = -1;
        for (var at = start; at < end; at++)
        {
            var pack = entries[at].Pack;
            if (!_packs.IsUsable(pack) && !(orphaned.Contains(pack) && _packs.At(pack).IsPresent)) continue;
            if (keeper < 0 || Rank(pack, orphaned).CompareTo(Rank(entries[keeper].Pack, orphaned)) < 0) keeper = at;
        }
        return keeper;
    }

    private (bool, Bytes32) Rank(int pack, IReadOnlySet<int> orphaned) => (orphaned.Contains(pack), _packs[pack].Value);
}
