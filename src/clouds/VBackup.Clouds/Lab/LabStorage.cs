using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>The lab cloud's volumes: sparse files in a folder. Thread-safe, and safe beside other processes that use the
/// same folder.</summary>
public sealed class LabStorage : IVolumeStorage
{
    private readonly LabFolder _folder;
    private readonly LabSnapshots _snapshots;

    internal LabStorage(LabFolder folder)
    {
        _folder = folder;
        _snapshots = new(folder);
    }

    public string Description => _folder.Path;

    public IVolumeSnapshots Snapshots => _snapshots;

    /// <summary>The file that a volume is, for programs that know files only. REQUIRES: the caller has the volume open for writing
    /// as long as such a program writes to it, and has no snapshot taken meanwhile.</summary>
    public string PathOf(VolumeId volume) => _folder.VolumePath(volume);

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult(
            _folder.Has(volume) ? new FileInfo(_folder.VolumePath(volume)).Length : (long?)null));

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() =>
        {
            if (!_folder.Has(volume)) return Task.FromResult<VolumeSize?>(null);
            var path = _folder.VolumePath(volume);
            return Task.FromResult<VolumeSize?>(FileIdentity.SizeOf(path, new FileInfo(path).Length));
        });

    public Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation) =>
        new FileCall("create", volume.Value, cancellation).RunAsync(async () =>
        {
            if (!LabFolder.IsName(volume.Value))
                throw new CloudException(
                    CloudFailure.Other, "create", volume.Value, "a lab volume's name has 1 to 100 letters, digits, '_', '-' and '.'");
            if (lengthBytes < 0) throw NoLength("create", volume, lengthBytes);
            using var all = await _folder.HoldAsync(_folder.FolderLock, isExclusive: true, "create", cancellation)
                .ConfigureAwait(false);
            var path = _folder.VolumePath(volume);
            var fresh = path + ".new";
            // A maker who was killed may have left it; where he had given the volume its name already, as a second one.
            File.Delete(fresh);
            if (_folder.Has(volume)) throw new CloudException(
                CloudFailure.Exists, "create", volume.Value, "there is one already");
            // Of an earlier one of that name, whose maker or remover was killed.
            RemoveRemains(volume);
            using (var target = FileVolume.OpenTarget(fresh, lengthBytes))
                await target.FlushAsync(cancellation).ConfigureAwait(false);
            VolumeClaim.Make(_folder.Claim(volume), fresh, claim);
            File.Move(fresh, path);
            FileIdentity.SyncFolderOf(path);
        });

    public Task RemoveAsync(VolumeId volume, CancellationToken cancellation) => RemoveAsync(volume, null, cancellation);

    public Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation) =>
        RemoveAsync(volume, claims, cancellation);

    // Whoever takes over holds the folder's lock, too.
    private Task<bool> RemoveAsync(VolumeId volume, IReadOnlyList<string>? claims, CancellationToken cancellation) =>
        new FileCall("remove", volume.Value, cancellation).RunAsync(async () =>
        {
            using var instants = await _folder.HoldAsync(_folder.InstantsLock, isExclusive: true, "remove", cancellation)
                .ConfigureAwait(false);
            using var all = await _folder.HoldAsync(_folder.FolderLock, isExclusive: true, "remove", cancellation)
                .ConfigureAwait(false);
            if (!_folder.Has(volume)) return claims is null && RemoveRemains(volume);
            if (claims?.Contains(VolumeClaim.Read(_folder.Claim(volume), _folder.VolumePath(volume)) ?? "") == false) return false;
            RefuseRunningServers(_folder, volume, "remove");
            using var writer = HoldWriter(_folder, volume, "remove");
            if (InstantFolder.ListOf(_folder, [volume]).FirstOrDefault() is { } instant)
                throw new CloudException(
                    CloudFailure.InUse, "remove", volume.Value, $"it has snapshots, {instant.Name} first: remove them");
            // The volume goes first: without it, what is left of it is nothing.
            File.Delete(_folder.VolumePath(volume));
            RemoveRemains(volume);
            return true;
        });

    public Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation) =>
        new FileCall("remove", volume.Value, cancellation).RunAsync(async () =>
        {
            using var all = await _folder.HoldAsync(_folder.FolderLock, isExclusive: true, "remove", cancellation)
                .ConfigureAwait(false);
            return !_folder.Has(volume) && RemoveRemains(volume);
        });

    // Whoever makes or opens a volume holds the folder's lock, as does who calls this: what has no volume is nobody's.
    private bool RemoveRemains(VolumeId volume)
    {
        if (!LabFolder.IsName(volume.Value)) return false;
        string[] remains = [.. _folder.FilesOf(volume).SelectMany(file => (string[])[file, file + ".new"]).Where(File.Exists)];
        foreach (var file in remains) File.Delete(file);
        FileIdentity.SyncFolderOf(_folder.VolumePath(volume));
        return remains.Length > 0;
    }

    public Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation) =>
        new FileCall("resize", volume.Value, cancellation).RunAsync(async () =>
        {
            if (lengthBytes < 0) throw NoLength("resize", volume, lengthBytes);
            using var instants = await _folder.HoldAsync(_folder.InstantsLock, isExclusive: true, "resize", cancellation)
                .ConfigureAwait(false);
            using var all = await _folder.HoldAsync(_folder.FolderLock, isExclusive: true, "resize", cancellation)
                .ConfigureAwait(false);
            _folder.Require(volume, "resize");
            using var writer = HoldWriter(_folder, volume, "resize");
            using var file = File.OpenHandle(_folder.VolumePath(volume), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            FileVolume.SetLength(file, volume.Value, lengthBytes);
            RandomAccess.FlushToDisk(file);
        });

    public Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult<StorageRoom?>(
            new($"folder {_folder.Volumes}", new DriveInfo(_folder.Volumes).AvailableFreeSpace)));

    public Task RequireWritableAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("ask whether it may be written", volume.Value, cancellation).RunAsync(() =>
        {
            _folder.Require(volume, "ask whether it may be written");
            FileVolume.RequireWritable(_folder.VolumePath(volume));
            return Task.CompletedTask;
        });

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult(
            _folder.Has(volume) ? RestoreNoteFile.Read(_folder.RestoreNote(volume), volume.Value) : null));

    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult(
            _folder.Has(volume) ? VolumeClaim.Read(_folder.Claim(volume), _folder.VolumePath(volume)) : null));

    public Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("open", volume.Value, cancellation).RunAsync(() =>
        {
            _folder.Require(volume, "open");
            return Task.FromResult<IVolumeReader>(new LabReader(volume.Value, FileVolume.OpenSource(_folder.VolumePath(volume))));
        });

    public Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation) =>
        new FileCall("open for writing", volume.Value, cancellation).RunAsync(async () =>
        {
            using var all = await _folder.HoldAsync(_folder.FolderLock, isExclusive: true, "open for writing", cancellation)
                .ConfigureAwait(false);
            _folder.Require(volume, "open for writing");
            if (options.TakesOver) RefuseRunningServers(_folder, volume, "open for writing");
            // Before anything else: a crash leaves earlier claims void, and harms nobody.
            if (options.TakesOver) VolumeClaim.TakeOver(_folder.Claim(volume), _folder.VolumePath(volume), options, volume.Value);
            else if (options.Claim is { } claim)
                VolumeClaim.Require(_folder.Claim(volume), _folder.VolumePath(volume), claim, volume.Value);
            var held = options.TakesOver ? null : HoldWriter(_folder, volume, "open for writing");
            if (held is null || File.Exists(_folder.ShuttingOutMark(volume)))
            {
                held?.Dispose();
                held = await ShutOutAsync(_folder, volume, cancellation).ConfigureAwait(false);
            }
            try
            {
                var path = _folder.VolumePath(volume);
                return (IVolumeWriter)new LabWriter(
                    _folder, volume, held, FileVolume.OpenTarget(path, new FileInfo(path).Length, isShared: true), options.IsNew);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        });

    /// <summary>Takes the place of a volume's writer, if nobody has it.</summary>
    /// <exception cref="CloudException">Somebody has.</exception>
    internal static FileLock HoldWriter(LabFolder folder, VolumeId volume, string operation) =>
        FileLock.TryHold(folder.WriterLock(volume), isExclusive: true)
        ?? throw new CloudException(CloudFailure.InUse, operation, volume.Value, "somebody has it open for writing");

    /// <summary>
    /// Shuts a volume's writer out for good, whatever it does: even one that is stopped in the middle of a write and wakes up
    /// later. So nothing here waits for it. REQUIRES: the folder's lock is held.
    /// </summary>
    /// <remarks>
    /// First the writer's lock gets another file: no write that ends from now on counts as done. Then the gate, so that a
    /// stopped writer does not keep it from being closed. Then the volume itself: what the old writer still has open is not
    /// the volume any more. A write that was done before is in the copy; one that was under way may be, and was never
    /// called done. A crash between the steps leaves the mark, and with it the next opening does all of it again.
    /// </remarks>
    internal static async Task<FileLock> ShutOutAsync(LabFolder folder, VolumeId volume, CancellationToken cancellation)
    {
        WholeFile.Write(folder.ShuttingOutMark(volume), []);
        var held = FileLock.Replace(folder.WriterLock(volume));
        try
        {
            FileLock.Replace(folder.Gate(volume)).Dispose();
            var path = folder.VolumePath(volume);
            using (var old = FileVolume.OpenSource(path))
                await SparseCopy.ReplaceAsync(old, path, cancellation).ConfigureAwait(false);
            File.Delete(folder.ShuttingOutMark(volume));
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <exception cref="CloudException">A server that is not shut down has the volume.</exception>
    internal static void RefuseRunningServers(LabFolder folder, VolumeId volume, string operation)
    {
        foreach (var server in ServerFile.ReadAll(folder))
        {
            if (server.State != ServerState.Shutdown && server.Disks.Any(disk => disk.Volume == volume))
                throw new CloudException(
                    CloudFailure.InUse, operation, volume.Value, $"the server {server.Name} has it and is not shut down");
        }
    }

    private static CloudException NoLength(string operation, VolumeId volume, long lengthBytes) =>
        new(CloudFailure.Other, operation, volume.Value, $"{lengthBytes} bytes are no length");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
