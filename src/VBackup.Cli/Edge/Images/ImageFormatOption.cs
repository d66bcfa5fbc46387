using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Edge.Images;

namespace VBackup.Cli.Edge.Images;

/// <summary><c>--format</c> of an image file.</summary>
static class ImageFormatOption
{
    public static readonly Option<string> Option = new("--format")
    { HelpName = "raw | qcow2", Description = "The file's format; by default what its name ends in, else raw." };

    public static ImageFormat Read(ParseResult parsed, string file) => parsed.GetValue(Option) switch
    {
        null => ImageFormats.OfName(file),
        "raw" => ImageFormat.Raw,
        "qcow2" => ImageFormat.Qcow2,
        var other => throw new UsageException($"--format {other}: there are raw and qcow2"),
    };
}
