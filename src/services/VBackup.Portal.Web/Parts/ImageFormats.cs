using VBackup.Contracts.Messages;

namespace VBackup.Portal.Web.Parts;

/// <summary>The formats of image files, to choose from.</summary>
static class ImageFormats
{
    /// <summary>What the file's name ends in.</summary>
    public const string Default = "";

    public static IReadOnlyList<(string Value, string Word)> All { get; } =
        [(Default, "As the name ends, else raw"), ("raw", "raw"), ("qcow2", "qcow2")];

    public static ImageFormatView? Of(string? chosen) => chosen switch
    {
        "raw" => ImageFormatView.Raw,
        "qcow2" => ImageFormatView.Qcow2,
        _ => null,
    };
}
