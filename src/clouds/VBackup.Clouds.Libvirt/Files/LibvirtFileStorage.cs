using System.Globalization;
using VBackup.Clouds.Libvirt.Backups;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>
/// Volumes that are files, raw or qcow2, or block devices, of servers of one libvirt on this host. A volume's id is its full
/// path. Everything is read and written through QEMU, so an image is never opened in two ways at once. Thread-safe, and safe
/// beside other processes that use the same folder.
/// </summary>
public sealed class LibvirtFileStorage : IVolumeStorage
{
    private static readonly TimeSpan s_imageToolLimit = TimeSpan.FromMinutes(5);

    private readonly LibvirtHypervisor _hypervisor;
    private readonly StateFolder _state;
    private readonly TimeProvider _clock;
    private readonly ImageOpening _opening;
    private readonly FileSnapshots _snapshots;

    /// <param name="hypervisor">Of this host; it stays the caller's.</param>
    /// <param name="volumeFolder">Where new volumes are made, and what is kept beside them.</param>
    /// <exception cref="CloudException">The folder is not there, or not to be written.</exception>
    public LibvirtFileStorage(LibvirtHypervisor hypervisor, string volumeFolder, TimeProvider clock)
    {
        (_hypervisor, _clock) = (hypervisor, clock);
        try
        {
            _state = new(volumeFolder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CloudException(CloudFailure.NotFound, "open", volumeFolder, failure.Message, failure);
        }
        _opening = new(_state, clock);
        _snapshots = new(hypervisor, _state, _opening, FindFile, clock);
    }

    public string Description => _state.VolumeFolder;

    public IVolumeSnapshots Snapshots => _snapshots;

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(async () =>
            Exists(volume) ? FindFile(volume, await ServersAsync(cancellation).ConfigureAwait(false)).FindLength() : null);

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync<VolumeSize?>(async () =>
            Exists(volume) && FindFile(volume, await ServersAsync(cancellation).ConfigureAwait(false)).FindLength() is { } length
                ? FileIdentity.SizeOf(volume.Value, length) : null);

    // The device's numbers may be others after a restart of the host.
    public Task<string?> FindIdentityAsync(VolumeId volume, CancellationToken cancellation) =>
        FileIdentity.Of(volume.Value) is { } identity
            ? Task.FromResult<string?>(string.Create(CultureInfo.InvariantCulture, $"inode-{identity.Inode}"))
            : throw new CloudException(CloudFailure.NotFound, "look at", volume.Value, "there is no such file");

    public Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation) =>
        new FileCall("create", volume.Value, cancellation).RunAsync(async () =>
        {
            RefuseLength("create", volume, lengthBytes);
            if (!Path.IsPathFullyQualified(volume.Value) || volume.Value.StartsWith("/dev/", StringComparison.Ordinal)
                || volume.Value.EndsWith('/'))
                throw new CloudException(CloudFailure.Other, "create", volume.Value, "a new volume is a file: give its full path");
            using var place = _opening.Hold(volume, "create");
            var fresh = Unfinished(volume);
            // A maker who was killed may have left it; where he had given the volume its name already, as a second one.
            File.Delete(fresh);
            if (Exists(volume)) throw new CloudException(CloudFailure.Exists, "create", volume.Value, "there is one already");
            try
            {
                // For its owner's eyes only; libvirt gives it to QEMU when a server starts.
                using (var raw = FileVolume.OpenTarget(fresh, lengthBytes)) await raw.FlushAsync(cancellation).ConfigureAwait(false);
                if (VolumeFile.ByName(volume).IsQcow2)
                    await ImageToolAsync("create", volume, cancellation, "create", "-q", "-f", "qcow2", fresh, Text(lengthBytes))
                        .ConfigureAwait(false);
                // Of an earlier one of that name, which somebody may have removed who knows nothing of notes.
                File.Delete(_state.RestoreNote(volume));
                VolumeClaim.Make(_state.Claim(volume), fresh, claim);
                File.Move(fresh, volume.Value);
                FileIdentity.SyncFolderOf(volume.Value);
            }
            catch
            {
                File.Delete(fresh);
                throw;
            }
            return true;
        });

