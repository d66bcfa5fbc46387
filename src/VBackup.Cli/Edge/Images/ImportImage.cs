using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge.Restores;

namespace VBackup.Cli.Edge.Images;

/// <summary>What is to be imported, and as what.</summary>
/// <param name="Sha256">What the raw content must have; null to go by the file beside the image, if there is one.</param>
/// <param name="Scratch">Where a qcow2 file is unpacked; null for its own folder.</param>
sealed record ImportOrder(string File, ImageFormat Format, bool IsFormatGiven, VolumeId Volume, string? Sha256, string? Scratch);

/// <summary><c>vbackup edge import-image</c></summary>
static class ImportImage
{
    static readonly Argument<string> s_file = new("FILE") { Description = "A raw or qcow2 image." };
    static readonly Option<string> s_newVolume = new("--new-volume")
    { HelpName = "NAME", Required = true, Description = "The volume to make, as its storage names it: pool/image on Ceph." };
    static readonly Option<string> s_sha256 = new("--sha256")
    { HelpName = "HEX", Description = "The SHA-256 that the raw content must have; by default that in FILE.sha256 (of qcow2: FILE.raw.sha256), if there is one." };
    static readonly Option<string> s_scratch = new("--scratch")
    { HelpName = "FOLDER", Description = "Where a qcow2 file is unpacked, for the time of the import; by default its own folder." };

    public static Command Define()
    {
        var command = new Command("import-image", "Make a new volume from a raw or qcow2 file; its digest is checked, and everything is read back.")
        { s_file };
        CloudConfig.AddOption(command);
        foreach (var option in (Option[])[s_newVolume, ImageFormats.Option, s_sha256, s_scratch]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(CloudConfig.Read(parsed), ReadOrder(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static ImportOrder ReadOrder(ParseResult parsed)
    {
        var file = parsed.GetRequiredValue(s_file);
        return new(file, ImageFormats.Read(parsed, file), parsed.GetValue(ImageFormats.Option) is not null,
            new(parsed.GetRequiredValue(s_newVolume)), parsed.GetValue(s_sha256) is { } digest ? ImageDigest.Parse(digest) : null,
            parsed.GetValue(s_scratch));
    }

    static async Task<int> HandleAsync(string config, ImportOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        // It refuses what holds no volume, such as a pipe that would be waited for.
        using var file = FileVolume.OpenSource(order.File);
        if (order is { Format: ImageFormat.Raw, IsFormatGiven: false } && QcowHeader.IsOn(order.File))
            throw new RefusedException($"{order.File} begins as qcow2 files do: give --format qcow2, or --format raw to import it as it is");
        var expected = order.Sha256 ?? await ImageDigest.FindAsync(order.File, order.Format, stop).ConfigureAwait(false);
        var cloud = await CloudConfig.OpenAsync(config, stop).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        if (await cloud.Storage.FindLengthAsync(order.Volume, stop).ConfigureAwait(false) is not null)
            throw new RefusedException($"there is a volume {order.Volume} already: give another name");

        using var unpacked = order.Format == ImageFormat.Qcow2 ? await UnpackAsync(order, stop).ConfigureAwait(false) : null;
        var source = unpacked?.Volume ?? file;
        if (source.LengthBytes == 0) throw new RefusedException($"{order.File} is empty");
        var copied = await MakeVolumeAsync(cloud.Storage, order.Volume, source, expected, screen, stop).ConfigureAwait(false);
        screen.Event(new ImageImportedEvent(order.File, ImageFormats.NameOf(order.Format), order.Volume.Value, copied.Sha256, expected is not null,
            source.LengthBytes, copied.WrittenBytes, meter.ElapsedSeconds), EventJson.Default.ImageImportedEvent);
        screen.Line($"imported {order.File} as volume {order.Volume}: {Units.Size(source.LengthBytes)}, {Units.Size(copied.WrittenBytes)} written, "
            + $"everything read back, in {Units.Duration(meter.Elapsed)}");
        screen.Line($"SHA-256 of the raw content, {(expected is null ? "not compared with any" : "as expected")}: {copied.Sha256}");
        return ExitStatus.Done;
    }

    static async Task<PartialFile> UnpackAsync(ImportOrder order, CancellationToken cancellation)
    {
        var length = QcowHeader.CheckAndReadLength(order.File);
        _ = QemuImage.FindProgram();
        var folder = order.Scratch ?? Path.GetDirectoryName(Path.GetFullPath(order.File))!;
        if (!Directory.Exists(folder)) throw new RefusedException($"there is no folder {folder}");
        var raw = PartialFile.Make(Path.Combine(folder, $"{Path.GetFileName(order.File)}.raw"), length);
        try
        {
            await QemuImage.ToRawAsync(order.File, raw.Path, cancellation).ConfigureAwait(false);
            return raw;
        }
        catch
        {
            raw.Dispose();
            throw;
        }
    }

    static async Task<CopyResult> MakeVolumeAsync(IVolumeStorage storage, VolumeId volume, FileVolume source, string? expected, Screen screen,
        CancellationToken cancellation)
    {
        await storage.CreateAsync(volume, source.LengthBytes, cancellation).ConfigureAwait(false);
        try
        {
            var copy = new VolumeCopy(new());
            CopyResult copied;
            var writer = await storage.OpenWriterAsync(volume, new() { IsNew = true }, cancellation).ConfigureAwait(false);
            await using (writer.ConfigureAwait(false))
            {
                using var progress = screen.Follow(volume.Value, source.LengthBytes);
                copied = await copy.CopyAsync(source, writer, progress, cancellation).ConfigureAwait(false);
            }
            if (expected is not null && copied.Sha256 != expected)
                throw new RefusedException($"the image is not what its digest says: its content has the SHA-256 {copied.Sha256}, expected is {expected}");
            await ReadBackAsync(storage, volume, copy, copied.Sha256, screen, cancellation).ConfigureAwait(false);
            return copied;
        }
        catch (Exception failure)
        {
            await NewResources.RemoveAsync(storage, [volume], failure).ConfigureAwait(false);
            throw;
        }
    }

    static async Task ReadBackAsync(
        IVolumeStorage storage, VolumeId volume, VolumeCopy copy, string expected, Screen screen, CancellationToken cancellation)
    {
        var reader = await storage.OpenReaderAsync(volume, cancellation).ConfigureAwait(false);
        await using var closing = reader.ConfigureAwait(false);
        using var progress = screen.Follow($"{volume} read back", reader.LengthBytes);
        if (await copy.DigestAsync(reader, progress, cancellation).ConfigureAwait(false) != expected)
            throw new CloudException(CloudFailure.Other, "read back", volume.Value, "it does not hold what was written");
    }
}
