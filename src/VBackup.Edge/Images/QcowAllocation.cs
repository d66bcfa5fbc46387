using System.Buffers.Binary;
using VBackup.Clouds.Volumes;

namespace VBackup.Edge.Images;

/// <summary>How much of a qcow2 file's volume is there, by the tables in it, which QEMU's docs/interop/qcow2 describes. A file may say so
/// of one cluster many times: it may unpack to far more than it has.</summary>
static class QcowAllocation
{
    const ulong OffsetMask = 0x00FF_FFFF_FFFF_FE00, Compressed = 1UL << 62, ReadsAsZeros = 1, AllocatedParts = 0xFFFF_FFFF;
    const int EntryOfFirstTable = 8;

    /// <summary>Counts the bytes of the clusters that are not zeros by themselves, until they are more than a limit. What does not lie in
    /// the file is left out: it is damaged, as QEMU tells.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static async Task<long> CountAsync(FileVolume file, QcowHeader header, long limit, CancellationToken cancellation)
    {
        long counted = 0;
        var table = new byte[header.ClusterBytes];
        var coveredBytes = (long)header.ClusterBytes * (header.ClusterBytes / header.EntryBytes);
        var first = new byte[EntryOfFirstTable];
        for (long at = 0, number = 0; at < header.LengthBytes && number < header.TableEntries && counted <= limit; at += coveredBytes)
        {
            if (!await TryReadAsync(file, header.TableOffset, number++ * EntryOfFirstTable, first, cancellation).ConfigureAwait(false))
                break;
            var offset = (long)(BinaryPrimitives.ReadUInt64BigEndian(first) & OffsetMask);
            if (offset == 0 || !await TryReadAsync(file, offset, 0, table, cancellation).ConfigureAwait(false)) continue;
            counted += Count(table, header, Math.Min(coveredBytes, header.LengthBytes - at));
        }
        return Math.Min(counted, header.LengthBytes);
    }

    static long Count(ReadOnlySpan<byte> table, QcowHeader header, long coveredBytes)
    {
        long counted = 0;
        for (long at = 0; at < coveredBytes; at += header.ClusterBytes, table = table[header.EntryBytes..])
            if (HasData(table, header.HasLongEntries)) counted += header.ClusterBytes;
        return counted;
    }

    static bool HasData(ReadOnlySpan<byte> entry, bool isLong)
    {
        var cluster = BinaryPrimitives.ReadUInt64BigEndian(entry);
        if ((cluster & Compressed) != 0) return true;
        if ((cluster & OffsetMask) == 0) return false;
        // Of a long entry the second half says it for each part.
        return isLong ? (BinaryPrimitives.ReadUInt64BigEndian(entry[sizeof(ulong)..]) & AllocatedParts) != 0
            : (cluster & ReadsAsZeros) == 0;
    }

    static async ValueTask<bool> TryReadAsync(
        FileVolume file, long table, long within, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (table > file.LengthBytes - within - buffer.Length) return false;
        await file.ReadAsync(table + within, buffer, cancellation).ConfigureAwait(false);
        return true;
    }
}
