using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Lab;

/// <summary>
/// Writes a lab volume, each write through the volume's gate, so that whoever closes the gates of several volumes sees them at
/// one instant. Owns the file and the writer's place. Thread-safe for ranges that do not overlap.
/// </summary>
internal sealed class LabWriter(LabFolder folder, VolumeId volume, FileLock place, FileVolume file, bool isNew) : IVolumeWriter
{
    public string Description => volume.Value;
    public long LengthBytes => file.LengthBytes;
    public bool IsAllZero => isNew;

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => file.AllocatedExtents(from);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        file.ReadAsync(offset, buffer, cancellation);

    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        RefuseOutside(offset, content.Length);
        RefuseShutOut("write");
        using (await folder.PassAsync(volume, cancellation).ConfigureAwait(false))
            await file.WriteAsync(offset, content, cancellation).ConfigureAwait(false);
        RefuseShutOut("write");
    }

    public async ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        RefuseOutside(range.Offset, range.Length);
        RefuseShutOut("write zeros");
        using (await folder.PassAsync(volume, cancellation).ConfigureAwait(false))
            await file.ZeroAsync(range, cancellation).ConfigureAwait(false);
        RefuseShutOut("write zeros");
    }

    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        await file.FlushAsync(cancellation).ConfigureAwait(false);
        RefuseShutOut("flush");
    }

    // Whoever takes over holds the folder's lock, too.
    public Task NoteRestoreAsync(RestoreNote? note, CancellationToken cancellation) =>
        new FileCall("note", volume.Value, cancellation).RunAsync(async () =>
        {
            using var all = await folder.HoldAsync(folder.FolderLock, isExclusive: true, "note", cancellation).ConfigureAwait(false);
            RefuseShutOut("note");
            RestoreNoteFile.Write(folder.RestoreNote(volume), note);
        });

    public Task<bool> IsShutOutAsync(CancellationToken cancellation) => Task.FromResult(!place.IsCurrent);

    // Asked after each write too: one that overlapped with another's taking over may not be in what that one has.
    private void RefuseShutOut(string operation)
    {
        if (!place.IsCurrent)
            throw new CloudException(
                CloudFailure.InUse, operation, volume.Value, "somebody else has taken the volume over");
    }

    private void RefuseOutside(long offset, long length)
    {
        if (offset < 0 || length < 0 || length > LengthBytes - offset)
            throw new CloudException(
                CloudFailure.Other, "write", volume.Value, $"{length} bytes at {offset} are not within its {LengthBytes} bytes");
    }

    public async ValueTask DisposeAsync()
    {
        await file.DisposeAsync().ConfigureAwait(false);
        place.Dispose();
    }
}
