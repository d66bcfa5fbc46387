using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Services.Tests.Crashes;

/// <summary>The storage as one process sees it, as long as it lives. What it has open is closed when it dies, as a kernel does.</summary>
/// <param name="look">What looking at volumes is to this process.</param>
sealed class MortalStorage(CrashWorld world, Life life, Place look) : IVolumeStorage, IVolumeSnapshots
{
    readonly IVolumeStorage _storage = world.Lab.Storage;

    public string Description => _storage.Description;
    public IVolumeSnapshots Snapshots => this;
    public bool ReadsBesideWriters => _storage.ReadsBesideWriters;

    public Task<bool> HoldsStillAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        _storage.Snapshots.HoldsStillAsync(volumes, cancellation);

    public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        return life.DoAsync(Place.TakeInstant, TakeAsync, cancellation, async () =>
        {
            await TakeAsync(CancellationToken.None);
            world.Instants.Tear(name);
        });

        async Task<Instant> TakeAsync(CancellationToken stop)
        {
            var taken = await _storage.Snapshots.TakeAsync(name, volumes, stop);
            await world.Instants.NoteAsync(name, volumes[0]);
            return taken;
        }
    }

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.Snapshots.ListAsync(volumes, stop), cancellation);

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) => life.DoAsync(
        Place.RemoveInstant, stop => _storage.Snapshots.RemoveAsync(name, volumes, stop), cancellation, () =>
        {
            world.Instants.Tear(name);
            return Task.CompletedTask;
        });

    public Task KeepAsBaseAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        life.DoAsync(Place.KeepInstant, stop => _storage.Snapshots.KeepAsBaseAsync(name, volumes, stop), cancellation);

    public Task ReduceToBasesAsync(IReadOnlyCollection<string> names, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        _storage.Snapshots.ReduceToBasesAsync(names, volumes, cancellation);

    public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(Place.OpenInstant, async stop =>
            (IVolumeReader)new Reader(await _storage.Snapshots.OpenAsync(name, volume, stop), life, Place.ReadInstant), cancellation);

    public Task RequireStillThereAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.Snapshots.RequireStillThereAsync(name, volumes, stop), cancellation);

    Task<string?> IVolumeSnapshots.FindIdentityAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.Snapshots.FindIdentityAsync(name, volume, stop), cancellation);

    public Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
        life.DoAsync(Place.FindChanges, stop => _storage.Snapshots.FindChangesAsync(volume, fromInstant, toInstant, stop), cancellation);

    public Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null) => life.DoAsync(
        Place.RollBack, stop => _storage.Snapshots.RollBackAsync(name, volumes, stop, note), cancellation,
        () => _storage.Snapshots.RollBackAsync(name, [volumes[0]], CancellationToken.None, note));

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindLengthAsync(volume, stop), cancellation);

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindSizeAsync(volume, stop), cancellation);

    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindClaimAsync(volume, stop), cancellation);

    public Task<string?> FindIdentityAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindIdentityAsync(volume, stop), cancellation);

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindRestoreNoteAsync(volume, stop), cancellation);

    public Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation) =>
        life.DoAsync(Place.CreateVolume, stop => _storage.CreateAsync(volume, lengthBytes, claim, stop), cancellation);

    public Task RemoveAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(Place.RemoveVolume, stop => _storage.RemoveAsync(volume, stop), cancellation);

    public Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation) =>
        life.DoAsync(Place.RemoveVolume, stop => _storage.RemoveClaimedAsync(volume, claims, stop), cancellation);

    public Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation) =>
        life.DoAsync(Place.RemoveVolume, stop => _storage.RemoveUnfinishedAsync(volume, owner, stop), cancellation);

    public Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation) =>
        throw new NotSupportedException("Nobody resizes in this story.");

    public Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation) =>
        life.DoAsync(look, stop => _storage.FindRoomAsync(volume, stop), cancellation);

    public Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation) => life.DoAsync(
        Place.OpenReader, async stop =>
            (IVolumeReader)new Reader(await _storage.OpenReaderAsync(volume, stop), life, Place.ReadVolume), cancellation);

    public Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation) => life.DoAsync(
        Place.OpenWriter, async stop =>
        {
            var kept = world.Broken.TakesOverFromAnybody ? options with { Seen = null } : options;
            var writer = await _storage.OpenWriterAsync(volume, kept, stop);
            // Without a name one takes away what he has made himself, late, before he removes it; the storage sees to it that it is that.
            if (options is { TakesOver: true, Claim: not null }) world.NoteTakingOver(life, volume);
            return (IVolumeWriter)new Writer(writer, life, world.Broken.ShutOutWrite ? world.VolumePath(volume.Value) : null);
        }, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    sealed class Reader(IVolumeReader reader, Life life, Place read) : IVolumeReader
    {
        public string Description => reader.Description;
        public long LengthBytes => reader.LengthBytes;

        public IEnumerable<Extent> AllocatedExtents(long from = 0) => reader.AllocatedExtents(from);

        public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
            await life.DoAsync(read, stop => reader.ReadAsync(offset, buffer, stop).AsTask(), cancellation);

        public ValueTask DisposeAsync() => reader.DisposeAsync();
    }

    /// <param name="path">What is written goes there, and nobody is ever shut out: a rule that is broken. Null where it is kept.</param>
    sealed class Writer(IVolumeWriter writer, Life life, string? path) : IVolumeWriter
    {
        public string Description => writer.Description;
        public long LengthBytes => writer.LengthBytes;
        public bool IsAllZero => writer.IsAllZero;

        public IEnumerable<Extent> AllocatedExtents(long from = 0) => writer.AllocatedExtents(from);

        public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
            await life.DoAsync(Place.ReadVolume, stop => writer.ReadAsync(offset, buffer, stop).AsTask(), cancellation);

        public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
            await life.DoAsync(Place.WriteVolume, stop => WriteNowAsync(offset, content, stop), cancellation,
                () => WriteNowAsync(offset, content[..(content.Length / 2)], CancellationToken.None));

        public async ValueTask ZeroAsync(Extent range, CancellationToken cancellation) => await life.DoAsync(
            Place.WriteVolume, stop => writer.ZeroAsync(range, stop).AsTask(), cancellation,
            () => writer.ZeroAsync(range with { Length = range.Length / 2 }, CancellationToken.None).AsTask());

        public async ValueTask FlushAsync(CancellationToken cancellation) =>
            await life.DoAsync(Place.FlushVolume, stop => writer.FlushAsync(stop).AsTask(), cancellation);

        public Task NoteRestoreAsync(RestoreNote? note, CancellationToken cancellation) =>
            life.DoAsync(Place.NoteRestore, stop => writer.NoteRestoreAsync(note, stop), cancellation);

        public Task<bool> IsShutOutAsync(CancellationToken cancellation)
        {
            life.RequireAlive();
            return writer.IsShutOutAsync(cancellation);
        }

        public ValueTask DisposeAsync() => writer.DisposeAsync();

        async Task WriteNowAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            if (path is null)
            {
                await writer.WriteAsync(offset, content, cancellation);
                return;
            }
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(file, content.Span, offset);
        }
    }
}
