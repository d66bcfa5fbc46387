using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>
/// Where an image, or the snapshot that it looks at, may hold something else than zeros: as the disks tell for each object. The
/// object map is not believed, as a wrong one would leave data out of a full, and nobody would know. But librbd believes it
/// when it reads, and gives zeros for what is not in it. So a map that lacks an object that is there fails the call.
/// </summary>
internal static class Allocation
{
    // Each object is asked for: the first answer must not take minutes, and whoever asks for a little shall not wait for much.
    private const long WindowBytesMax = 8L << 30;

    /// <summary>Lazily, and blocking: each disk that is asked answers within its time limit, or the enumeration fails.</summary>
    /// <param name="removesObjects">Whether this client has begun to: those go from the map first, and a slow disk has them for a while
    /// still. From then on the map is not looked at; whoever reads the image afterwards does so.</param>
    public static IEnumerable<Extent> Of(RbdImage image, Lock oneAtATime, long lengthBytes, long from, Func<bool>? removesObjects = null)
    {
        var found = new List<Extent>();
        long windowBytes = 0;
        for (var start = from; start < lengthBytes;)
        {
            lock (oneAtATime)
            {
                windowBytes = windowBytes == 0 ? image.ObjectSizeBytes : Math.Min(2 * windowBytes, WindowBytesMax);
                var window = new Extent(start, Math.Min(windowBytes, lengthBytes - start));
                found = InWindow(image, window, removesObjects);
                start = window.End;
            }
            foreach (var extent in found) yield return extent;
        }
    }

    /// <summary>By the object map where there is one that is not marked invalid.</summary>
    public static IEnumerable<Extent> ByMap(RbdImage image, Lock oneAtATime, long lengthBytes)
    {
        for (long start = 0; start < lengthBytes; start += WindowBytesMax)
        {
            List<Extent> found;
            var window = new Extent(start, Math.Min(WindowBytesMax, lengthBytes - start));
            lock (oneAtATime) found = Held(image, window, isWholeObjects: !image.IsTrackingInvalid);
            foreach (var extent in found) yield return extent;
        }
    }

    /// <summary>How much of the image the map says to be there, in whole objects; null without a map that is believed, and of a clone,
    /// whose parent may have none: then each object would have to be asked for.</summary>
    public static long? Told(RbdImage image, long lengthBytes) => !IsMapped(image) || image.ParentBytes > 0 ? null
        : Held(image, new(0, lengthBytes), isWholeObjects: true).Sum(extent => extent.Length);

    /// <summary>The objects that the map speaks of, in bytes; null when there is no map that is believed.</summary>
    public static int? UnitOfMap(RbdImage image, Lock oneAtATime)
    {
        lock (oneAtATime) return IsMapped(image) ? checked((int)image.ObjectSizeBytes) : null;
    }

    /// <summary>Whether the disks have anything in a range, in the map or not. Blocking.</summary>
    public static bool IsHeld(RbdImage image, Lock oneAtATime, Extent range)
    {
        lock (oneAtATime) return Held(image, range, isWholeObjects: false).Count > 0;
    }

    private static bool IsMapped(RbdImage image) => image.HasFastDiff && !image.IsTrackingInvalid;

    private static List<Extent> InWindow(RbdImage image, Extent window, Func<bool>? removesObjects)
    {
        var found = Held(image, window, isWholeObjects: false);
        // In this order: a writer puts an object into the map before the object is there.
        if (FirstOutsideOfMap(image, found, window) is not { } suspicious || removesObjects?.Invoke() == true) return found;
        // A writer may have discarded it meanwhile; then the disks do not have it any more either.
        if (Held(image, suspicious, isWholeObjects: false).Count == 0) return InWindow(image, window, removesObjects);
        throw WrongMap(image, suspicious);
    }

    /// <summary>What is told, or part of it, that librbd would read as zeros.</summary>
    /// <param name="held">Joined, in the window.</param>
    public static Extent? FirstOutsideOfMap(RbdImage image, List<Extent> held, Extent window)
    {
        if (held.Count == 0 || !IsMapped(image)) return null;
        var mapped = Held(image, window, isWholeObjects: true);
        var at = 0;
        foreach (var extent in held)
        {
            while (at < mapped.Count && mapped[at].End <= extent.Offset) at++;
            if (at == mapped.Count || mapped[at].Offset > extent.Offset) return extent;
            if (mapped[at].End < extent.End) return new(mapped[at].End, extent.End - mapped[at].End);
        }
        return null;
    }

    private static List<Extent> Held(RbdImage image, Extent window, bool isWholeObjects)
    {
        var held = new List<Extent>();
        image.AddDifferences(null, window, isWholeObjects, held);
        return ExtentRuns.Joined(held, window);
    }

    private static CloudException WrongMap(RbdImage image, Extent where) => new(CloudFailure.Other, "find data", image.Subject,
        $"its object map is wrong: it lacks the data at {where.Offset}, so that they read as zeros here and in the server; " +
        $"run: rbd object-map rebuild {image.Subject}, then try again");
}
