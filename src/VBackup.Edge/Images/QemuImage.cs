using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// From raw to qcow2 and back by <c>qemu-img</c>, whose format it is. It is always told the format, never left to guess it from what
/// a guest may have written; it opens the files that are open here, and not what has their names by then; and it works within limits,
/// because who has made a qcow2 file may have made it so that there is no end to it.
/// </summary>
public static class QemuImage
{
    const int LeaksOnly = 3;    // of 'qemu-img check': clusters that nobody uses, which harm nobody

    // Slower than any storage that is well, and any processor.
    const long TableBytesPerSecond = 1 << 20, DataBytesPerSecond = 4 << 20, DataBytesPerProcessorSecond = 16 << 20;
    static readonly TimeSpan s_allowance = TimeSpan.FromMinutes(10);

    // What it takes for a small image, with a stack for each of its 64 threads, is less than half of that. The counts of a file's clusters
    // are kept in memory, and once more when there is to be more room for them.
    const long MemoryBytes = 2L << 30, MemoryBytesMax = 8L << 30;
    const int Copies = 2;

    /// <exception cref="RefusedException">It is not installed.</exception>
    public static string FindProgram() => ExternalProgram.Find("qemu-img", "qemu-utils");

    /// <param name="qcow2">A file that is there; it keeps its owner and mode. Not durable yet.</param>
    internal static Task FromRawAsync(FileVolume raw, FileVolume qcow2, CancellationToken cancellation)
    {
        // All may be written, and the tables besides: a thousandth or so.
        var limits = LimitsOf(DataTime(raw.LengthBytes, DataBytesPerSecond), DataTime(raw.LengthBytes, DataBytesPerProcessorSecond),
            MemoryBytes, raw.LengthBytes + raw.LengthBytes / 64 + (64 << 20));
        return ExternalProgram.RunAsync(FindProgram(),
            ["convert", "-f", "raw", "-O", "qcow2", raw.PathForPrograms, qcow2.PathForPrograms], cancellation, limits: limits);
    }

    /// <param name="allocatedBytes">So much of the volume is to be written at most.</param>
    /// <param name="raw">It keeps its owner and mode. Holes stay holes.</param>
    /// <exception cref="RefusedException">The file is damaged, not whole, or takes more than any honest one.</exception>
    internal static async Task ToRawAsync(HeldQcow qcow2, long allocatedBytes, FileVolume raw, CancellationToken cancellation)
    {
        var image = qcow2.NameForQemu;
        var header = qcow2.Header;
        var clusters = qcow2.FileBytes / header.ClusterBytes;
        var memory = Math.Min(MemoryBytesMax, MemoryBytes + Copies * clusters * Math.Max(header.RefcountBits, 8) / 8);
        var tables = header.LengthBytes / header.ClusterBytes * header.EntryBytes + clusters * Math.Max(header.RefcountBits, 8) / 8;
        var reading = DataTime(tables, TableBytesPerSecond);
        // Converting reads what lies behind the file's end as zeros, and says nothing.
        var (status, _, error) = await ExternalProgram.TryAsync(FindProgram(), ["check", "-q", image], cancellation,
            limits: LimitsOf(reading, reading, memory, fileBytes: 0)).ConfigureAwait(false);
        if (status is not (0 or LeaksOnly))
            throw new RefusedException($"{qcow2.Path} is refused: it is damaged, or not whole: {error.Split('\n')[0]}");
        var limits = LimitsOf(reading + DataTime(allocatedBytes, DataBytesPerSecond),
            reading + DataTime(allocatedBytes, DataBytesPerProcessorSecond), memory, header.LengthBytes + header.ClusterBytes);
        await ExternalProgram.RunAsync(FindProgram(), ["convert", "-O", "raw", image, raw.PathForPrograms], cancellation, limits: limits)
            .ConfigureAwait(false);
    }

    static TimeSpan DataTime(long bytes, long bytesPerSecond) => s_allowance + TimeSpan.FromSeconds((double)bytes / bytesPerSecond);

    static ProgramLimits LimitsOf(TimeSpan total, TimeSpan processor, long memoryBytes, long fileBytes) =>
        new() { Total = total, Processor = processor, AddressSpaceBytes = memoryBytes, FileBytes = fileBytes };
}