    public Task RemoveAsync(VolumeId volume, CancellationToken cancellation) => RemoveAsync(volume, null, cancellation);

    public Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation) =>
        RemoveAsync(volume, claims, cancellation);

    private Task<bool> RemoveAsync(VolumeId volume, IReadOnlyList<string>? claims, CancellationToken cancellation) =>
        new FileCall("remove", volume.Value, cancellation).RunAsync(async () =>
        {
            if (!Exists(volume)) return claims is null && RemoveUnfinished(volume);
            RefuseActiveServers(await ServersAsync(cancellation).ConfigureAwait(false), volume, "remove");
            if (volume.Value.StartsWith("/dev/", StringComparison.Ordinal))
                throw new CloudException(CloudFailure.NotSupported, "remove", volume.Value, "a device is not removed");
            if ((await _snapshots.ListAsync([volume], cancellation).ConfigureAwait(false)).FirstOrDefault(instant =>
                instant.IsReadable) is { } instant)
                throw new CloudException(
                    CloudFailure.InUse, "remove", volume.Value, $"it has snapshots, {instant.Name} first: remove them");
            // As long as it is held, nobody takes over: nothing that may take its time is asked meanwhile.
            using var alone = await _opening.HoldTakingOverAsync(volume, "remove", cancellation).ConfigureAwait(false);
            if (claims?.Contains(VolumeClaim.Read(_state.Claim(volume), volume.Value) ?? "") == false) return false;
            using var place = _opening.Hold(volume, "remove");
            File.Delete(volume.Value);
            RemoveRemains(volume);
            return true;
        });

    public Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation) =>
        new FileCall("remove", volume.Value, cancellation).RunAsync(() => Task.FromResult(RemoveUnfinished(volume)));

    private bool RemoveUnfinished(VolumeId volume)
    {
        if (!File.Exists(Unfinished(volume))) return false;
        // Whoever makes it holds this as long as it is unfinished.
        using var place = _opening.Hold(volume, "remove");
        return !Exists(volume) && RemoveRemains(volume);
    }

    // REQUIRES: the writer's place is held, and there is no such volume.
    private bool RemoveRemains(VolumeId volume)
    {
        var wasUnfinished = File.Exists(Unfinished(volume));
        File.Delete(Unfinished(volume));
        FileIdentity.SyncFolderOf(volume.Value);
        foreach (var file in _state.FilesOf(volume))
        {
            File.Delete(file);
            File.Delete(file + ".new");
        }
        return wasUnfinished;
    }

    // Not the volume's name with something behind it: that may be somebody's disk.
    private static string Unfinished(VolumeId volume) =>
        Path.Combine(Path.GetDirectoryName(volume.Value) ?? "/", $".{Path.GetFileName(volume.Value)}.vbackup-new");

    public Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation) =>
        new FileCall("resize", volume.Value, cancellation).RunAsync(async () =>
        {
            RefuseLength("resize", volume, lengthBytes);
            var file = await RequireStillAsync(volume, "resize", cancellation).ConfigureAwait(false);
            using var place = _opening.Hold(volume, "resize");
            var before = file.FindLength() ?? 0;
            await ImageToolAsync("resize", volume, cancellation, "resize", "-q", "-f", file.Format, "--shrink", file.Path,
                Text(lengthBytes))
                .ConfigureAwait(false);
            // Of the cluster in which a qcow2 image ended, what lies behind the end is as it was before it was cut off there.
            if (file.IsQcow2 && lengthBytes > before)
                await _opening.ZeroAsync(file, new(before, Math.Min(lengthBytes - before, VolumeFile.ClusterBytesMax)), cancellation)
                    .ConfigureAwait(false);
            return true;
        });

    public Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() =>
        {
            // The copies that its snapshots are lie below the folder of new volumes, wherever a volume lies.
            var folder = Exists(volume) ? _state.VolumeFolder : Path.GetDirectoryName(volume.Value);
            return Task.FromResult<StorageRoom?>(
                Directory.Exists(folder) ? new($"folder {folder}", new DriveInfo(folder).AvailableFreeSpace) : null);
        });

    public Task RequireWritableAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("ask whether it may be written", volume.Value, cancellation).RunAsync(() =>
        {
            FileVolume.RequireWritable(volume.Value);
            return Task.CompletedTask;
        });

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult(
            Exists(volume) ? RestoreNoteFile.Read(_state.RestoreNote(volume), volume.Value) : null));

    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("look at", volume.Value, cancellation).RunAsync(() => Task.FromResult(
            Exists(volume) ? VolumeClaim.Read(_state.Claim(volume), volume.Value) : null));

    /// <inheritdoc/>
    /// <remarks>QEMU locks the files of images.</remarks>
    public bool ReadsBesideWriters => false;

    /// <inheritdoc/>
    /// <remarks>One that a running server has is read from a snapshot only: nobody but its QEMU knows all of it.</remarks>
    public Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation) =>
        new FileCall("open", volume.Value, cancellation).RunAsync(async () =>
        {
            var file = await RequireStillAsync(volume, "open", cancellation).ConfigureAwait(false);
            return await _opening.ForReadingAsync(file.Path, file.Format, file.Path, cancellation).ConfigureAwait(false);
        });

    public Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation) =>
        new FileCall("open for writing", volume.Value, cancellation).RunAsync(async () =>
        {
            var file = await RequireStillAsync(volume, "open for writing", cancellation).ConfigureAwait(false);
            return await _opening.ForWritingAsync(file, options, cancellation).ConfigureAwait(false);
        });

    private static bool Exists(VolumeId volume) =>
        FileIdentity.Of(volume.Value) is { Kind: FileKind.RegularFile or FileKind.BlockDevice };

    private Task<IReadOnlyList<DomainFiles>> ServersAsync(CancellationToken cancellation) => _hypervisor.ListFilesAsync(cancellation);

    private async Task<VolumeFile> RequireStillAsync(VolumeId volume, string operation, CancellationToken cancellation)
    {
        if (!Exists(volume)) throw new CloudException(CloudFailure.NotFound, operation, volume.Value, "there is no such file");
        var servers = await ServersAsync(cancellation).ConfigureAwait(false);
        RefuseActiveServers(servers, volume, operation);
        return FindFile(volume, servers);
    }

    private static VolumeFile FindFile(VolumeId volume, IReadOnlyList<DomainFiles> servers) =>
        servers.Select(server => server.Find(volume)).FirstOrDefault(file => file is not null) is { } known
            ? VolumeFile.ByFormat(volume, known.Format) : VolumeFile.ByName(volume);

    internal static void RefuseActiveServers(IReadOnlyList<DomainFiles> servers, VolumeId volume, string operation)
    {
        if (servers.FirstOrDefault(server => server.IsActive && server.Find(volume) is not null) is { } user)
            throw new CloudException(
                CloudFailure.InUse, operation, volume.Value, $"the server {user.Name} has it and is not shut down");
    }

    private static void RefuseLength(string operation, VolumeId volume, long lengthBytes)
    {
        if (lengthBytes < 0 || lengthBytes % VolumeFile.SectorBytes != 0)
            throw new CloudException(
                CloudFailure.Other, operation, volume.Value,
                    $"{lengthBytes} bytes are no length: a disk has whole sectors of {VolumeFile.SectorBytes}");
    }

    private Task ImageToolAsync(string operation, VolumeId volume, CancellationToken cancellation, params string[] arguments) =>
        QemuProgram.RunImageToolAsync(operation, volume.Value, s_imageToolLimit, _clock, cancellation, arguments);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Ends the backups that were begun here and never given up.</summary>
    public ValueTask DisposeAsync() => _snapshots.DisposeAsync();
}
