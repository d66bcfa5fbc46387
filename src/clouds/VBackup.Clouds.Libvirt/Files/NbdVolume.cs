using VBackup.Clouds.Libvirt.Nbd;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>A volume that is read over NBD. Owns its connections and what <paramref name="owned"/> ends after them.</summary>
internal sealed class NbdReader(NbdTransfer transfer, NbdMap map, string description, IAsyncDisposable? owned) : IVolumeReader
{
    public string Description => description;
    public long LengthBytes => transfer.LengthBytes;

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => map.Where(NbdWire.IsZero, 0, from);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        transfer.ReadAsync(offset, buffer, cancellation);

    public async ValueTask DisposeAsync()
    {
        map.Dispose();
        await transfer.DisposeAsync().ConfigureAwait(false);
        if (owned is not null) await owned.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>A volume that is written over NBD. Owns its connections, its server and the writer's place.</summary>
internal sealed class NbdWriter(NbdTransfer transfer, NbdMap map, string description, bool isNew, QemuNbd server, FileLock place,
    string notePath) : IVolumeWriter
{
    public string Description => description;
    public long LengthBytes => transfer.LengthBytes;
    public bool IsAllZero => isNew;

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => map.Where(NbdWire.IsZero, 0, from);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        transfer.ReadAsync(offset, buffer, cancellation);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        transfer.WriteAsync(offset, content, cancellation);

    // The server may punch a hole for it: QEMU does so only where a hole reads as zeros.
    public ValueTask ZeroAsync(Extent range, CancellationToken cancellation) =>
        transfer.WriteZeroesAsync(range.Offset, range.Length, cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation) => transfer.FlushAsync(cancellation);

    // Whoever sleeps between the look and the writing leaves a note of what another has done by then: the next backup asks for a restore
    // that is not needed, and nothing is taken for whole that is not.
    public Task NoteRestoreAsync(RestoreNote? note, CancellationToken cancellation) =>
        new FileCall("note", description, cancellation).RunAsync(() =>
        {
            if (!place.IsCurrent)
                throw new CloudException(CloudFailure.InUse, "note", description, "somebody else has taken the volume over");
            RestoreNoteFile.Write(notePath, note);
            return Task.FromResult(true);
        });

    public Task<bool> IsShutOutAsync(CancellationToken cancellation) => Task.FromResult(!place.IsCurrent);

    public async ValueTask DisposeAsync()
    {
        map.Dispose();
        await transfer.DisposeAsync().ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
        place.Dispose();
    }
}
