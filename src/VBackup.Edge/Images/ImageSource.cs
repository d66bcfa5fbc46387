using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>A volume that was made of an image file.</summary>
/// <param name="IsExpected">The content was compared with a digest.</param>
public sealed record ImportedImage(string Sha256, bool IsExpected, long LengthBytes, long WrittenBytes);

/// <summary>A raw or qcow2 file that is read. One from elsewhere may be hostile: it is looked at before anything believes it.</summary>
public sealed class ImageSource : IDisposable
{
    readonly string _path;
    readonly ImageFormat _format;
    readonly FileVolume _file;
    readonly string? _expected;
    PartialFile? _unpacked;

    ImageSource(string path, ImageFormat format, FileVolume file, string? expected) =>
        (_path, _format, _file, _expected) = (path, format, file, expected);

    /// <summary>Opens it. From now on it is this very file, whatever has its name.</summary>
    /// <param name="isFormatGiven">Else it was taken from the name.</param>
    /// <param name="sha256">What the raw content must have; null to go by the file beside the image, if there is one.</param>
    /// <param name="followsLinks">Not in a folder to which others may write.</param>
    /// <exception cref="RefusedException">The format is doubtful, or what is beside it is no digest.</exception>
    /// <exception cref="IOException">It cannot be opened, or holds no volume, such as a pipe that would be waited for.</exception>
    public static async Task<ImageSource> OpenAsync(
        string path, ImageFormat format, bool isFormatGiven, string? sha256, CancellationToken cancellation, bool followsLinks = true)
    {
        var file = FileVolume.OpenSource(path, followsLinks);
        try
        {
            if (format == ImageFormat.Raw && !isFormatGiven && await QcowHeader.IsOnAsync(file, cancellation).ConfigureAwait(false))
                throw new RefusedException($"{path} begins as qcow2 files do: give --format qcow2, or --format raw to import it as it is");
            return new(path, format, file,
                sha256 ?? await ImageDigest.FindAsync(path, format, cancellation, followsLinks).ConfigureAwait(false));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The raw content: of a qcow2 file, it is unpacked first.</summary>
    /// <param name="scratch">Where to; null for the file's own folder.</param>
    public async Task<FileVolume> ContentAsync(string? scratch, CancellationToken cancellation)
    {
        if (_format == ImageFormat.Raw) return _file;
        _unpacked ??= await UnpackAsync(scratch, cancellation).ConfigureAwait(false);
        return _unpacked.Volume;
    }

    /// <summary>Makes a volume of it, and reads everything back. What a failure leaves half made is removed.</summary>
    /// <param name="attempt">Another one knows what this one left, should it be killed: it is removed then, and made anew. Null when
    /// there is one only.</param>
    /// <exception cref="RefusedException">There is such a volume, or the content is not what was expected.</exception>
    public async Task<ImportedImage> ImportAsync(
        EdgeCloud cloud, VolumeId volume, string? scratch, RunAttempt? attempt, IRunReport report, CancellationToken cancellation)
    {
        var storage = cloud.Storage;
        await RequireFreeAsync(storage, volume, attempt, cancellation).ConfigureAwait(false);
        var content = await ContentAsync(scratch, cancellation).ConfigureAwait(false);
        if (content.LengthBytes == 0) throw new RefusedException($"{_path} is empty");
        var copy = new VolumeCopy(new());
        await RequireRoomAsync(copy, content, storage, volume, cancellation).ConfigureAwait(false);
        await HalfMadeVolumes.CreateAsync(storage, volume, content.LengthBytes, attempt?.MakingClaim, cancellation).ConfigureAwait(false);
        try
        {
            var copied = await WriteAsync(copy, content, storage, volume, attempt, report, cancellation).ConfigureAwait(false);
            if (_expected is not null && copied.Sha256 != _expected)
                throw new RefusedException("the image is not what its digest says: its content has the SHA-256 "
                    + $"{copied.Sha256}, expected is {_expected}");
            await ReadBackAsync(copy, storage, volume, copied.Sha256, report, cancellation).ConfigureAwait(false);
            return new(copied.Sha256, _expected is not null, content.LengthBytes, copied.WrittenBytes);
        }
        catch (Exception failure)
        {
            await new HalfMadeVolumes(storage, attempt, new(report, cloud.Clock, cancellation))
                .RemoveAsync([new(volume, IsNew: true)], failure).ConfigureAwait(false);
            throw;
        }
    }

    static async Task RequireFreeAsync(IVolumeStorage storage, VolumeId volume, RunAttempt? attempt, CancellationToken cancellation)
    {
        if (await storage.FindLengthAsync(volume, cancellation).ConfigureAwait(false) is null) return;
        if (attempt is null) throw new RefusedException($"there is a volume {volume} already: give another name");
        if (!attempt.IsOfRun(await storage.FindClaimAsync(volume, cancellation).ConfigureAwait(false)))
            throw new RefusedException($"there is a volume {volume} already: give another name; or, if an import to this name was killed, "
                + "remove what it left half made");
        await LeftBehind.RemoveAsync(storage, attempt, volume, cancellation).ConfigureAwait(false);
    }

    // Zeros are not written, and a file may be full of them: where neither its length nor its holes say that it fits, it is read until
    // that is certain. To fail when all the room is used up would cost others in the pool more.
    async Task RequireRoomAsync(
        VolumeCopy copy, FileVolume content, IVolumeStorage storage, VolumeId volume, CancellationToken cancellation)
    {
        if (await storage.FindRoomAsync(volume, cancellation).ConfigureAwait(false) is not { } room
            || content.LengthBytes <= room.FreeBytes || content.AllocatedExtents().Sum(range => range.Length) <= room.FreeBytes
            || await copy.CountAsync(content, room.FreeBytes, cancellation).ConfigureAwait(false) <= room.FreeBytes) return;
        throw new RefusedException($"the {room.Place} has {Units.Size(room.FreeBytes)} left, and {volume} needs more than that: {_path} "
            + $"has more that is not zero, of {Units.Size(content.LengthBytes)}: make room there; nothing was made");
    }

    static async Task<CopyResult> WriteAsync(VolumeCopy copy, FileVolume content, IVolumeStorage storage, VolumeId volume,
        RunAttempt? attempt, IRunReport report, CancellationToken cancellation)
    {
        var options = attempt is null ? new WriterOptions { IsNew = true }
            : await attempt.TakingOverAsync(storage, volume, isNew: true, cancellation).ConfigureAwait(false);
        var writer = await storage.OpenWriterAsync(volume, options, cancellation).ConfigureAwait(false);
        await using var closing = writer.ConfigureAwait(false);
        using var progress = report.Follow(volume.Value, content.LengthBytes);
        return await copy.CopyAsync(content, writer, progress, cancellation).ConfigureAwait(false);
    }

    static async Task ReadBackAsync(
        VolumeCopy copy, IVolumeStorage storage, VolumeId volume, string expected, IRunReport report, CancellationToken cancellation)
    {
        var reader = await storage.OpenReaderAsync(volume, cancellation).ConfigureAwait(false);
        await using var closing = reader.ConfigureAwait(false);
        using var progress = report.FollowCheck(volume.Value, reader.LengthBytes);
        if (await copy.DigestAsync(reader, progress, cancellation).ConfigureAwait(false) != expected)
            throw new CloudException(CloudFailure.Other, "read back", volume.Value, "it does not hold what was written");
    }

    async Task<PartialFile> UnpackAsync(string? scratch, CancellationToken cancellation)
    {
        using var image = await HeldQcow.HoldAsync(_file, _path, cancellation).ConfigureAwait(false);
        _ = QemuImage.FindProgram();
        var folder = scratch ?? Path.GetDirectoryName(Path.GetFullPath(_path))!;
        if (!Directory.Exists(folder)) throw new RefusedException($"there is no folder {folder}");
        var allocated = await RequireRoomAsync(folder, image, cancellation).ConfigureAwait(false);
        var raw = MakeRaw(folder, image.Header.LengthBytes);
        try
        {
            await QemuImage.ToRawAsync(image, allocated, raw.Volume, cancellation).ConfigureAwait(false);
            return raw;
        }
        catch
        {
            raw.Dispose();
            throw;
        }
    }

    // Nobody's disk is filled up to find out how much comes of a file.
    /// <returns>How much will be written, at most.</returns>
    async Task<long> RequireRoomAsync(string folder, HeldQcow image, CancellationToken cancellation)
    {
        var free = new DriveInfo(folder).AvailableFreeSpace;
        var allocated = await image.CountAsync(free, cancellation).ConfigureAwait(false);
        if (allocated <= free) return allocated;
        throw new RefusedException($"the folder {folder} has {Units.Size(free)} left, and {_path} may need more than that while it is "
            + $"unpacked there: its volume has {Units.Size(image.Header.LengthBytes)}, of which so much is not known to be zero: make room "
            + "there, or unpack it elsewhere (--scratch names a folder); nothing was made");
    }

    PartialFile MakeRaw(string folder, long length)
    {
        try
        {
            return PartialFile.Make(Path.Combine(folder, $"{Path.GetFileName(_path)}.raw"), length);
        }
        catch (IOException tooLong) when (tooLong.HResult == FileVolume.TooLong)
        {
            Aftermath.Add(tooLong, "a qcow2 file is unpacked there, as long as its volume, before it is imported: unpack it on another "
                + "file system (--scratch names a folder), or make a volume of that length and have 'qemu-img convert' write to it");
            throw;
        }
    }

    public void Dispose()
    {
        _unpacked?.Dispose();
        _file.Dispose();
    }
}
