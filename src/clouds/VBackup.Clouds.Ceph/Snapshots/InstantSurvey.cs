using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Snapshots;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>What an image has of snapshots, and which group it is in.</summary>
internal sealed record ImageFindings(RbdPath Path, List<ImageSnapshot> Snapshots, GroupName? Group)
{
    public bool Has(string snapshot) => Snapshots.Exists(found => found is { Group: null, IsUsual: true } && found.Name == snapshot);
}

/// <summary>What a group of ours holds.</summary>
internal sealed record GroupFindings(GroupName Name, string Namespace, List<GroupMember> Members, Dictionary<string, bool> Snapshots)
{
    /// <summary>Its members are those that it was made for.</summary>
    public bool IsUnchanged =>
        Members.TrueForAll(member => member.IsAttached) && RbdGroup.NameFor(Members.Select(member => member.Path)) == Name.Name;
}

/// <summary>Part or all of what makes an instant.</summary>
/// <param name="Group">Null for one volume alone, or when there is nothing but snapshots taken before.</param>
internal sealed record FoundInstant(Instant Instant, GroupFindings? Group, IReadOnlyList<RbdPath> Paths);

/// <summary>Everything that there is of snapshots of ours on some images and on those that share a group with them.</summary>
internal sealed class InstantSurvey
{
    private readonly Dictionary<RbdPath, ImageFindings?> _images = [];
    private readonly Dictionary<GroupName, GroupFindings> _groups = [];

    private InstantSurvey() { }

    /// <summary>Images that are not there are passed over.</summary>
    public static InstantSurvey Of(CephConnection connection, IEnumerable<RbdPath> paths)
    {
        var survey = new InstantSurvey();
        var open = new Queue<RbdPath>(paths);
        while (open.TryDequeue(out var path))
        {
            if (survey._images.ContainsKey(path)) continue;
            var image = Look(connection, path);
            survey._images.Add(path, image);
            if (image is null) continue;
            // An image may carry snapshots of a group that it was taken out of.
            var groups = image.Snapshots.Select(snapshot => snapshot.Group).Append(image.Group).OfType<GroupName>().Distinct();
            foreach (var name in groups)
            {
                using var group = RbdGroup.Open(connection, name, path.Namespace);
                if (!group.IsOurs || survey._groups.ContainsKey(name)) continue;
                var members = group.Members();
                survey._groups.Add(name, new(name, path.Namespace, members, group.Snapshots()));
                foreach (var member in members) open.Enqueue(member.Path);
            }
        }
        return survey;
    }

    private static ImageFindings? Look(CephConnection connection, RbdPath path)
    {
        try
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            return new(path, image.Snapshots(), image.Group());
        }
        catch (CloudException e) when (e.Failure == CloudFailure.NotFound)
        {
            return null;
        }
    }

    public ImageFindings? Image(RbdPath path) => _images[path];

    public IEnumerable<GroupFindings> Groups => _groups.Values;

    public IEnumerable<ImageFindings> Images => _images.Values.OfType<ImageFindings>();

    /// <summary>Oldest first.</summary>
    public List<FoundInstant> Instants()
    {
        var found = new List<FoundInstant>();
        foreach (var group in _groups.Values)
        {
            var names = group.Snapshots.Keys
                .Concat(Images.SelectMany(image => image.Snapshots).Where(part => part.Group == group.Name).Select(part => part.Name))
                .Distinct();
            foreach (var name in names) found.Add(OfGroup(name, group));
        }
        foreach (var image in Images)
            foreach (var snapshot in image.Snapshots.Where(snapshot => snapshot is { Group: null, IsUsual: true }))
                if (SnapshotNames.InstantOfAlone(snapshot.Name) is { } alone)
                    found.Add(new(new(alone, InstantKind.OneVolume, snapshot.TakenAt, [image.Path.Volume], true), null, [image.Path]));
        AddTakenBefore(found);
        found.Sort((left, right) => left.Instant.TakenAt.CompareTo(right.Instant.TakenAt));
        return found;
    }

    private FoundInstant OfGroup(string name, GroupFindings group)
    {
        var parts = Images
            .Select(image => (image.Path, Part: image.Snapshots.Find(part => part.Name == name && part.Group == group.Name)))
            .ToList();
        var taken = parts.Where(part => part.Part is not null).ToList();
        var paths = group.Members.Select(member => member.Path)
            .Concat(taken.Select(part => part.Path))
            .Concat(Images.Where(image => image.Has(SnapshotNames.Before(name)) && (image.Group is null || image.Group == group.Name))
                .Select(image => image.Path))
            .Distinct().OrderBy(path => path.ToString(), StringComparer.Ordinal).ToList();
        // Removing begins with the snapshots taken before: what lacks one is half gone.
        var isComplete = group.Snapshots.GetValueOrDefault(name) && group.IsUnchanged && paths.TrueForAll(path =>
            taken.Exists(part => part.Path == path) && (_images.GetValueOrDefault(path)?.Has(SnapshotNames.Before(name)) ?? false));
        var takenAt = taken.Count > 0 ? taken.Max(part => part.Part!.TakenAt) : TimeTakenBefore(name) ?? DateTimeOffset.UnixEpoch;
        return new(new(name, InstantKind.Group, takenAt, [.. paths.Select(path => path.Volume)], isComplete), group, paths);
    }

    // A taking that was cut short before the group's snapshot was there.
    private void AddTakenBefore(List<FoundInstant> found)
    {
        var known = found.Where(instant => instant.Instant.Kind == InstantKind.Group).Select(instant => instant.Instant.Name).ToHashSet();
        var alone = Images
            .SelectMany(image => image.Snapshots.Where(snapshot => snapshot is { Group: null, IsUsual: true })
                .Select(snapshot => (image.Path, Instant: SnapshotNames.InstantOfBefore(snapshot.Name))))
            .Where(part => part.Instant is not null && !known.Contains(part.Instant))
            .GroupBy(part => part.Instant!, part => part.Path)
            .ToList();
        foreach (var part in alone)
        {
            List<RbdPath> paths = [.. part.OrderBy(path => path.ToString(), StringComparer.Ordinal)];
            var instant = new Instant(part.Key, InstantKind.Group, TimeTakenBefore(part.Key)!.Value,
                [.. paths.Select(path => path.Volume)], IsComplete: false);
            found.Add(new(instant, null, paths));
        }
    }

    private DateTimeOffset? TimeTakenBefore(string instant)
    {
        var times = Images.SelectMany(image => image.Snapshots)
            .Where(snapshot => snapshot.Group is null && snapshot.Name == SnapshotNames.Before(instant))
            .Select(snapshot => snapshot.TakenAt).ToList();
        return times.Count == 0 ? null : times.Max();
    }
}
