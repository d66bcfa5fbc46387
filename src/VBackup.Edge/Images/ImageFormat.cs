namespace VBackup.Edge.Images;

public enum ImageFormat
{
    Raw,
    Qcow2,
}

/// <summary>Which format an image file has, or is to have.</summary>
public static class ImageFormats
{
    /// <summary>What a file's name ends in, else raw.</summary>
    public static ImageFormat OfName(string file) =>
        file.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? ImageFormat.Qcow2 : ImageFormat.Raw;

    public static string NameOf(ImageFormat format) => format == ImageFormat.Qcow2 ? "qcow2" : "raw";
}
