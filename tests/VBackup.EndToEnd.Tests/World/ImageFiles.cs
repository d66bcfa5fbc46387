using System.Globalization;
using System.Security.Cryptography;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>What other programs think of image files, and of what is in them.</summary>
internal static class ImageFiles
{
    const string QemuImg = "/usr/bin/qemu-img";

    public static void NeedQemu() => Needs.Program(QemuImg, "qemu-utils");

    public static Task<Ended> QemuAsync(params string[] arguments) => CliProcess.RunAsync(arguments, program: QemuImg);

    /// <summary>Data in three places of a volume that is all holes otherwise, one of them at its end.</summary>
    public static byte[] Sparse(int seed, int length)
    {
        var content = new byte[length];
        foreach (var at in (int[])[0, length / 2 + 4096, length - 70_000]) new Random(seed + at).NextBytes(content.AsSpan(at, 70_000));
        return content;
    }

    /// <summary>Writes a file that has holes where there are zeros.</summary>
    public static async Task WriteSparseAsync(string path, byte[] content)
    {
        await using var file = File.Create(path);
        file.SetLength(content.Length);
        for (var at = 0; at < content.Length; at += 4096)
        {
            var piece = content.AsMemory(at, Math.Min(4096, content.Length - at));
            if (!piece.Span.ContainsAnyExcept((byte)0)) continue;
            file.Position = at;
            await file.WriteAsync(piece);
        }
    }

    public static string DigestOf(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>Bytes that the file system has given to a file.</summary>
    public static async Task<long> AllocatedAsync(string path) =>
        512 * long.Parse(await StatusAsync("%b", path), CultureInfo.InvariantCulture);

    /// <summary>Who may do what with a file, in octal.</summary>
    public static Task<string> ModeAsync(string path) => StatusAsync("%a", path);

    static async Task<string> StatusAsync(string what, string path) =>
        (await CliProcess.RunAsync(["-c", what, path], program: "/usr/bin/stat")).Expect(0).Output[0];

    /// <summary><c>sha256sum -c</c> is content with a digest file.</summary>
    public static async Task CheckDigestFileAsync(string path) =>
        (await CliProcess.RunAsync(["-c", "--strict", Path.GetFileName(path)], program: "/usr/bin/sha256sum",
            folder: Path.GetDirectoryName(path))).Expect(0);

    /// <summary>QEMU finds nothing wrong with a qcow2 file, and this content in it.</summary>
    public static async Task CheckQcow2Async(string path, byte[] content)
    {
        (await QemuAsync("check", "-f", "qcow2", path)).Expect(0);
        var raw = $"{path}.expected";
        await WriteSparseAsync(raw, content);
        (await QemuAsync("compare", "-f", "qcow2", "-F", "raw", path, raw)).Expect(0);
        File.Delete(raw);
    }

    public static void ExpectOneLine(Ended refused, string reason)
    {
        refused.Expect(1);
        Assert.Contains(reason, Assert.Single(refused.Errors), StringComparison.Ordinal);
    }
}
