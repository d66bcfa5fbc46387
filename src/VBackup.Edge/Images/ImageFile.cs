using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>An image file that was written.</summary>
public sealed record WrittenImage(string Sha256, string DigestFile, long WrittenBytes);

/// <summary>Writes an image file: nothing stands under its name, or its digest's, before all of it is durable.</summary>
/// <param name="file">Where to. REQUIRES: nothing is there.</param>
public sealed class ImageFile(string file, ImageFormat format)
{
    public string Path => file;
    public ImageFormat Format => format;

    const int SectorSize = 512;

    /// <param name="fill">Writes the volume's content to a file that is all zero, and returns its digest.</param>
    public async Task<WrittenImage> WriteAsync(
        long lengthBytes, Func<FileVolume, CancellationToken, Task<CopyResult>> fill, CancellationToken cancellation)
    {
        await ImageDigest.RefuseForeignAsync(file, format, cancellation).ConfigureAwait(false);
        if (format == ImageFormat.Raw)
        {
            using var raw = PartialFile.Make(file, lengthBytes);
            return await PublishAsync(raw, await fill(raw.Volume, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        if (lengthBytes % SectorSize != 0)
            throw new RefusedException($"the volume has {lengthBytes} bytes, no whole number of sectors, which qcow2 cannot say: export "
                + "it as raw");
        // Made first, so that another export to the same name is told at once.
        using var qcow2 = PartialFile.Make(file, 0);
        CopyResult copied;
        using (var raw = PartialFile.Make($"{file}.raw", lengthBytes))
        {
            copied = await fill(raw.Volume, cancellation).ConfigureAwait(false);
            await QemuImage.FromRawAsync(raw.Volume, qcow2.Volume, cancellation).ConfigureAwait(false);
        }
        return await PublishAsync(qcow2, copied, cancellation).ConfigureAwait(false);
    }

    async Task<WrittenImage> PublishAsync(PartialFile image, CopyResult copied, CancellationToken cancellation)
    {
        PartialFile.RefuseExisting(file);
        await ImageDigest.RefuseForeignAsync(file, format, cancellation).ConfigureAwait(false);
        // First the digest: an image that has its name has its digest. One whose image never came is replaced by the next run.
        var digestFile = await PublishDigestAsync(copied.Sha256, cancellation).ConfigureAwait(false);
        try
        {
            await image.PublishAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            File.Delete(digestFile);
            throw;
        }
        return new(copied.Sha256, digestFile, copied.WrittenBytes);
    }

    /// <returns>The digest's file.</returns>
    internal async Task<string> PublishDigestAsync(string sha256, CancellationToken cancellation)
    {
        var digestFile = ImageDigest.FileFor(file, format);
        var line = ImageDigest.LineFor(file, format, sha256);
        using var digest = PartialFile.Make(digestFile, line.Length);
        await digest.Volume.WriteAsync(0, line, cancellation).ConfigureAwait(false);
        await digest.PublishAsync(cancellation).ConfigureAwait(false);
        return digestFile;
    }
}
