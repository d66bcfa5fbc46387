using System.Text;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Edge.Images;

/// <summary>
/// The file with the SHA-256 of an image's content, as <c>sha256sum</c> writes and checks it: beside <c>vda.raw</c> it is
/// <c>vda.raw.sha256</c>. The digest of a qcow2 file is that of the raw content, which does not depend on how QEMU happens to lay
/// it out: beside <c>vda.qcow2</c> it is <c>vda.qcow2.raw.sha256</c>, and names <c>vda.qcow2.raw</c>.
/// </summary>
static class ImageDigest
{
    const string Suffix = ".sha256";
    const int FileSizeMax = 64 * 1024;
    const int HexLength = 64;

    public static string FileFor(string image, ImageFormat format) => RawOf(image, format) + Suffix;

    /// <exception cref="UsageException">It is not a SHA-256.</exception>
    public static string Parse(string text) =>
        IsDigest(text) ? text.ToLowerInvariant() : throw new UsageException("--sha256 needs 64 hexadecimal digits");

    /// <summary>The line of the image's digest file.</summary>
    public static byte[] LineFor(string image, ImageFormat format, string sha256)
    {
        var name = Path.GetFileName(RawOf(image, format));
        // How sha256sum writes names that would break its lines.
        var escaped = name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes($"{(escaped == name ? "" : "\\")}{sha256}  {escaped}\n");
    }

    /// <summary>The digest that stands beside an image; null when there is none.</summary>
    /// <exception cref="RefusedException">There is a file, and no digest in it.</exception>
    public static async Task<string?> FindAsync(string image, ImageFormat format, CancellationToken cancellation)
    {
        var path = FileFor(image, format);
        if (!File.Exists(path)) return null;
        var file = await InputFile.OpenAsync(path, "the image's digest", FileSizeMax, "it holds one line for each file", cancellation)
            .ConfigureAwait(false);
        await using var closing = file.ConfigureAwait(false);
        using var reader = new StreamReader(file, Encoding.UTF8);
        var lines = (await reader.ReadToEndAsync(cancellation).ConfigureAwait(false))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // A list of several names them; a single one may be of a file that was renamed since.
        var own = lines is [var single] ? single
            : lines.FirstOrDefault(line => line.EndsWith(Path.GetFileName(RawOf(image, format)), StringComparison.Ordinal)) ?? "";
        var digest = own.TrimStart('\\').Split(' ')[0];
        return IsDigest(digest) ? digest.ToLowerInvariant()
            : throw new RefusedException($"{path} holds no SHA-256 of the image: correct or remove it, or give --sha256");
    }

    static string RawOf(string image, ImageFormat format) => format == ImageFormat.Raw ? image : $"{image}.raw";

    static bool IsDigest(string text) => text.Length == HexLength && text.All(char.IsAsciiHexDigit);
}
