using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Restores;

/// <summary>A volume that a restore in place, or a roll back, has begun to overwrite and not finished: it is at work, or was
/// killed.</summary>
public sealed record UnfinishedRestore(VolumeId Volume, RestoreNote Note);

/// <summary>
/// Finds restores in place, and roll backs, that never ended, and ends them by rolling back. A volume that is half of one point and half of
/// another is no state of its server: whoever backs it up finds out before it takes the place of good points.
/// </summary>
public static class UnfinishedRestores
{
    static readonly TimeSpan s_patienceAfterFailure = TimeSpan.FromSeconds(5);

    public static async Task<IReadOnlyList<UnfinishedRestore>> FindAsync(
        IVolumeStorage storage, IEnumerable<VolumeId> volumes, CancellationToken cancellation)
    {
        List<UnfinishedRestore> found = [];
        foreach (var volume in volumes)
            if (await storage.FindRestoreNoteAsync(volume, cancellation).ConfigureAwait(false) is { } note) found.Add(new(volume, note));
        return found;
    }

    /// <exception cref="RefusedException">There is one: the message says what can be done.</exception>
    public static async Task RequireNoneAsync(
        IVolumeStorage storage, string server, IEnumerable<VolumeId> volumes, CancellationToken cancellation)
    {
        if (await FindAsync(storage, volumes, cancellation).ConfigureAwait(false) is { Count: > 0 } unfinished)
            throw new RefusedException($"server {server}: {Describe(unfinished)}, so this would be a backup of half-written disks: "
                + WaysOut(unfinished, await NamesAsync(storage, unfinished, cancellation).ConfigureAwait(false)));
    }

    /// <summary>What is the matter, in one sentence.</summary>
    public static string Describe(IReadOnlyList<UnfinishedRestore> unfinished) =>
        $"{string.Join(", ", unfinished.Select(one => one.Volume))} {(unfinished.Count == 1 ? "is" : "are")} partly overwritten by "
        + string.Join(" and ", unfinished.Select(one => one.Note).DistinctBy(note => (note.Point, note.Since))
            .Select(note => $"{What(note)} that began at {Units.Time(note.Since)}")) + " and has not ended";

    static string What(RestoreNote note) =>
        note.IsRollBack ? $"a roll back to the snapshot {note.Point}" : $"a restore of point {note.Point}";

    /// <summary>That a snapshot may go: no half written volume is taken back to it.</summary>
    /// <exception cref="RefusedException">One is: the message says what can be done.</exception>
    public static async Task RequireNotNeededAsync(
        IVolumeStorage storage, string instant, IEnumerable<VolumeId> volumes, CancellationToken cancellation)
    {
        var unfinished = await FindAsync(storage, volumes, cancellation).ConfigureAwait(false);
        if (unfinished.Any(one => one.Note.SafetySnapshot == instant || one.Note.NewestWhole == instant))
            throw new RefusedException($"{Describe(unfinished)}, and {instant} is the only way back: "
                + "restore again, or roll back to it, first");
    }

    // Those to which a volume can be taken back still.
    static async Task<HashSet<string>> NamesAsync(
        IVolumeStorage storage, IReadOnlyList<UnfinishedRestore> unfinished, CancellationToken cancellation)
    {
        var there = await storage.Snapshots.ListAsync([.. unfinished.Select(one => one.Volume).Distinct()], cancellation)
            .ConfigureAwait(false);
        return [.. there.Where(one => one is { IsComplete: true, IsReadable: true }).Select(one => one.Name)];
    }

    static string WaysOut(IReadOnlyList<UnfinishedRestore> unfinished, HashSet<string> there)
    {
        string[] back = [.. unfinished.Select(one => WayBack(one.Note, there)).OfType<string>().Distinct()];
        return "wait for it, or restore again" + (back.Length > 0 ? $", or roll back to {string.Join(" and ", back)}" : "");
    }

    // What a roll back went back to may be anybody's, and be gone: what was taken before it has the volume whole too.
    static string? WayBack(RestoreNote note, HashSet<string> there) =>
        note.SafetySnapshot is { } first && there.Contains(first)
            ? $"{(note.NewestWhole is null ? "the safety snapshot" : "the snapshot")} {first}"
        : note.NewestWhole is { } newest && there.Contains(newest) ? $"the snapshot {newest}" : null;

