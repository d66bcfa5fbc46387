namespace VBackup.Primitives;

/// <summary>Ranges of a volume, ordered, apart from each other, within its length.</summary>
public sealed class Extents
{
    private Extents(IReadOnlyList<Extent> ranges) => Ranges = ranges;

    /// <summary>Ordered by offset; none empty, none overlapping.</summary>
    public IReadOnlyList<Extent> Ranges { get; }

    /// <summary>The bytes that the ranges hold.</summary>
    public long TotalLength
    {
        get
        {
            long total = 0;
            foreach (var range in Ranges) total += range.Length;
            return total;
        }
    }

    /// <summary>Sorts and checks ranges that came from outside.</summary>
    /// <param name="volumeLengthBytes">Nothing may reach past this.</param>
    /// <exception cref="FormatException">Says in one line which range is wrong and why.</exception>
    public static Extents Checked(IEnumerable<Extent> ranges, long volumeLengthBytes)
    {
        List<Extent> sorted = [.. ranges];
        sorted.Sort((left, right) => left.Offset.CompareTo(right.Offset));
        long end = 0;
        foreach (var range in sorted)
        {
            if (range.Offset < 0 || range.Length <= 0)
                throw new FormatException(
                    $"the extent at {range.Offset} of {range.Length} bytes is not a range: offset must be 0 or more, length 1 or more");
            if (range.Length > volumeLengthBytes - range.Offset)
                throw new FormatException(
                    $"the extent at {range.Offset} of {range.Length} bytes reaches past the volume's end at {volumeLengthBytes}");
            if (range.Offset < end)
                throw new FormatException($"the extent at {range.Offset} of {range.Length} bytes overlaps the one before it");
            end = range.End;
        }
        return new(sorted);
    }

    /// <summary>Orders ranges, and makes one of those that touch or overlap.</summary>
    public static IReadOnlyList<Extent> Merged(IEnumerable<Extent> ranges)
    {
        List<Extent> merged = [];
        foreach (var range in ranges.OrderBy(range => range.Offset))
        {
            if (merged.Count > 0 && merged[^1] is var last && range.Offset <= last.End)
                merged[^1] = last with { Length = Math.Max(last.End, range.End) - last.Offset };
            else merged.Add(range);
        }
        return merged;
    }
}
