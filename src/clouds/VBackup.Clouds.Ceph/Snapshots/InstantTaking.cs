using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Snapshots;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>
/// Takes an instant, or finishes one whose taking was cut short. Order: group → its members → a snapshot of each image (before)
/// → the group's snapshot. A snapshot taken before that an earlier attempt left is kept: it is older than need be, so more counts as
/// written between the two. Blocking.
/// </summary>
internal sealed class InstantTaking(
    CephConnection connection, string name, RbdPath[] paths, Action<string> step, CancellationToken cancellation)
{
    /// <summary>All that need not be done while the guest stands still. What it holds (<see cref="GroupHold"/>) is let go by
    /// <see cref="Finish"/>, or by the failure of a step.</summary>
    /// <returns>Whether the instant is there already.</returns>
    /// <exception cref="GroupHeldException">Somebody else is at it: nothing was begun.</exception>
    public bool Prepare() => OrLetGo(PrepareSteps);

    private bool PrepareSteps()
    {
        var survey = InstantSurvey.Of(connection, paths);
        if (paths.FirstOrDefault(path => survey.Image(path) is null) is { Image: not null } missing)
            throw CephFailure.Of(CephFailure.NoSuchThing, "take", missing.ToString());
        var there = survey.Instants().Where(found => found.Instant.Name == name && found.Paths.Any(paths.Contains)).ToList();
        foreach (var found in there)
        {
            var isSame = found.Instant.Kind == (paths.Length == 1 ? InstantKind.OneVolume : InstantKind.Group)
                && found.Paths.All(paths.Contains)
                && (found.Group is null || found.Group.Name.Name == RbdGroup.NameFor(paths));
            if (!isSame)
                throw new CloudException(CloudFailure.Exists, "take", $"{string.Join(", ", paths)}@{name}",
                    $"the name belongs to {string.Join(", ", found.Paths)}: remove that instant first, or take another name");
            if (found.Instant.IsComplete) return true;
        }
        foreach (var path in paths) RefuseRewritten(path);
        if (paths.Length > 1) PrepareGroup(survey, there.Find(found => found.Group is not null));
        return false;
    }

    // A group's snapshot needs the lock of every image that has exclusive-lock, which a restore in place does not give away. Others, and
    // a snapshot of one image, need none, and would have half of what was and half of what will be.
    private void RefuseRewritten(RbdPath path)
    {
        using var image = RbdImage.Open(connection, path, isReadOnly: true);
        if (image.SignedBy() is { } writer && image.Watchers().Exists(watcher => watcher.ClientId == writer.ClientId))
            throw new CloudException(CloudFailure.InUse, "take", path.ToString(), $"client.{writer.ClientId} writes to it for a restore: "
                + "wait until that is done; if it was killed, Ceph forgets it after half a minute: try again then");
    }

    /// <summary>The instant itself. REQUIRES: it was prepared.</summary>
    public void TakeNow() => OrLetGo(() =>
    {
        TakeStep();
        return true;
    });

    private void TakeStep()
    {
        if (paths.Length == 1)
        {
            // Since it was prepared, a restore may have begun.
            RefuseRewritten(paths[0]);
            using var image = RbdImage.Open(connection, paths[0], isReadOnly: false);
            Step($"snapshot {paths[0]}");
            image.TakeSnapshot(SnapshotNames.Alone(name));
            return;
        }
        using var group = OpenGroup();
        Step("snapshot the group");
        group.TakeSnapshot(name);
    }

    /// <summary>What was taken, if it is there in full.</summary>
    /// <param name="wasThere">Before it was prepared: then nothing is held.</param>
    public Instant Finish(bool wasThere)
    {
        if (wasThere || paths.Length == 1) return FindTaken();
        var taken = OrLetGo(() =>
        {
            var found = FindTaken();
            // Somebody who took the group for one that was left may have found it empty, and be about to remove it with all that it has.
            foreach (var path in paths) RequireHeld(path);
            return found;
        });
        LetGo();
        return taken;
    }

    private Instant FindTaken()
    {
        // One may have begun while it was taken.
        foreach (var path in paths) RefuseRewritten(path);
        return InstantSurvey.Of(connection, paths).Instants()
            .FirstOrDefault(found => found.Instant.Name == name && found.Instant.IsComplete && found.Paths.All(paths.Contains))?.Instant
            ?? throw new CloudException(CloudFailure.Other, "take", $"{string.Join(", ", paths)}@{name}",
                "the snapshot was taken, and is not there in full: somebody else changes these volumes' snapshots");
    }

    private void RequireHeld(RbdPath path)
    {
        using var image = RbdImage.Open(connection, path, isReadOnly: true);
        if (!GroupHold.StillHolds(image, name))
            throw new CloudException(CloudFailure.InUse, "take", path.ToString(), "taking the snapshot took longer than "
                + $"{GroupHold.Limit.TotalSeconds:0} s after it was prepared, so that somebody else may remove it: try again");
    }

    private T OrLetGo<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        // A cluster that does not answer is not asked once more: what is held ends by itself.
        catch (Exception failure) when (paths.Length > 1 && failure is not CloudException { Failure: CloudFailure.TimedOut })
        {
            LetGo();
            throw;
        }
    }

    // What cannot be let go ends by itself, and no instant is worse for it.
    private void LetGo()
    {
        foreach (var path in paths)
        {
            try
            {
                using var image = RbdImage.Open(connection, path, isReadOnly: true);
                GroupHold.LetGo(image, name);
            }
            catch (CloudException)
            {
                continue;
            }
        }
    }

    private RbdGroup OpenGroup() => RbdGroup.Open(
        connection, new(connection.PoolId(paths[0].Pool), RbdGroup.NameFor(paths)), paths[0].Namespace);

    private void PrepareGroup(InstantSurvey survey, FoundInstant? unfinished)
    {
        if (paths.Any(path => path.Namespace != paths[0].Namespace))
            throw new CloudException(CloudFailure.NotSupported, "take", string.Join(", ", paths),
                "volumes in different namespaces cannot be taken at one instant");
        using var opened = new OpenImages(connection, paths);
        using var group = OpenGroup();
        foreach (var image in opened.Images) LetGoOfOtherGroup(image, group.Name, survey);
        foreach (var image in opened.Images)
            if (!GroupHold.TryHold(image, name)) throw new GroupHeldException(image.Subject, "somebody removes a group that it was in");
        // Between the last look and the hold somebody may have been quicker.
        foreach (var image in opened.Images)
            if (image.Group() is { } other && other != group.Name) throw BeingTaken(image);
        Step("create the group");
        group.Create();
        var members = group.Members();
        foreach (var image in opened.Images)
        {
            if (members.Exists(member => member.Path == image.Path && member.IsAttached) && image.Group() == group.Name) continue;
            Step($"add {image.Subject} to the group");
            group.Add(image);
        }
        if (!new GroupFindings(group.Name, "", group.Members(), []).IsUnchanged)
            throw new CloudException(CloudFailure.InUse, "take", $"group {group.Name.Name}",
                "somebody else changed the group's members: remove it, and try again");
        foreach (var image in opened.Images)
        {
            Step($"snapshot {image.Subject}, before");
            image.TakeSnapshot(SnapshotNames.Before(name));
        }
        if (unfinished is null) return;
        Step("remove the unfinished snapshot of the group");
        group.RemoveSnapshot(name);
    }

    private void LetGoOfOtherGroup(RbdImage image, GroupName ours, InstantSurvey survey)
    {
        if (image.Group() is not { } current || current == ours) return;
        using var other = RbdGroup.Open(connection, current, image.Path.Namespace);
        if (!other.IsOurs)
            throw new CloudException(CloudFailure.InUse, "take", image.Subject,
                $"it belongs to the group {current.Name}, which is not vBackup's, and an image can be in one group only: " +
                "take it out of that group, or snapshot it alone");
        var snapshots = other.Snapshots();
        if (snapshots.Count > 0) throw HeldTogether(image.Path, survey, current, snapshots.Keys);
        // What a taking or removing that was cut short left.
        if (!other.RemoveIfLeft(name, Step)) throw BeingTaken(image);
    }

    private static GroupHeldException BeingTaken(RbdImage image) =>
        new(image.Subject, "a snapshot of it and others is being taken by somebody else: try again in a moment");

    /// <summary>Instants of this image and others keep it from being taken with just its companions.</summary>
    public static CloudException HeldTogether(RbdPath path, InstantSurvey survey, GroupName group, IEnumerable<string> instants) =>
        new(CloudFailure.InUse, "take", path.ToString(),
            $"it is held together with {string.Join(", ", Others(survey, group, path))} for {string.Join(", ", instants)}: remove those "
                + "instants first");

    private static IEnumerable<RbdPath> Others(InstantSurvey survey, GroupName group, RbdPath path) => survey.Groups
        .Where(found => found.Name == group).SelectMany(found => found.Members).Select(member => member.Path).Where(other => other != path);

    private void Step(string what)
    {
        cancellation.ThrowIfCancellationRequested();
        BoundedCalls.ThrowIfLeftAlone();
        step(what);
    }

    private sealed class OpenImages : IDisposable
    {
        public OpenImages(CephConnection connection, RbdPath[] paths)
        {
            try
            {
                foreach (var path in paths) Images.Add(RbdImage.Open(connection, path, isReadOnly: false));
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public List<RbdImage> Images { get; } = [];

        public void Dispose()
        {
            foreach (var image in Images) image.Dispose();
        }
    }
}
