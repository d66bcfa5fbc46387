using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>
/// Chooses chunks that a change tracker calls unchanged, to be compared with the base: change tracking has silently missed data
/// in the field. The candidates are divided into as many equal parts as chunks are to be taken, and one is taken from each at
/// random. So a fault that hit f of N candidates is caught by n of them with a probability of at least 1 − (1 − f/N)^n, and with more the
/// closer together its chunks lie. The same is done, by objects, for what the storage's map calls absent. Nothing is held in memory but
/// the walk over the ranges.
/// </summary>
public static class ChangeSample
{
    /// <summary>At least so many chunks are taken, where there are as many.</summary>
    public const int ChunksMin = 256;

    /// <summary>At least one of so many candidates is taken.</summary>
    public const int CandidatesPerChunk = 100;

    /// <summary>How many are taken from <paramref name="candidates"/>.</summary>
    public static long SizeFor(long candidates) =>
        Math.Min(candidates, Math.Max(ChunksMin, (candidates + CandidatesPerChunk - 1) / CandidatesPerChunk));

    /// <summary>The chunks to compare, as ranges: ordered and apart.</summary>
    /// <param name="allocated">What the volume may hold beside zeros now; walked twice.</param>
    /// <param name="changed">What changed since the base, as the tracker says. Chunks that it touches are no candidates.</param>
    public static IEnumerable<Extent> Choose(IEnumerable<Extent> allocated, Extents changed, TreeShape shape, Random random) =>
        Choose(allocated, changed, shape.ChunkSize, shape.LengthBytes, random);

    /// <summary>Units to ask the storage's disks for, out of those that its map calls absent and in which it tells of no change: what it
    /// lacks can be neither in the first kind of sample nor in the changes.</summary>
    /// <param name="allocated">As the map tells it; walked twice.</param>
    /// <param name="changed">As the tracker tells it.</param>
    /// <param name="unitBytes">What the map speaks of.</param>
    public static IEnumerable<Extent> ChooseAbsent(
        IEnumerable<Extent> allocated, Extents changed, int unitBytes, long lengthBytes, Random random) =>
        Choose(Gaps(allocated, unitBytes, lengthBytes), changed, unitBytes, lengthBytes, random);

    private static IEnumerable<Extent> Choose(
        IEnumerable<Extent> among, Extents changed, int unitBytes, long lengthBytes, Random random)
    {
        var total = Candidates(among, changed, unitBytes).Sum(run => run.End - run.First);
        using var runs = Candidates(among, changed, unitBytes).GetEnumerator();
        long before = 0, first = 0, end = 0; // Candidates of the runs that are behind us, and the run that we are in.
        foreach (var pick in Picks(total, SizeFor(total), random))
        {
            while (pick >= before + (end - first))
            {
                before += end - first;
                // A source whose ranges became fewer meanwhile has no more to offer.
                if (!runs.MoveNext()) yield break;
                (first, end) = runs.Current;
            }
            var offset = (first + (pick - before)) * unitBytes;
            yield return new(offset, Math.Min(unitBytes, lengthBytes - offset));
        }
    }

    private static IEnumerable<long> Picks(long total, long count, Random random)
    {
        for (long part = 0; part < count; part++)
            // The product may need more than 64 bits.
            yield return random.NextInt64((long)((Int128)part * total / count), (long)((Int128)(part + 1) * total / count));
    }

    /// <summary>The whole units that no range touches: ordered and apart.</summary>
    private static IEnumerable<Extent> Gaps(IEnumerable<Extent> ranges, int unitBytes, long lengthBytes)
    {
        long next = 0;
        foreach (var range in ranges)
        {
            if (range.Length == 0) continue;
            var start = range.Offset / unitBytes * unitBytes;
            if (start > next) yield return new(next, start - next);
            next = Math.Max(next, ((range.End - 1) / unitBytes + 1) * unitBytes);
        }
        if (next < lengthBytes) yield return new(next, lengthBytes - next);
    }

    /// <summary>Runs of units that some ranges touch and no change does: ordered and apart.</summary>
    private static IEnumerable<(long First, long End)> Candidates(IEnumerable<Extent> among, Extents changed, int unitBytes)
    {
        var changes = changed.Ranges;
        var change = 0;
        long next = 0; // Chunks before this were handed out or passed over.
        foreach (var range in among)
        {
            if (range.Length == 0) continue;
            next = Math.Max(next, range.Offset / unitBytes);
            var end = (range.End - 1) / unitBytes + 1;
            while (next < end)
            {
                while (change < changes.Count && (changes[change].End - 1) / unitBytes < next) change++;
                var stop = change < changes.Count ? Math.Min(changes[change].Offset / unitBytes, end) : end;
                if (stop > next) yield return (next, stop);
                next = stop < end ? (changes[change].End - 1) / unitBytes + 1 : end;
            }
        }
    }
}
