using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Edge.Images;

namespace VBackup.Cli.Edge.Images;

/// <summary>What is to be imported, and as what.</summary>
/// <param name="Sha256">What the raw content must have; null to go by the file beside the image, if there is one.</param>
/// <param name="Scratch">Where a qcow2 file is unpacked; null for its own folder.</param>
sealed record ImportOrder(string File, ImageFormat Format, bool IsFormatGiven, string Volume, string? Sha256, string? Scratch);

/// <summary><c>vbackup edge import-image</c></summary>
static class ImportImage
{
    static readonly Argument<string> s_file = new("FILE") { Description = "A raw or qcow2 image." };
    static readonly Option<string> s_newVolume = new("--new-volume")
    { HelpName = "NAME", Required = true, Description = "The volume to make: a name, or as its storage names it: pool/image on Ceph." };
    static readonly Option<string> s_sha256 = new("--sha256")
    { HelpName = "HEX", Description = "The SHA-256 that the raw content must have; by default that in FILE.sha256 (of qcow2: "
        + "FILE.raw-sha256), if there is one." };
    static readonly Option<string> s_scratch = new("--scratch")
    { HelpName = "FOLDER", Description = "Where a qcow2 file is unpacked, for the time of the import; by default its own folder." };

    public static Command Define()
    {
        var command = new Command("import-image",
            "Make a new volume from a raw or qcow2 file; its digest is checked, and everything is read back.")
        { s_file };
        CloudConfig.AddOption(command);
        foreach (var option in (Option[])[s_newVolume, ImageFormatOption.Option, s_sha256, s_scratch]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(CloudConfig.Read(parsed), ReadOrder(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static ImportOrder ReadOrder(ParseResult parsed)
    {
        var file = parsed.GetRequiredValue(s_file);
        return new(file, ImageFormatOption.Read(parsed, file), parsed.GetValue(ImageFormatOption.Option) is not null,
            parsed.GetRequiredValue(s_newVolume), parsed.GetValue(s_sha256) is { } digest ? ReadDigest(digest) : null,
            parsed.GetValue(s_scratch));
    }

    static string ReadDigest(string text) => ImageDigest.Parse(text) ?? throw new UsageException("--sha256 needs 64 hexadecimal digits");

    static async Task<int> HandleAsync(string config, ImportOrder order, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        using var source = await ImageSource.OpenAsync(order.File, order.Format, order.IsFormatGiven, order.Sha256, stop)
            .ConfigureAwait(false);
        var cloud = await CloudConfig.OpenAsync(config, screen, stop).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        var volume = cloud.NewVolume(order.Volume);
        var imported = await source.ImportAsync(cloud, volume, order.Scratch, attempt: null, screen, stop)
            .ConfigureAwait(false);
        screen.Event(new ImageImportedEvent(order.File, ImageFormats.NameOf(order.Format), volume.Value, imported.Sha256,
            imported.IsExpected, imported.LengthBytes, imported.WrittenBytes, meter.ElapsedSeconds), EventJson.Default.ImageImportedEvent);
        screen.Line($"imported {order.File} as volume {volume}: {Units.Size(imported.LengthBytes)}, "
            + $"{Units.Size(imported.WrittenBytes)} written, everything read back, in {Units.Duration(meter.Elapsed)}");
        screen.Line($"SHA-256 of the raw content, {(imported.IsExpected ? "as expected" : "not compared with any")}: {imported.Sha256}");
        return ExitStatus.Done;
    }
}
