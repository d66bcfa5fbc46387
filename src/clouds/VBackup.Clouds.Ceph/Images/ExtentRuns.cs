using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Images;

internal static class ExtentRuns
{
    /// <summary>Sorts ranges that may touch and overlap, cuts them to a window, and joins what lies no further apart than
    /// <paramref name="gapMax"/>.</summary>
    public static List<Extent> Joined(List<Extent> ranges, Extent window, long gapMax = 0)
    {
        ranges.Sort((left, right) => left.Offset.CompareTo(right.Offset));
        var joined = new List<Extent>();
        foreach (var range in ranges)
        {
            var start = Math.Max(range.Offset, window.Offset);
            var end = Math.Min(range.End, window.End);
            if (start >= end) continue;
            if (joined.Count > 0 && start - joined[^1].End <= gapMax)
                joined[^1] = joined[^1] with { Length = Math.Max(joined[^1].End, end) - joined[^1].Offset };
            else
                joined.Add(new(start, end - start));
        }
        return joined;
    }
}
