using System.Numerics;
using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>A leaf's part of the work: which of its 256 chunks are to be read.</summary>
internal struct LeafWork(long leaf)
{
    private ulong _0, _1, _2, _3;

    public long Leaf { get; } = leaf;

    public void Add(int first, int last)
    {
        for (var chunk = first; chunk <= last; chunk++) Word(chunk >> 6) |= 1ul << (chunk & 63);
    }

    public readonly bool Has(int chunk) => (ReadWord(chunk >> 6) & 1ul << (chunk & 63)) != 0;

    public readonly int Count =>
        BitOperations.PopCount(_0) + BitOperations.PopCount(_1) + BitOperations.PopCount(_2) + BitOperations.PopCount(_3);

    /// <summary>The next run of chunks at or after <paramref name="from"/>, at most <paramref name="most"/> long.</summary>
    /// <returns>False when there is none.</returns>
    public readonly bool TryNextRun(int from, int most, out int first, out int count)
    {
        first = from;
        while (first < FormatLimits.NodeChildren && !Has(first)) first++;
        count = 0;
        while (count < most && first + count < FormatLimits.NodeChildren && Has(first + count)) count++;
        return count > 0;
    }

    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    private ref ulong Word(int index)
    {
        switch (index)
        {
            case 0: return ref _0;
            case 1: return ref _1;
            case 2: return ref _2;
            default: return ref _3;
        }
    }

    private readonly ulong ReadWord(int index) => index switch { 0 => _0, 1 => _1, 2 => _2, _ => _3 };
}

/// <summary>Turns ranges of a volume into leaves and their chunks, one leaf after the other, without holding them all.</summary>
internal static class LeafPlan
{
    /// <param name="ranges">Ordered and apart, within the volume.</param>
    public static IEnumerable<LeafWork> Of(IEnumerable<Extent> ranges, TreeShape shape)
    {
        LeafWork? open = null;
        foreach (var range in ranges)
        {
            if (range.Length == 0) continue;
            var first = range.Offset / shape.ChunkSize;
            var last = (range.End - 1) / shape.ChunkSize;
            for (var leaf = first / FormatLimits.NodeChildren; leaf <= last / FormatLimits.NodeChildren; leaf++)
            {
                if (open is { } before && before.Leaf != leaf)
                {
                    yield return before;
                    open = null;
                }
                var work = open ?? new LeafWork(leaf);
                var start = leaf * FormatLimits.NodeChildren;
                work.Add((int)Math.Max(first - start, 0), (int)Math.Min(last - start, FormatLimits.NodeChildren - 1));
                open = work;
            }
        }
        if (open is { } rest) yield return rest;
    }
}
