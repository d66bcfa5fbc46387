using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Services.Tests.World;

/// <summary>The same volumes; who reads one of them from a snapshot waits until it is released, or until it is cancelled, and somebody may
/// do something while a roll back is under way.</summary>
sealed class HeldReadingStorage(IVolumeStorage storage, VolumeId held) : IVolumeStorage, IVolumeSnapshots
{
    readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Somebody waits.</summary>
    public Task Reached => _reached.Task;
    public string Description => storage.Description;
    public IVolumeSnapshots Snapshots => this;

    public void Release() => _released.TrySetResult();

    public async Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation)
    {
        var reader = await storage.Snapshots.OpenAsync(name, volume, cancellation);
        return volume == held ? new Reader(this, reader) : reader;
    }

    public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.TakeAsync(name, volumes, cancellation);

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.ListAsync(volumes, cancellation);

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        storage.Snapshots.RemoveAsync(name, volumes, cancellation);

    Task<string?> IVolumeSnapshots.FindIdentityAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        storage.Snapshots.FindIdentityAsync(name, volume, cancellation);

    public Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
        storage.Snapshots.FindChangesAsync(volume, fromInstant, toInstant, cancellation);

    /// <summary>Comes before a roll back has ended.</summary>
    public Func<Task>? InRollBack { get; set; }

    public async Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null)
    {
        await storage.Snapshots.RollBackAsync(name, volumes, cancellation, note);
        if (InRollBack is { } something) await something();
    }

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation) => storage.FindLengthAsync(volume, cancellation);

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation) => storage.FindSizeAsync(volume, cancellation);
    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) => storage.FindClaimAsync(volume, cancellation);

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        storage.FindRestoreNoteAsync(volume, cancellation);

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

    public ValueTask DisposeAsync() => storage.DisposeAsync();

    sealed class Reader(HeldReadingStorage holder, IVolumeReader reader) : IVolumeReader
    {
        public string Description => reader.Description;
        public long LengthBytes => reader.LengthBytes;

        public IEnumerable<Extent> AllocatedExtents(long from = 0) => reader.AllocatedExtents(from);

        public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
        {
            holder._reached.TrySetResult();
            await holder._released.Task.WaitAsync(cancellation);
            await reader.ReadAsync(offset, buffer, cancellation);
        }

        public ValueTask DisposeAsync() => reader.DisposeAsync();
    }
}
