using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>The same volumes, with change tracking that is silent about one range, as storages have been.</summary>
sealed class ForgetfulStorage(IVolumeStorage storage, Extent untold) : IVolumeStorage, IVolumeSnapshots
{
    public string Description => storage.Description;
    public IVolumeSnapshots Snapshots => this;

    /// <summary>How often a change was left out.</summary>
    public int Omissions { get; private set; }

    public async Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation)
    {
        var answer = await storage.Snapshots.FindChangesAsync(volume, fromInstant, toInstant, cancellation);
        if (answer is not ChangeAnswer.Known known) return answer;
        List<Extent> told = [];
        foreach (var range in known.Extents.Ranges)
        {
            if (range.Offset < untold.End && untold.Offset < range.End) Omissions++;
            if (range.Offset < untold.Offset) told.Add(range with { Length = Math.Min(range.End, untold.Offset) - range.Offset });
            if (range.End > untold.End)
                told.Add(new(Math.Max(range.Offset, untold.End), range.End - Math.Max(range.Offset, untold.End)));
        }
        return new ChangeAnswer.Known(Extents.Checked(told, (await storage.FindLengthAsync(volume, cancellation))!.Value));
    }

    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) => storage.FindClaimAsync(volume, cancellation);

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        storage.FindRestoreNoteAsync(volume, cancellation);

    public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        storage.Snapshots.OpenAsync(name, volume, cancellation);

    public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.TakeAsync(name, volumes, cancellation);

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.ListAsync(volumes, cancellation);

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.RemoveAsync(name, volumes, cancellation);

    public Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null) =>
        storage.Snapshots.RollBackAsync(name, volumes, cancellation, note);

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation) => storage.FindSizeAsync(volume, cancellation);

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation) => storage.FindLengthAsync(volume, cancellation);

    public Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation) =>
        storage.CreateAsync(volume, lengthBytes, claim, cancellation);

    public Task RemoveAsync(VolumeId volume, CancellationToken cancellation) => storage.RemoveAsync(volume, cancellation);

    public Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation) =>
        storage.RemoveClaimedAsync(volume, claims, cancellation);

    public Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation) =>
        storage.RemoveUnfinishedAsync(volume, owner, cancellation);

    public Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation) =>
        storage.ResizeAsync(volume, lengthBytes, cancellation);

    public Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation) => storage.FindRoomAsync(volume, cancellation);

    public Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation) =>
        storage.OpenReaderAsync(volume, cancellation);

    public Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation) =>
        storage.OpenWriterAsync(volume, options, cancellation);

    // The storage itself is the lab's.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
