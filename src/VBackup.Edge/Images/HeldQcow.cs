using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// A qcow2 file of somebody who may change it, or put another in its place, at any time: what was looked at is what QEMU gets. It opens
/// the very file that is open here, whatever has its name; and its first bytes, where alone other files of this machine can be named, it
/// gets from a copy that nobody else can reach. Nothing that is written to the file meanwhile leads out of it.
/// </summary>
/// <remarks>The copy is a qcow2 file itself, of one cluster, behind which the rest shows. It has no name.</remarks>
sealed class HeldQcow : IDisposable
{
    // Its clusters: the header, a table that says that none is counted, L1, L2, and the copy.
    const int Cluster = QcowHeader.ClusterBytesMax, ClusterBits = 21, SectorBytes = 512;
    const long CountsAt = Cluster, FirstTableAt = 2 * Cluster, SecondTableAt = 3 * Cluster, CopyAt = 4 * Cluster, EndAt = 5 * Cluster;
    const ulong HasOneUser = 1UL << 63;
    const long FileLengthMax = 1L << 47; // 128 TiB

    readonly FileVolume _file;
    readonly FileStream _start;

    HeldQcow(FileVolume file, string path, QcowHeader header, FileStream start) =>
        (_file, Path, Header, _start) = (file, path, header, start);

    /// <summary>For messages.</summary>
    public string Path { get; }

    public QcowHeader Header { get; }

    public long FileBytes => _file.LengthBytes;

    /// <param name="file">Stays the caller's, and open.</param>
    /// <exception cref="RefusedException">It is no qcow2 file that stands for itself.</exception>
    public static async Task<HeldQcow> HoldAsync(FileVolume file, string path, CancellationToken cancellation)
    {
        var start = new byte[Math.Min(Cluster, file.LengthBytes)];
        await file.ReadAsync(0, start, cancellation).ConfigureAwait(false);
        var header = QcowHeader.Parse(start, path);
        if (file.LengthBytes > FileLengthMax)
            throw new RefusedException($"{path} is refused: it has more than {Units.Size(FileLengthMax)}");
        var copy = MakeNameless();
        try
        {
            Write(copy, start, file.LengthBytes);
            return new(file, path, header, copy);
        }
        catch
        {
            await copy.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Counts as <see cref="QcowAllocation.CountAsync"/> does.</summary>
    public Task<long> CountAsync(long limit, CancellationToken cancellation) =>
        QcowAllocation.CountAsync(_file, Header, limit, cancellation);

    /// <summary>What QEMU's programs call it, as long as this is not disposed.</summary>
    public string NameForQemu
    {
        get
        {
            var copy = new JsonObject
            {
                ["driver"] = "qcow2",
                ["file"] = FileOf(string.Create(CultureInfo.InvariantCulture,
                    $"/proc/{Environment.ProcessId}/fd/{_start.SafeFileHandle.DangerousGetHandle()}")),
                ["backing"] = new JsonObject { ["driver"] = "raw", ["file"] = FileOf(_file.PathForPrograms) },
            };
            return $"json:{new JsonObject { ["driver"] = "qcow2", ["backing"] = null, ["file"] = copy }.ToJsonString()}";
        }
    }

    static JsonObject FileOf(string path) => new() { ["driver"] = "file", ["filename"] = path };

    static FileStream MakeNameless()
    {
        var path = System.IO.Path.GetTempFileName();
        try
        {
            return new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    static void Write(FileStream copy, byte[] start, long fileBytes)
    {
        // A length is one of whole sectors; what lies behind the file's end reads as zeros.
        var length = (fileBytes + SectorBytes - 1) / SectorBytes * SectorBytes;
        const long covered = (long)Cluster * (Cluster / sizeof(ulong));
        var header = new byte[QcowHeader.Size + sizeof(ulong)];
        BinaryPrimitives.WriteUInt32BigEndian(header, QcowHeader.Magic);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), 3);                                 // version
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(20), ClusterBits);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(24), (ulong)length);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(36), (uint)((length + covered - 1) / covered));  // entries of L1
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(40), (ulong)FirstTableAt);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(48), (ulong)CountsAt);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(56), 1);                                // clusters of counts
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(96), 4);                                // of 2⁴ bits each
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(100), QcowHeader.Size);
        var entry = new byte[sizeof(ulong)];
        RandomAccess.Write(copy.SafeFileHandle, header, 0);
        BinaryPrimitives.WriteUInt64BigEndian(entry, (ulong)SecondTableAt | HasOneUser);
        RandomAccess.Write(copy.SafeFileHandle, entry, FirstTableAt);
        BinaryPrimitives.WriteUInt64BigEndian(entry, (ulong)CopyAt | HasOneUser);
        RandomAccess.Write(copy.SafeFileHandle, entry, SecondTableAt);
        RandomAccess.Write(copy.SafeFileHandle, start, CopyAt);
        RandomAccess.SetLength(copy.SafeFileHandle, EndAt);
    }

    public void Dispose() => _start.Dispose();
}
