using System.Text;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// The file with the SHA-256 of an image's content, as <c>sha256sum</c> writes and checks it: beside <c>vda.raw</c> it is
/// <c>vda.raw.sha256</c>. The digest of a qcow2 file is that of the raw content, which does not depend on how QEMU happens to lay
/// it out: beside <c>vda.qcow2</c> it is <c>vda.qcow2.raw-sha256</c>, and names <c>vda.qcow2.raw</c>. No two images have one in common,
/// whatever they are called: what the two kinds end in differs.
/// </summary>
public static class ImageDigest
{
    const string Suffix = ".sha256", SuffixOfUnpacked = ".raw-sha256", FormerSuffixOfUnpacked = ".raw.sha256";
    const int FileSizeMax = 64 * 1024;
    const int HexLength = 64;

    public static string FileFor(string image, ImageFormat format) =>
        image + (format == ImageFormat.Raw ? Suffix : SuffixOfUnpacked);

    // What earlier versions called it, which may as well be the digest of a raw file: where there is one, it is that one's.
    static string ExistingFor(string image, ImageFormat format)
    {
        var (path, former) = (FileFor(image, format), image + FormerSuffixOfUnpacked);
        return format != ImageFormat.Raw && !Path.Exists(path) && File.Exists(former) && !Path.Exists(RawOf(image, format)) ? former : path;
    }

    /// <summary>Null for what is no SHA-256.</summary>
    public static string? Parse(string text) => IsDigest(text) ? text.ToLowerInvariant() : null;

    /// <summary>The line of the image's digest file.</summary>
    internal static byte[] LineFor(string image, ImageFormat format, string sha256)
    {
        var name = Path.GetFileName(RawOf(image, format));
        // How sha256sum writes names that would break its lines.
        var escaped = name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes($"{(escaped == name ? "" : "\\")}{sha256}  {escaped}\n");
    }

    /// <summary>The digest that stands beside an image; null when there is none.</summary>
    /// <param name="followsLinks">Not in a folder to which others may write: what is in the file may come to be told.</param>
    /// <exception cref="RefusedException">There is a file, and no digest in it.</exception>
    public static async Task<string?> FindAsync(
        string image, ImageFormat format, CancellationToken cancellation, bool followsLinks = true)
    {
        var path = ExistingFor(image, format);
        if (!File.Exists(path)) return null;
        var lines = await ReadAsync(path, cancellation, followsLinks).ConfigureAwait(false);
        // A list of several names them; a single one may be of a file that was renamed since.
        var own = lines is [var single] ? single : lines.FirstOrDefault(line => IsOf(line, image, format)) ?? "";
        var digest = own.TrimStart('\\').Split(' ')[0];
        return Parse(digest) ?? throw new RefusedException($"{path} holds no SHA-256 of the image: correct or remove it, or give --sha256");
    }

    /// <summary>Refuses to replace a file in the digest's place, unless it is what an export of the same name left that never came to
    /// its end.</summary>
    /// <exception cref="RefusedException">There is something else.</exception>
    public static async Task RefuseForeignAsync(string image, ImageFormat format, CancellationToken cancellation)
    {
        var path = FileFor(image, format);
        if (!Path.Exists(path)) return;
        if (new FileInfo(path).Length <= FileSizeMax
            && await ReadAsync(path, cancellation).ConfigureAwait(false) is [var only] && IsOf(only, image, format)) return;
        PartialFile.RefuseExisting(path);
    }

    static async Task<string[]> ReadAsync(string path, CancellationToken cancellation, bool followsLinks = true)
    {
        var file = new FileStream(NamedFile.OpenToRead(path, followsLinks: followsLinks), FileAccess.Read);
        await using var closing = file.ConfigureAwait(false);
        if (file.Length > FileSizeMax)
            throw new RefusedException($"{path} has more than {Units.Size(FileSizeMax)}: it holds one line for each file");
        using var reader = new StreamReader(file, Encoding.UTF8);
        return (await reader.ReadToEndAsync(cancellation).ConfigureAwait(false))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    // As sha256sum writes it: two spaces, or one and a star for a file that was read as binary.
    static bool IsOf(string line, string image, ImageFormat format)
    {
        var own = Encoding.UTF8.GetString(LineFor(image, format, new string('0', HexLength))).TrimEnd('\n');
        var start = own.IndexOf(' ', StringComparison.Ordinal);
        return line.Length == own.Length && line[start] == ' ' && line[start + 1] is ' ' or '*'
            && line.AsSpan(start + 2).SequenceEqual(own.AsSpan(start + 2)) && IsDigest(line[(start - HexLength)..start]);
    }

    static string RawOf(string image, ImageFormat format) => format == ImageFormat.Raw ? image : $"{image}.raw";

    static bool IsDigest(string text) => text.Length == HexLength && text.All(char.IsAsciiHexDigit);
}
