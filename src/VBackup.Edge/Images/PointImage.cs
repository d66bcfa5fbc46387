using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge.Running;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.Edge.Images;

/// <summary>A volume of a point as an image file. Not thread-safe.</summary>
public sealed class PointImage(PointReading reading, VolumeDocument volume, IRunReport report, DataPathOptions options)
{
    readonly SlotPool _slots = new(options, reading.Reader.Vault.ChunkSize);

    /// <summary>Writes it, and compares all of it with the point before it has its name.</summary>
    /// <exception cref="RefusedException">There is such a file already.</exception>
    public Task<WrittenImage> WriteAsync(ImageFile image, CancellationToken cancellation) =>
        image.WriteAsync(volume.LengthBytes, FillAsync, cancellation);

    /// <summary>Whether a file that is there holds this volume and nothing else: then it has its digest beside afterwards.</summary>
    /// <returns>Null when it does not.</returns>
    public async Task<WrittenImage?> FindAsync(ImageFile image, CancellationToken cancellation)
    {
        using var file = await ImageSource.OpenAsync(image.Path, image.Format, isFormatGiven: true, sha256: null, cancellation,
            followsLinks: false).ConfigureAwait(false);
        var content = await file.ContentAsync(scratch: null, cancellation).ConfigureAwait(false);
        if (content.LengthBytes != volume.LengthBytes) return null;
        if (await DifferenceAsync(content, cancellation).ConfigureAwait(false) is not null) return null;
        var sha256 = await DigestAsync(content, cancellation).ConfigureAwait(false);
        return new(sha256, await image.PublishDigestAsync(sha256, cancellation).ConfigureAwait(false), WrittenBytes: 0);
    }

    // The vault's chunks arrive out of order, so the digest is that of what is in the file; and that was compared with the point before.
    async Task<CopyResult> FillAsync(FileVolume target, CancellationToken cancellation)
    {
        using var progress = report.Follow(volume.Name, volume.LengthBytes);
        using var import = new ImportPipeline(reading.Reader, reading.Reader.Vault.ChunkSize, options, _slots);
        var imported = await import.ImportAsync(Tree(), target, new(), progress, cancellation).ConfigureAwait(false);
        if (await DifferenceAsync(target, cancellation).ConfigureAwait(false) is { } offset)
            throw new CloudException(CloudFailure.Other, "read back", target.Description,
                $"it does not hold what was written: it differs at {offset}");
        return new(await DigestAsync(target, cancellation).ConfigureAwait(false), imported.WrittenBytes);
    }

    /// <returns>Where it begins; null when there is none.</returns>
    async Task<long?> DifferenceAsync(FileVolume content, CancellationToken cancellation)
    {
        using var progress = report.FollowCheck(volume.Name, volume.LengthBytes);
        using var comparison = new VolumeComparison(reading.Reader, reading.Reader.Vault.ChunkSize, options, _slots);
        var compared = await comparison.CompareAllAsync(Tree(), content, progress, cancellation).ConfigureAwait(false);
        return compared.Different is [var first, ..] ? first.Offset : null;
    }

    Task<string> DigestAsync(FileVolume content, CancellationToken cancellation) =>
        new VolumeCopy(options).DigestAsync(content, progress: null, cancellation);

    VolumeTree Tree() => VolumeTree.Open(reading.Reader, reading.Point, volume);
}
