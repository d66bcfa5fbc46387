using System.Buffers.Binary;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// The beginning of a qcow2 file, as QEMU's docs/interop/qcow2 describes it. A file from elsewhere is looked at here before QEMU
/// opens it: it can name other files of this machine, as its backing file or its data, and QEMU would read them as part of the image.
/// </summary>
/// <param name="LengthBytes">Of the volume in it.</param>
/// <param name="ClusterBytes">A power of two.</param>
/// <param name="TableOffset">Where in the file the first table (L1) begins; it may be anywhere.</param>
/// <param name="TableEntries">How many the first table has.</param>
/// <param name="HasLongEntries">The tables of the second kind (L2) have 16 bytes for each cluster, and not 8.</param>
/// <param name="RefcountBits">Of each cluster of the file.</param>
readonly record struct QcowHeader(
    long LengthBytes, int ClusterBytes, long TableOffset, int TableEntries, bool HasLongEntries, int RefcountBits)
{
    public const uint Magic = 0x514649FB; // "QFI" and 0xFB
    public const int Size = 104;

    /// <summary>No cluster is larger. All that names another file is in the first one.</summary>
    public const int ClusterBytesMax = 1 << 21;

    const int SizeOfVersion2 = 72;
    const int VersionAt = 4, BackingAt = 8, ClusterBitsAt = 20, LengthAt = 24, EncryptionAt = 32, TableEntriesAt = 36, TableAt = 40,
        FeaturesAt = 72, RefcountOrderAt = 96;
    const int ClusterBitsMin = 9, ClusterBitsMax = 21, TableEntriesMax = 1 << 22, RefcountOrderMax = 6, RefcountOrderOfVersion2 = 4;
    const ulong ExternalDataFeature = 4, LongEntriesFeature = 16;
    const long LengthMax = 1L << 46; // 64 TiB

    public int EntryBytes => HasLongEntries ? 16 : 8;

    /// <summary>Whether a file begins as qcow2 files do.</summary>
    public static async Task<bool> IsOnAsync(FileVolume file, CancellationToken cancellation)
    {
        var start = new byte[Math.Min(sizeof(uint), file.LengthBytes)];
        await file.ReadAsync(0, start, cancellation).ConfigureAwait(false);
        return BeginsWithMagic(start);
    }

    /// <param name="start">Of the file: at least <see cref="Size"/> bytes, or all that there are.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="RefusedException">It is no qcow2 file that stands for itself.</exception>
    public static QcowHeader Parse(ReadOnlySpan<byte> start, string path)
    {
        if (start.Length < SizeOfVersion2 || !BeginsWithMagic(start)) throw Refused(path, "it is not a qcow2 file");
        var version = BinaryPrimitives.ReadUInt32BigEndian(start[VersionAt..]);
        if (version is not (2 or 3) || version == 3 && start.Length < Size)
            throw Refused(path, $"it is of a version that is not known, {version}");
        if (BinaryPrimitives.ReadUInt64BigEndian(start[BackingAt..]) != 0)
            throw Refused(path, "it names a backing file: only a whole image is imported ('qemu-img convert' makes one where that file "
                + "is trusted)");
        var features = version == 3 ? BinaryPrimitives.ReadUInt64BigEndian(start[FeaturesAt..]) : 0;
        if ((features & ExternalDataFeature) != 0)
            throw Refused(path, "it keeps its data in another file: only a whole image is imported");
        if (BinaryPrimitives.ReadUInt32BigEndian(start[EncryptionAt..]) != 0)
            throw Refused(path, "it is encrypted: only what can be read without a key is imported");
        var length = BinaryPrimitives.ReadUInt64BigEndian(start[LengthAt..]);
        if (length is 0 or > LengthMax)
            throw Refused(path, $"it says that its volume has {length} bytes: 1 to {Units.Size(LengthMax)} are possible");
        var clusterBits = BinaryPrimitives.ReadUInt32BigEndian(start[ClusterBitsAt..]);
        var entries = BinaryPrimitives.ReadUInt32BigEndian(start[TableEntriesAt..]);
        var tableAt = BinaryPrimitives.ReadUInt64BigEndian(start[TableAt..]);
        var refcountOrder = version == 3 ? BinaryPrimitives.ReadUInt32BigEndian(start[RefcountOrderAt..]) : RefcountOrderOfVersion2;
        if (clusterBits is < ClusterBitsMin or > ClusterBitsMax || entries > TableEntriesMax || tableAt > long.MaxValue
            || refcountOrder > RefcountOrderMax) throw Refused(path, "its header makes no sense");
        return new((long)length, 1 << (int)clusterBits, (long)tableAt, (int)entries, (features & LongEntriesFeature) != 0,
            1 << (int)refcountOrder);
    }

    static bool BeginsWithMagic(ReadOnlySpan<byte> start) =>
        start.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32BigEndian(start) == Magic;

    static RefusedException Refused(string path, string reason) => new($"{path} is refused: {reason}");
}
