using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge;
using VBackup.Edge.Images;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Vault.Catalog;
using VBackup.Vault.Reading;

namespace VBackup.Worker;

/// <summary>Volumes of points into image files, and image files into new volumes. Each can be done again by whoever comes after one that
/// died.</summary>
static class ImageWork
{
    public static async Task<ImageResult> ExportAsync(ImageFolder images, VaultOpening vaults, ExportImageOrder order, WorkSecrets secrets,
        LeaseReport report, DataPathOptions options, CancellationToken cancellation)
    {
        var file = images.FileFor(order.Project, order.File);
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var point = await VaultCatalog.FindAsync(vault, order.VaultPoint, cancellation).ConfigureAwait(false);
        var volume = ImportWork.TheOnly(ImportWork.Choose(point, order.Volume));
        var reading = await PointReading.BeginAsync(vault, "export", point, cancellation).ConfigureAwait(false);
        await using var ending = reading.ConfigureAwait(false);
        var image = new PointImage(reading, volume, report, options);
        var target = new ImageFile(file, FormatOf(order.Format) ?? ImageFormats.OfName(file));
        // An attempt before may have made it, and died before it could say so.
        var written = !Path.Exists(file) ? await image.WriteAsync(target, cancellation).ConfigureAwait(false)
            : await image.FindAsync(target, cancellation).ConfigureAwait(false)
                ?? throw new RefusedException(
                    $"there is a file {order.File} already, which holds something else: remove it, or give another name");
        return new($"file {order.File}", written.Sha256, volume.LengthBytes, written.WrittenBytes, report.Notes);
    }

    public static async Task<ImageResult> ImportAsync(
        EdgeCloud cloud, ImageFolder images, ImportImageOrder order, LeaseReport report, RunAttempt attempt,
        CancellationToken cancellation)
    {
        var file = images.FileFor(order.Project, order.File);
        if (!File.Exists(file)) throw new RefusedException($"the project's folder for images has no file {order.File}");
        var format = FormatOf(order.Format);
        using var source = await ImageSource.OpenAsync(
            file, format ?? ImageFormats.OfName(file), isFormatGiven: format is not null, sha256: null, cancellation,
            followsLinks: false).ConfigureAwait(false);
        var volume = NewResources.NewVolume(cloud, new VolumeId(order.Beside), order.NewName);
        var imported = await source.ImportAsync(
            cloud, volume, scratch: null, attempt, report, cancellation).ConfigureAwait(false);
        if (!imported.IsExpected) report.Note("there was no digest beside the file that its content could be compared with");
        return new($"volume {volume}", imported.Sha256, imported.LengthBytes, imported.WrittenBytes, report.Notes);
    }

    static ImageFormat? FormatOf(ImageFormatView? format) => format switch
    {
        ImageFormatView.Raw => ImageFormat.Raw,
        ImageFormatView.Qcow2 => ImageFormat.Qcow2,
        _ => null,
    };
}
