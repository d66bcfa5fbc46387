using System.Globalization;
using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>Snapshots on Ceph: <see cref="SnapshotNames"/> says what an instant is made of. Thread-safe; two operations on
/// the same name at once are not foreseen.</summary>
internal sealed class CephSnapshots(CephStorage storage) : IVolumeSnapshots
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    /// <summary>For tests: called before each step that changes something; what it throws stands for a crash.</summary>
    public Action<string>? BeforeStep { get; set; }

    public Task<bool> HoldsStillAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var paths = Parsed(volumes);
        return storage.RunAsync("look at features", Subject(paths), connection => paths.Length == 1 || paths.All(path =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            return image.HasExclusiveLock;
        }), cancellation);
    }

    /// <summary>For how long somebody else who takes or removes an instant of the same images is waited for: as long as one who died is
    /// taken to be at it.</summary>
    public TimeSpan Patience { get; set; } = GroupHold.Limit;

    public async Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var prepared = await PrepareAsync(name, volumes, cancellation).ConfigureAwait(false);
        await prepared.TakeAsync(cancellation).ConfigureAwait(false);
        return await prepared.FinishAsync(cancellation).ConfigureAwait(false);
    }

    public async Task<IPreparedInstant> PrepareAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        SnapshotNames.Check(name);
        var paths = Parsed(volumes);
        await storage.Calls.WaitForLateAsync(WhatMakes(name), "prepare", cancellation).ConfigureAwait(false);
        var start = storage.Clock.GetTimestamp();
        while (true)
        {
            try
            {
                var isThere = await storage.RunAsync("prepare", Subject(paths),
                    connection => Taking(connection, name, paths, cancellation).Prepare(), cancellation, new(WhatMakes(name)))
                    .ConfigureAwait(false);
                return new Prepared(this, name, paths, isThere);
            }
            catch (GroupHeldException held)
            {
                if (storage.Clock.GetElapsedTime(start) >= Patience) throw held.AsFailure();
                await Task.Delay(s_pause, storage.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    private Task<T> OnCephAsync<T>(
        string operation, string subject, Func<CephConnection, T> work, Making? making, CancellationToken cancellation) =>
        storage.RunAsync(operation, subject, work, cancellation, making);

    private static string WhatMakes(string name) => $"the snapshot {name}";

    private InstantTaking Taking(CephConnection connection, string name, RbdPath[] paths, CancellationToken cancellation) =>
        new(connection, name, paths, Step, cancellation);

    private sealed class Prepared(CephSnapshots snapshots, string name, RbdPath[] paths, bool isThere) : IPreparedInstant
    {
        public Task TakeAsync(CancellationToken cancellation) => isThere ? Task.CompletedTask : RunAsync(taking =>
        {
            taking.TakeNow();
            return true;
        }, new(WhatMakes(name)), cancellation);

        public Task<Instant> FinishAsync(CancellationToken cancellation) =>
            RunAsync(taking => taking.Finish(wasThere: isThere), making: null, cancellation);

        private Task<T> RunAsync<T>(Func<InstantTaking, T> work, Making? making, CancellationToken cancellation) => snapshots.OnCephAsync(
            "take", Subject(paths), connection => work(snapshots.Taking(connection, name, paths, cancellation)), making, cancellation);
    }

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var paths = Parsed(volumes);
        return storage.RunAnewAsync<IReadOnlyList<Instant>>("list", Subject(paths), connection =>
            [.. InstantSurvey.Of(connection, paths).Instants()
                .Where(found => found.Paths.Any(paths.Contains)).Select(found => found.Instant)], cancellation);
    }

    public async Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        SnapshotNames.Check(name);
        var paths = Parsed(volumes);
        // One that is being taken by a call that nobody waited for would be there after it was removed.
        await storage.Calls.WaitForLateAsync(WhatMakes(name), "remove", cancellation).ConfigureAwait(false);
        // Whoever was shut out in the middle of a run is to leave nothing behind all the same.
        await storage.RunAnewAsync("remove", Subject(paths), connection =>
        {
            Remove(connection, name, paths, cancellation);
            return true;
        }, cancellation).ConfigureAwait(false);
    }

    private void Remove(CephConnection connection, string name, RbdPath[] paths, CancellationToken cancellation)
    {
        var survey = InstantSurvey.Of(connection, paths);
        foreach (var found in survey.Instants().Where(found => found.Instant.Name == name && found.Paths.Any(paths.Contains)))
        {
            // The snapshots taken before go first: without them the instant counts as incomplete, whenever this is cut short.
            foreach (var path in found.Paths)
                foreach (var snapshot in new[] { SnapshotNames.Before(name), SnapshotNames.Alone(name) })
                {
                    if (survey.Image(path) is not { } image || !image.Has(snapshot)) continue;
                    cancellation.ThrowIfCancellationRequested();
                    Step($"remove {path}@{snapshot}");
                    using var open = RbdImage.Open(connection, path, isReadOnly: false);
                    open.RemoveSnapshot(snapshot);
                }
            if (found.Group is null) continue;
            Step($"remove the group's snapshot {name}");
            using var group = RbdGroup.Open(connection, found.Group.Name, found.Group.Namespace);
            group.RemoveSnapshot(name);
        }
        // Also what an earlier removing left when it was cut short here. One that somebody is about to take an instant with is let be.
        foreach (var findings in survey.Groups)
        {
            foreach (var member in findings.Members)
            {
                if (survey.Image(member.Path) is null) continue;
                using var image = RbdImage.Open(connection, member.Path, isReadOnly: true);
                GroupHold.Break(image, name);
            }
            using var group = RbdGroup.Open(connection, findings.Name, findings.Namespace);
            if (group.Snapshots().Count == 0) _ = group.RemoveIfLeft(name, Step);
        }
    }

    public Task ReduceToBasesAsync(IReadOnlyCollection<string> names, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var paths = Parsed(volumes);
        // An image is in one group at most, and a volume alone needs none.
        return paths.Length == 1 || names.Count == 0 ? Task.CompletedTask
            : storage.RunAsync("reduce to a base", Subject(paths), connection =>
        {
            var survey = InstantSurvey.Of(connection, paths);
            foreach (var findings in survey.Groups)
                if (findings.Name.Name != RbdGroup.NameFor(paths)) GiveWay(connection, survey, findings, names, paths, cancellation);
            return true;
        }, cancellation);
    }

    private void GiveWay(CephConnection connection, InstantSurvey survey, GroupFindings findings, IReadOnlyCollection<string> names,
        RbdPath[] paths, CancellationToken cancellation)
    {
        using var group = RbdGroup.Open(connection, findings.Name, findings.Namespace);
        var held = group.Snapshots().Keys;
        if (held.Count == 0) return;
        if (!held.All(names.Contains))
        {
            // An image that was taken out of the group is not kept from another by what it has of it.
            if (Array.Find(paths, path => survey.Image(path)?.Group == findings.Name) is { Image: not null } path)
                throw InstantTaking.HeldTogether(path, survey, findings.Name, held);
            return;
        }
        // Without the group's snapshot those taken before serve nobody: nothing can be asked for of one alone.
        foreach (var name in held) Remove(connection, name, paths, cancellation);
    }

    public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation)
    {
        var path = storage.PathOf(volume);
        return storage.RunAsync<IVolumeReader>("open", $"{path}@{name}", connection => Open(connection, name, path), cancellation);
    }

    private CephVolumeReader Open(CephConnection connection, string name, RbdPath path)
    {
        _ = Complete(connection, name, path);
        var image = RbdImage.Open(connection, path, isReadOnly: true);
        try
        {
            var snapshot = PartOf(image.Snapshots(), name) ?? throw Missing(path, name);
            image.LookAt(snapshot.Id);
            return new(image, $"{path}@{name}", snapshot.LengthBytes, storage.Calls);
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static FoundInstant Complete(CephConnection connection, string name, RbdPath path)
    {
        var found = InstantSurvey.Of(connection, [path]).Instants()
            .FirstOrDefault(found => found.Instant.Name == name && found.Paths.Contains(path)) ?? throw Missing(path, name);
        return found.Instant.IsComplete
            ? found
            : throw new CloudException(CloudFailure.NotFound, "open", $"{path}@{name}",
                "the snapshot is incomplete, or its group was changed: it can only be removed");
    }

    /// <summary>Ceph tells nobody who has an image open for reading that its snapshot was removed: what was trimmed reads as zeros then.
    /// Trimming comes after the removal, so that one that is there at the end was there all the time.</summary>
    public Task RequireStillThereAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var paths = Parsed(volumes);
        return storage.RunAsync("look after reading", Subject(paths), connection =>
        {
            foreach (var path in paths) _ = Complete(connection, name, path);
            return true;
        }, cancellation);
    }

    private static CloudException Missing(RbdPath path, string name) =>
        new(CloudFailure.NotFound, "open", $"{path}@{name}", "there is no such snapshot");

    /// <summary>The snapshot that is the instant itself.</summary>
    private static ImageSnapshot? PartOf(List<ImageSnapshot> snapshots, string name) =>
        snapshots.Find(part => part.Group is not null && part.Name == name
            && part.Group.Name.StartsWith("vb.", StringComparison.Ordinal))
        ?? snapshots.Find(part => part is { Group: null, IsUsual: true } && part.Name == SnapshotNames.Alone(name));

    /// <summary>The snapshot from which differences are counted.</summary>
    private static ImageSnapshot? StartOf(List<ImageSnapshot> snapshots, string name) => snapshots.Find(part =>
        part is { Group: null, IsUsual: true } && (part.Name == SnapshotNames.Before(name) || part.Name == SnapshotNames.Alone(name)));

    public Task<string?> FindIdentityAsync(string name, VolumeId volume, CancellationToken cancellation)
    {
        var path = storage.PathOf(volume);
        return storage.RunAsync<string?>("look at", $"{path}@{name}", connection =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            var snapshots = image.Snapshots();
            return StartOf(snapshots, name) is { } from && PartOf(snapshots, name) is { } basis
                ? string.Create(CultureInfo.InvariantCulture, $"{from.Id}-{basis.Id}") : null;
        }, cancellation);
    }

    public Task<ChangeAnswer> FindChangesAsync(
        VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation)
    {
        var path = storage.PathOf(volume);
        return storage.RunAsync("find changes", $"{path}@{fromInstant}..{toInstant}", connection =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            var snapshots = image.Snapshots();
            var to = PartOf(snapshots, toInstant) ?? throw Missing(path, toInstant);
            if (StartOf(snapshots, fromInstant) is not { } from || PartOf(snapshots, fromInstant) is not { } basis)
                return new ChangeAnswer.Lost($"the last backup's snapshot {path}@{fromInstant} is gone, or was of other volumes too");
            var changes = ChangeFinder.Find(image, from, basis, to);
            // What is removed meanwhile takes with it what tells of changes.
            using var again = RbdImage.Open(connection, path, isReadOnly: true);
            var now = again.Snapshots();
            return StartOf(now, fromInstant)?.Id == from.Id && PartOf(now, fromInstant)?.Id == basis.Id
                ? changes : new ChangeAnswer.Lost($"the last backup's snapshot {path}@{fromInstant} was removed meanwhile");
        }, cancellation);
    }

    public async Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null)
    {
        var paths = Parsed(volumes);
        await storage.RunAsync("roll back", Subject(paths), connection =>
        {
            foreach (var path in paths) _ = Complete(connection, name, path);
            foreach (var path in paths) RefuseWatched(connection, path);
            return true;
        }, cancellation).ConfigureAwait(false);
        List<CephVolumeWriter> targets = [];
        try
        {
            // A restore that was left behind holds claims, and handles too where images have no lock: from here on it writes nothing.
            foreach (var path in paths)
                targets.Add(await storage.OpenRbdWriterAsync(path, new() { TakesOver = true }, cancellation).ConfigureAwait(false));
            List<VolumeRollback> plans = [];
            foreach (var target in targets)
                plans.Add(await PlanAsync(name, target, cancellation).ConfigureAwait(false));
            await RequireRoomAsync(plans, cancellation).ConfigureAwait(false);
            if (note is not null)
                foreach (var target in targets)
                    await KeepAsync(note, target, cancellation).ConfigureAwait(false);
            foreach (var plan in plans)
                await RollBackAsync(name, plan, cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var target in targets) await target.DisposeAsync().ConfigureAwait(false);
        }
    }

    // What is half written already stays so.
    private async Task KeepAsync(RestoreNote note, CephVolumeWriter target, CancellationToken cancellation)
    {
        var earlier = await storage.Calls.RunAsync("rbd_metadata_get", target.Description, target.Image.RestoreNoted, cancellation)
            .ConfigureAwait(false);
        if (string.IsNullOrEmpty(earlier)) await target.NoteRestoreAsync(note, cancellation).ConfigureAwait(false);
    }

    // Of what is written everything is new to the disks: the snapshots keep what was there.
    private async Task RequireRoomAsync(List<VolumeRollback> plans, CancellationToken cancellation)
    {
        Dictionary<string, (StorageRoom Room, long Bytes)> places = [];
        foreach (var plan in plans)
        {
            if (await storage.FindRoomAsync(plan.Target.Image.Path.Volume, cancellation).ConfigureAwait(false) is not { } room) continue;
            places[room.Place] = (room, plan.ChangedBytes + places.GetValueOrDefault(room.Place).Bytes);
        }
        foreach (var (place, (room, bytes)) in places)
            if (room.FreeBytes < bytes)
                throw new CloudException(CloudFailure.Full, "roll back", Subject([.. plans.Select(plan => plan.Target.Image.Path)]),
                    $"{bytes} bytes were changed since, and {place} has room for {room.FreeBytes}: make room first; nothing was changed");
    }

    // What differs is looked for by the writer's own client, which knows who was shut out, and so do the disks that it asks.
    private Task<VolumeRollback> PlanAsync(string name, CephVolumeWriter target, CancellationToken cancellation) =>
        storage.Calls.RunAsync("find changes", target.Description, () => SinceInstant(target, name), cancellation);

    // Ceph's own roll backs cannot be stopped, and one of a group is done by a client that nobody shuts out. What differs is written by the
    // volume's writer instead: it ends at once when a server is started, and whoever takes over shuts it out.
    private async Task RollBackAsync(string name, VolumeRollback plan, CancellationToken cancellation)
    {
        var (target, path) = (plan.Target, plan.Target.Image.Path);
        Step($"roll back {path} to {name}");
        var source = await OpenAsync(name, path.Volume, cancellation).ConfigureAwait(false);
        await using var closingSource = source.ConfigureAwait(false);
        await storage.Calls.RunAsync("rbd_metadata_set", path.ToString(), target.Image.NoteRollBack, cancellation).ConfigureAwait(false);
        await storage.Calls.RunAsync("resize", path.ToString(), () => target.Resize(plan.LengthBytes), cancellation).ConfigureAwait(false);
        await plan.CopyAsync(source, stop => RequireStillThereAsync(name, [path.Volume], stop), cancellation).ConfigureAwait(false);
    }

    // Everything that changed from the instant until now, by the disks' own records: the object map is not asked. What was written
    // between the snapshot before and the instant, and is gone again, is no difference of that snapshot and now. By windows, so that
    // memory is bounded however scattered the changes are.
    private static VolumeRollback SinceInstant(CephVolumeWriter target, string name)
    {
        const long windowBytes = 8L << 30, gapBytes = 1 << 20;
        var path = target.Image.Path;
        using var image = RbdImage.Open(target.Connection, path, isReadOnly: true);
        var snapshots = image.Snapshots();
        var part = PartOf(snapshots, name) ?? throw Missing(path, name);
        // The differences of a volume whose length was changed are not worth the thought; and without a snapshot before nothing tells of
        // them. All is compared, and nobody knows how much of it differs.
        if (part.LengthBytes != image.LengthBytes || StartOf(snapshots, name) is not { } start || start.Id > part.Id)
            return new(target, part.LengthBytes, [new(0, part.LengthBytes)], ChangedBytes: 0);
        var ranges = new List<Extent>();
        long bytes = 0;
        for (long at = 0; at < part.LengthBytes; at += windowBytes)
        {
            var window = new Extent(at, Math.Min(windowBytes, part.LengthBytes - at));
            var changes = new List<Extent>();
            if (start.Id != part.Id)
            {
                image.LookAt(part.Id);
                image.AddDifferences(start.Name, window, isWholeObjects: false, changes);
                image.LookAt(null);
            }
            image.AddDifferences(start.Name, window, isWholeObjects: false, changes);
            var changed = ExtentRuns.Joined(changes, window);
            bytes += changed.Sum(range => range.Length);
            // What lies between is compared, and left as it is.
            ranges.AddRange(ExtentRuns.Joined(changed, window, gapBytes));
        }
        return new(target, part.LengthBytes, ranges, bytes);
    }

    private static void RefuseWatched(CephConnection connection, RbdPath path)
    {
        using var image = RbdImage.Open(connection, path, isReadOnly: true);
        if (image.Watchers() is [var watcher, ..])
            throw new CloudException(CloudFailure.InUse, "roll back", path.ToString(),
                $"client.{watcher.ClientId} at {watcher.Address} has it open: stop the server or program that uses it first");
    }

    private void Step(string what) => BeforeStep?.Invoke(what);

    private static string Subject(RbdPath[] paths) => string.Join(", ", paths);

    private RbdPath[] Parsed(IReadOnlyList<VolumeId> volumes)
    {
        RbdPath[] paths = [.. volumes.Select(storage.PathOf).Distinct().OrderBy(path => path.ToString(), StringComparer.Ordinal)];
        return paths.Length > 0 ? paths : throw new ArgumentException("no volumes are named", nameof(volumes));
    }
}
