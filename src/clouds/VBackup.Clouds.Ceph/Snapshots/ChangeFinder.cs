using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Snapshots;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>Finds what changed in an image from a snapshot of its own to the snapshot that it looks at.</summary>
internal static class ChangeFinder
{
    // Objects beside each other are asked for in parallel, those far apart one after the other: small gaps are asked through.
    private const int GapObjects = 8;

    /// <summary>REQUIRES: the image is open for reading only, and nobody else uses it.</summary>
    /// <param name="from">From which differences are counted: the base, or a snapshot taken just before it.</param>
    /// <param name="basis">The base itself. What was written between the two, and was gone again before <paramref name="to"/>, is no
    /// difference of <paramref name="from"/> and <paramref name="to"/>; so their own differences are changes too.</param>
    public static ChangeAnswer Find(RbdImage image, ImageSnapshot from, ImageSnapshot basis, ImageSnapshot to)
    {
        if (from.LengthBytes != to.LengthBytes || basis.LengthBytes != to.LengthBytes)
            return new ChangeAnswer.Lost(
                $"the volume's length changed from {basis.LengthBytes} to {to.LengthBytes} bytes since the last backup");
        if (from.Id > basis.Id)
            return new ChangeAnswer.Lost("a snapshot that is taken before the last backup's is newer than that: it was made anew");
        if (basis.Id > to.Id) return new ChangeAnswer.Lost("the last backup's snapshot is newer than this one's");
        var newestBefore = image.RolledBackAfter();
        if (from.Id <= newestBefore && to.Id > newestBefore)
            return new ChangeAnswer.Lost("the volume was rolled back to a snapshot since the last backup");
        var whole = new Extent(0, to.LengthBytes);
        var isTracked = IsTracked(image, from, to);
        var changes = new List<Extent>();
        if (basis.Id != from.Id)
        {
            image.LookAt(basis.Id);
            AddDifferences(image, from, whole, isTracked, changes, present: null);
        }
        image.LookAt(to.Id);
        var present = new List<Extent>();
        AddDifferences(image, from, whole, isTracked, changes, present);
        if (!isTracked) return Known(changes, whole);
        // What the map lacks is not told, and would be read as zeros. A full looks at each object.
        if (Allocation.FirstOutsideOfMap(image, ExtentRuns.Joined(present, whole), whole) is { } lacking)
            return new ChangeAnswer.Lost($"the object map of {image.Subject} is wrong: it lacks the data at {lacking.Offset}");
        return Known(changes, whole);
    }

    private static void AddDifferences(
        RbdImage image, ImageSnapshot from, Extent whole, bool isTracked, List<Extent> changes, List<Extent>? present)
    {
        if (!isTracked)
        {
            // The disks' own records of each object do not depend on the object map. Slow, but right.
            image.AddDifferences(from.Name, whole, isWholeObjects: false, changes);
            return;
        }
        var objects = new List<Extent>();
        image.AddDifferences(from.Name, whole, isWholeObjects: true, objects);
        foreach (var run in ExtentRuns.Joined(objects, whole, GapObjects * image.ObjectSizeBytes))
            image.AddDifferences(from.Name, run, isWholeObjects: false, changes, present);
    }

    private static ChangeAnswer.Known Known(List<Extent> changes, Extent whole) =>
        new(Extents.Checked(ExtentRuns.Joined(changes, whole), whole.Length));

    // The map of each snapshot from the one to the other has a part in the answer, and the present's tells whether writers
    // kept it up at all.
    private static bool IsTracked(RbdImage image, ImageSnapshot from, ImageSnapshot to)
    {
        if (!image.HasFastDiff) return false;
        image.LookAt(null);
        if (image.IsTrackingInvalid) return false;
        foreach (var snapshot in image.Snapshots())
        {
            if (snapshot.Id < from.Id || snapshot.Id > to.Id) continue;
            image.LookAt(snapshot.Id);
            if (image.IsTrackingInvalid) return false;
        }
        return true;
    }
}
