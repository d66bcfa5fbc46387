using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Restores;

/// <summary>A volume that a restore in place has begun to overwrite and not finished: it is at work, or was killed.</summary>
public sealed record UnfinishedRestore(VolumeId Volume, RestoreNote Note);

/// <summary>
/// Finds restores in place that never ended, and ends them by rolling back. A volume that is half of one point and half of another is no
/// state of its server: whoever backs it up finds out before it takes the place of good points.
/// </summary>
public static class UnfinishedRestores
{
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
                + WaysOut(unfinished));
    }

    /// <summary>What is the matter, in one sentence.</summary>
    public static string Describe(IReadOnlyList<UnfinishedRestore> unfinished) =>
        $"{string.Join(", ", unfinished.Select(one => one.Volume))} {(unfinished.Count == 1 ? "is" : "are")} partly overwritten by a "
        + "restore of " + string.Join(" and ", unfinished.Select(one => one.Note).DistinctBy(note => (note.Point, note.Since))
            .Select(note => $"point {note.Point} that began at {Units.Time(note.Since)}")) + " and has not ended";

    /// <summary>That a snapshot may go: no half written volume is taken back to it.</summary>
    /// <exception cref="RefusedException">One is: the message says what can be done.</exception>
    public static async Task RequireNotNeededAsync(
        IVolumeStorage storage, string instant, IEnumerable<VolumeId> volumes, CancellationToken cancellation)
    {
        var unfinished = await FindAsync(storage, volumes, cancellation).ConfigureAwait(false);
        if (unfinished.Any(one => one.Note.SafetySnapshot == instant))
            throw new RefusedException($"{Describe(unfinished)}, and {instant} is the only way back: "
                + "restore again, or roll back to it, first");
    }

    static string WaysOut(IReadOnlyList<UnfinishedRestore> unfinished)
    {
        string[] safety = [.. unfinished.Select(one => one.Note.SafetySnapshot).OfType<string>().Distinct()];
        return "wait for it, or restore again"
            + (safety.Length > 0 ? $", or roll back to the safety snapshot {string.Join(" and ", safety)}" : "");
    }

    /// <summary>Makes volumes of a server that is shut down what they were at an instant. A volume is whole again when that was taken
    /// before it was half written, which its safety snapshot and all that are older were.</summary>
    /// <exception cref="CloudException">Somebody uses a volume, or the instant is incomplete.</exception>
    public static async Task RollBackAsync(EdgeCloud cloud, Server server, string instant, IReadOnlyList<VolumeId> volumes,
        IRunReport report, CancellationToken cancellation)
    {
        var storage = cloud.Storage;
        var unfinished = await FindAsync(storage, volumes, cancellation).ConfigureAwait(false);
        var there = await storage.Snapshots.ListAsync(volumes, cancellation).ConfigureAwait(false);
        string[] oldestFirst = [.. there.Select(one => one.Name)];
        // Another instant is refused by the storage, and nothing is lost.
        if (there.Any(one => one.Name == instant && one is { IsComplete: true, IsReadable: true }))
            await new StillServer(cloud, server.Name).DropSavedMemoryAsync(report, cancellation).ConfigureAwait(false);
        await storage.Snapshots.RollBackAsync(instant, volumes, cancellation).ConfigureAwait(false);
        foreach (var (volume, note) in unfinished)
            if (Array.IndexOf(oldestFirst, instant) <= Array.IndexOf(oldestFirst, note.SafetySnapshot))
                await ForgetAsync(storage, volume, note, cancellation).ConfigureAwait(false);
    }

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
