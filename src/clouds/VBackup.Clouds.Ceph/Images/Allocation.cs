using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>Where an image, or the snapshot that it looks at, may hold something else than zeros.</summary>
internal static class Allocation
{
    // Without an object map each object is asked for: the first answer must not take minutes.
    private const long WindowBytes = 8L << 30;

    /// <summary>Lazily, and blocking: each disk that is asked answers within its time limit, or the enumeration fails.</summary>
    public static IEnumerable<Extent> Of(RbdImage image, Lock oneAtATime, long lengthBytes, long from)
    {
        var found = new List<Extent>();
        for (var start = from; start < lengthBytes;)
        {
            var window = new Extent(start, Math.Min(WindowBytes, lengthBytes - start));
            found.Clear();
            // Whole objects, where the object map is to be trusted; otherwise the disks themselves are asked.
            lock (oneAtATime) image.AddDifferences(null, window, isWholeObjects: !image.IsTrackingInvalid, found);
            foreach (var extent in ExtentRuns.Joined(found, window)) yield return extent;
            start = window.End;
        }
    }
}
