using System.Text.Json.Nodes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// From raw to qcow2 and back by <c>qemu-img</c>, whose format it is. It is always told the format, never left to guess it from what
/// a guest may have written.
/// </summary>
public static class QemuImage
{
    const int LeaksOnly = 3;    // of 'qemu-img check': clusters that nobody uses, which harm nobody

    /// <exception cref="RefusedException">It is not installed.</exception>
    public static string FindProgram() => ExternalProgram.Find("qemu-img", "qemu-utils");

    /// <param name="qcow2">A file that is there; it keeps its owner and mode. Not durable yet.</param>
    public static Task FromRawAsync(string raw, string qcow2, CancellationToken cancellation) =>
        ExternalProgram.RunAsync(FindProgram(), ["convert", "-f", "raw", "-O", "qcow2", raw, qcow2], cancellation);

    /// <param name="qcow2">REQUIRES: its header was checked.</param>
    /// <param name="raw">A file that is there; it keeps its owner and mode. Holes stay holes.</param>
    /// <exception cref="RefusedException">The file is damaged, or not whole.</exception>
    public static async Task ToRawAsync(string qcow2, string raw, CancellationToken cancellation)
    {
        // No backing file even if somebody has put one into the header meanwhile, and no name that QEMU would take for an address.
        var source = new JsonObject
        {
            ["driver"] = "qcow2",
            ["backing"] = null,
            ["file"] = new JsonObject { ["driver"] = "file", ["filename"] = Path.GetFullPath(qcow2) },
        };
        var image = $"json:{source.ToJsonString()}";
        // Converting reads what lies behind the file's end as zeros, and says nothing.
        var (status, _, error) = await ExternalProgram.TryAsync(FindProgram(), ["check", "-q", image], cancellation).ConfigureAwait(false);
        if (status is not (0 or LeaksOnly))
            throw new RefusedException($"{qcow2} is refused: it is damaged, or not whole: {error.Split('\n')[0]}");
        await ExternalProgram.RunAsync(FindProgram(), ["convert", "-O", "raw", image, raw], cancellation).ConfigureAwait(false);
    }
}
