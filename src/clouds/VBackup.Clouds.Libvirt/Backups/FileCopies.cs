using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>
/// Instants of volumes that nobody has open: a copy of each file, in no time where the file system shares blocks (XFS,
/// btrfs). They stay until they are removed, and can be rolled back to. Thread-safe.
/// </summary>
internal sealed class FileCopies(
    LibvirtHypervisor hypervisor, StateFolder state, ImageOpening opening, FileFinder find, TimeProvider clock)
{
    /// <summary>Completes one of that name, or gives it back as it is.</summary>
    public async Task<Instant> TakeAgainAsync(CopiedInstant there, List<VolumeId> volumes, CancellationToken cancellation)
    {
        var isSame = there.IsComplete ? there.Volumes.ToHashSet().SetEquals(volumes) : there.Volumes.All(volumes.Contains);
        if (!isSame)
            throw new CloudException(CloudFailure.Exists, "take", there.Name, $"it has other volumes: {string.Join(", ", there.Volumes)}");
        if (there.IsComplete) return there.ToInstant();
        await RemoveAsync(there.Name, [.. there.Volumes], cancellation).ConfigureAwait(false);
        return await TakeAsync(there.Name, volumes, cancellation).ConfigureAwait(false);
    }

    public async Task<Instant> TakeAsync(string name, List<VolumeId> volumes, CancellationToken cancellation)
    {
        using var all = HoldCopies("take", name);
        var places = Hold(volumes, "take");
        CopiedInstant? instant = null;
        try
        {
            var servers = await hypervisor.ListFilesAsync(cancellation).ConfigureAwait(false);
            List<VolumeFile> files = [.. volumes.Select(volume => find(volume, servers))];
            // Clocks may go back; the order may not.
            var takenAt = clock.GetUtcNow();
            if (CopiedInstant.ListOf(state) is [.., var newest] && newest.Document.TakenAt >= takenAt)
                takenAt = newest.Document.TakenAt.AddTicks(1);
            instant = CopiedInstant.Begin(state, name, takenAt, files);
            foreach (var file in files)
            {
                using var source = FileVolume.OpenSource(file.Path);
                await SparseCopy.MakeAsync(source, instant.PathOf(file.Volume), cancellation).ConfigureAwait(false);
            }
            // A server that was started meanwhile has written to what was copied.
            servers = await hypervisor.ListFilesAsync(cancellation).ConfigureAwait(false);
            foreach (var volume in volumes) LibvirtFileStorage.RefuseActiveServers(servers, volume, "take");
            foreach (var volume in volumes) SparseCopy.Flush(instant.PathOf(volume));
            return instant.Finish().ToInstant();
        }
        catch
        {
            instant?.Remove(volumes);
            throw;
        }
        finally
        {
            foreach (var place in places) place.Dispose();
        }
    }

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (CopiedInstant.Find(state, name) is null) return Task.CompletedTask;
        using var all = HoldCopies("remove", name);
        if (CopiedInstant.Find(state, name) is { } copied && copied.Volumes.Any(volumes.Contains)) copied.Remove(volumes);
        return Task.CompletedTask;
    }

    public Task<IVolumeReader> OpenAsync(CopiedInstant copied, VolumeId volume, CancellationToken cancellation)
    {
        RequireComplete(copied, "open");
        return opening.ForReadingAsync(copied.PathOf(volume), copied.FormatOf(volume), $"{volume}@{copied.Name}", cancellation);
    }

    public async Task RollBackAsync(
        CopiedInstant copied, IReadOnlyList<VolumeId> volumes, RestoreNote? note, CancellationToken cancellation)
    {
        List<VolumeId> wanted = [.. volumes.Distinct()];
        // All is looked at before anything is touched.
        RequireComplete(copied, "roll back");
        if (wanted.Find(volume => !copied.Has(volume)) is { Value: not null } other)
            throw new CloudException(CloudFailure.NotFound, "roll back", $"{other}@{copied.Name}", "there is no such snapshot");
        using var all = HoldCopies("roll back", copied.Name);
        var places = Hold(wanted, "roll back");
        try
        {
            var servers = await hypervisor.ListFilesAsync(cancellation).ConfigureAwait(false);
            foreach (var volume in wanted)
            {
                LibvirtFileStorage.RefuseActiveServers(servers, volume, "roll back");
                if (volume.Value.StartsWith("/dev/", StringComparison.Ordinal))
                    throw new CloudException(CloudFailure.NotSupported, "roll back", volume.Value, "a device cannot be replaced by a file");
            }
            if (note is not null)
                foreach (var volume in wanted)
                    RestoreNoteFile.Keep(state.RestoreNote(volume), note);
            foreach (var volume in wanted)
            {
                using var source = FileVolume.OpenSource(copied.PathOf(volume));
                // A restore that was left behind holds a claim, and may wake up: from here on it writes nothing.
                VolumeClaim.TakeOver(state.Claim(volume), volume.Value, new() { TakesOver = true }, volume.Value);
                await SparseCopy.ReplaceAsync(source, volume.Value, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var place in places) place.Dispose();
        }
    }

    private static void RequireComplete(CopiedInstant copied, string operation)
    {
        if (!copied.IsComplete)
            throw new CloudException(CloudFailure.Other, operation, copied.Name,
                "it was never completed, or is being removed: it can be removed, nothing else");
    }

    private FileLock HoldCopies(string operation, string name) => FileLock.TryHold(state.CopiesLock, isExclusive: true)
        ?? throw new CloudException(CloudFailure.InUse, operation, name, "another process takes or removes snapshots in this folder");

    private List<FileLock> Hold(List<VolumeId> volumes, string operation)
    {
        List<FileLock> places = [];
        try
        {
            foreach (var volume in volumes) places.Add(opening.Hold(volume, operation));
            return places;
        }
        catch
        {
            foreach (var place in places) place.Dispose();
            throw;
        }
    }
}