    /// <summary>
    /// Makes volumes of a server that is shut down what they were at an instant. From before the first byte to the end each of them has a
    /// note: whoever dies in between leaves a mixture, and it is told as that of a restore is. A volume is whole again when the instant was
    /// taken before it was half written, which its safety snapshot and all that are older were.
    /// </summary>
    /// <exception cref="CloudException">Somebody uses a volume, or the instant is incomplete.</exception>
    /// <exception cref="RefusedException">Somebody has started the server.</exception>
    public static async Task RollBackAsync(EdgeCloud cloud, Server server, string instant, IReadOnlyList<VolumeId> volumes,
        IRunReport report, CancellationToken cancellation)
    {
        var still = new StillServer(cloud, server.Name, again: "roll back again");
        await still.WhileAsync(stop => RollBackAsync(cloud, still, instant, volumes, report, stop), cancellation).ConfigureAwait(false);
    }

    static async Task RollBackAsync(EdgeCloud cloud, StillServer server, string instant, IReadOnlyList<VolumeId> volumes,
        IRunReport report, CancellationToken cancellation)
    {
        var storage = cloud.Storage;
        var unfinished = await FindAsync(storage, volumes, cancellation).ConfigureAwait(false);
        var there = await storage.Snapshots.ListAsync(volumes, cancellation).ConfigureAwait(false);
        string[] oldestFirst = [.. there.Select(one => one.Name)];
        await server.RequireAsync(cancellation).ConfigureAwait(false);
        // Another instant is refused by the storage, and nothing is lost.
        if (there.Any(one => one.Name == instant && one is { IsComplete: true, IsReadable: true }))
            await server.DropSavedMemoryAsync(report, cancellation).ConfigureAwait(false);
        var note = new RestoreNote(instant, cloud.Clock.GetUtcNow(), instant, IsRollBack: true, oldestFirst.LastOrDefault());
        try
        {
            await storage.Snapshots.RollBackAsync(instant, volumes, cancellation, note).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            if (await HasBegunAsync(storage, volumes, note).ConfigureAwait(false))
                Aftermath.Add(failure, $"the volumes may be partly what they were: roll back to {instant} again before anybody starts the "
                    + "server");
            throw;
        }
        // What it may have written by now is no state of it either: the notes stay.
        await server.RequireNotStartedAsync(cancellation).ConfigureAwait(false);
        foreach (var volume in volumes)
        {
            // One that was there already is kept in place of this one.
            var kept = unfinished.FirstOrDefault(one => one.Volume == volume)?.Note ?? note;
            if (Array.IndexOf(oldestFirst, instant) <= NewestWholeOf(kept, oldestFirst))
                await ForgetAsync(storage, volume, kept, cancellation).ConfigureAwait(false);
        }
    }

    // A storage that does not say so is what the failure on its way up is about.
    static async Task<bool> HasBegunAsync(IVolumeStorage storage, IReadOnlyList<VolumeId> volumes, RestoreNote note)
    {
        try
        {
            var unfinished = await FindAsync(storage, volumes, CancellationToken.None)
                .WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
            return unfinished.Any(one => one.Note == note);
        }
        catch (Exception unknown) when (unknown is CloudException or TimeoutException)
        {
            return true;
        }
    }

    // One of the two may be gone.
    static int NewestWholeOf(RestoreNote note, string[] oldestFirst) =>
        Math.Max(Array.IndexOf(oldestFirst, note.SafetySnapshot), Array.IndexOf(oldestFirst, note.NewestWhole));

    static async Task ForgetAsync(IVolumeStorage storage, VolumeId volume, RestoreNote note, CancellationToken cancellation)
    {
        // Whoever was left behind in the restore may still have the volume open.
        var writer = await storage.OpenWriterAsync(volume, new() { TakesOver = true }, cancellation).ConfigureAwait(false);
        await using var closing = writer.ConfigureAwait(false);
        // Another restore may have begun since, and what is shut out of it now is half written anew.
        if (await storage.FindRestoreNoteAsync(volume, cancellation).ConfigureAwait(false) == note)
            await writer.NoteRestoreAsync(null, cancellation).ConfigureAwait(false);
    }
}
