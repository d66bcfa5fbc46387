using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Edge.Images;

enum ImageFormat
{
    Raw,
    Qcow2,
}

/// <summary>Which format an image file has, or is to have.</summary>
static class ImageFormats
{
    public static readonly Option<string> Option = new("--format")
    { HelpName = "raw | qcow2", Description = "The file's format; by default what its name ends in, else raw." };

    public static ImageFormat Read(ParseResult parsed, string file) => parsed.GetValue(Option) switch
    {
        null => file.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? ImageFormat.Qcow2 : ImageFormat.Raw,
        "raw" => ImageFormat.Raw,
        "qcow2" => ImageFormat.Qcow2,
        var other => throw new UsageException($"--format {other}: there are raw and qcow2"),
    };

    public static string NameOf(ImageFormat format) => format == ImageFormat.Qcow2 ? "qcow2" : "raw";
}
