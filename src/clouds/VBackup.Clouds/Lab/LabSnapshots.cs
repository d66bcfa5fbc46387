using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// Instants of the lab cloud's volumes. All volumes' gates are closed, so no write is under way in any of them; then each file
/// is cloned, in no time where the file system shares blocks (XFS, btrfs), else by copying while the writers wait.
/// </summary>
internal sealed class LabSnapshots(LabFolder folder) : IVolumeSnapshots
{
    public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("take", name, cancellation).RunAsync(async () =>
        {
            InstantName.Check(name, "take");
            List<VolumeId> wanted = [.. volumes.Distinct()];
            if (wanted.Count == 0) throw new CloudException(
                CloudFailure.Other, "take", name, "an instant has at least one volume");
            using var instants = await HoldInstantsAsync("take", cancellation).ConfigureAwait(false);
            if (InstantFolder.Find(folder, name) is { } there)
            {
                var isSame = there.IsComplete ? there.Volumes.ToHashSet().SetEquals(wanted) : there.Volumes.All(wanted.Contains);
                if (!isSame)
                    throw new CloudException(
                        CloudFailure.Exists, "take", name, $"it has other volumes: {string.Join(", ", there.Volumes)}");
                if (there.IsComplete) return there.ToInstant();
                there.Remove(wanted);
            }
            foreach (var volume in wanted) folder.Require(volume, "take");
            return await TakeNewAsync(name, wanted, cancellation).ConfigureAwait(false);
        });

    private async Task<Instant> TakeNewAsync(string name, List<VolumeId> volumes, CancellationToken cancellation)
    {
        var instant = InstantFolder.Begin(folder, name, volumes);
        try
        {
            // The gates open before the copies are durable: writers wait no longer than they must.
            using (var still = await StillVolumes.HoldAsync(folder, volumes, cancellation).ConfigureAwait(false))
            {
                foreach (var (volume, file) in still.Files)
                    await SparseCopy.MakeAsync(file, instant.PathOf(volume), cancellation).ConfigureAwait(false);
            }
            foreach (var volume in volumes) SparseCopy.Flush(instant.PathOf(volume));
            return instant.Finish().ToInstant();
        }
        catch
        {
            instant.Remove(volumes);
            throw;
        }
    }

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("list", folder.Path, cancellation).RunAsync(() => Task.FromResult<IReadOnlyList<Instant>>(
            [.. InstantFolder.ListOf(folder, volumes).Select(instant => instant.ToInstant())]));

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("remove", name, cancellation).RunAsync(async () =>
        {
            using var instants = await HoldInstantsAsync("remove", cancellation).ConfigureAwait(false);
            if (InstantFolder.Find(folder, name) is { } instant && instant.Volumes.Any(volumes.Contains)) instant.Remove(volumes);
        });

    public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        new FileCall("open", $"{volume}@{name}", cancellation).RunAsync(() => Task.FromResult<IVolumeReader>(
            new LabReader($"{volume}@{name}", FileVolume.OpenSource(Require(name, volume, "open").PathOf(volume)))));

    public Task<string?> FindIdentityAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", $"{volume}@{name}", cancellation).RunAsync(() => Task.FromResult(Find(name, volume)?.Document.Identity));

    public Task<ChangeAnswer> FindChangesAsync(
        VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
        new FileCall("find changes", $"{volume}@{toInstant}", cancellation).RunAsync(async () =>
        {
            var later = Require(toInstant, volume, "find changes");
            if (Find(fromInstant, volume) is not { IsComplete: true } earlier)
                return new ChangeAnswer.Lost($"there is no snapshot {fromInstant} of {volume}");
            using var from = FileVolume.OpenSource(earlier.PathOf(volume));
            using var to = FileVolume.OpenSource(later.PathOf(volume));
            return (ChangeAnswer)new ChangeAnswer.Known(await SparseCopy.CompareAsync(from, to, cancellation).ConfigureAwait(false));
        });

    public Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null) =>
        new FileCall("roll back", name, cancellation).RunAsync(async () =>
        {
            using var instants = await HoldInstantsAsync("roll back", cancellation).ConfigureAwait(false);
            using var all = await folder.HoldAsync(folder.FolderLock, isExclusive: true, "roll back", cancellation)
                .ConfigureAwait(false);
            List<FileLock> places = [];
            try
            {
                // All is looked at before anything is touched.
                foreach (var volume in volumes.Distinct())
                {
                    Require(name, volume, "roll back");
                    folder.Require(volume, "roll back");
                    LabStorage.RefuseRunningServers(folder, volume, "roll back");
                    places.Add(LabStorage.HoldWriter(folder, volume, "roll back"));
                }
                if (note is not null)
                    foreach (var volume in volumes.Distinct())
                        RestoreNoteFile.Keep(folder.RestoreNote(volume), note);
                foreach (var volume in volumes.Distinct()) await RollBackAsync(name, volume, cancellation).ConfigureAwait(false);
            }
            finally
            {
                foreach (var place in places) place.Dispose();
            }
        });

    private async Task RollBackAsync(string name, VolumeId volume, CancellationToken cancellation)
    {
        using var source = FileVolume.OpenSource(Require(name, volume, "roll back").PathOf(volume));
        // A restore that was left behind holds a claim, and may wake up: from here on it writes nothing.
        VolumeClaim.TakeOver(folder.Claim(volume), folder.VolumePath(volume), new() { TakesOver = true }, volume.Value);
        await SparseCopy.ReplaceAsync(source, folder.VolumePath(volume), cancellation).ConfigureAwait(false);
    }

    private Task<FileLock> HoldInstantsAsync(string operation, CancellationToken cancellation) =>
        folder.HoldAsync(folder.InstantsLock, isExclusive: true, operation, cancellation);

    private InstantFolder? Find(string name, VolumeId volume) =>
        InstantFolder.Find(folder, name) is { } instant && instant.Volumes.Contains(volume) ? instant : null;

    private InstantFolder Require(string name, VolumeId volume, string operation) => Find(name, volume) switch
    {
        null => throw new CloudException(CloudFailure.NotFound, operation, $"{volume}@{name}", "there is no such snapshot"),
        { IsComplete: false } => throw new CloudException(
            CloudFailure.Other, operation, $"{volume}@{name}",
            "it was never completed, or is being removed: it can be removed, nothing else"),
        var instant => instant,
    };
}
