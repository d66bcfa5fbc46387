using System.Buffers.Binary;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// The beginning of a qcow2 file, as QEMU's docs/interop/qcow2 describes it. A file from elsewhere is looked at here before QEMU
/// opens it: it can name other files of this machine, as its backing file or its data, and QEMU would read them as part of the image.
/// </summary>
static class QcowHeader
{
    public const uint Magic = 0x514649FB; // "QFI" and 0xFB
    const int Size = 104, SizeOfVersion2 = 72;
    const int VersionAt = 4, BackingAt = 8, LengthAt = 24, EncryptionAt = 32, FeaturesAt = 72;
    const ulong ExternalDataFeature = 4;
    const long LengthMax = 1L << 46; // 64 TiB

    /// <summary>Whether a file begins as qcow2 files do.</summary>
    public static bool IsOn(string path) => Read(path) is { Length: >= 4 } start && BinaryPrimitives.ReadUInt32BigEndian(start) == Magic;

    /// <returns>The length of the volume in it.</returns>
    /// <exception cref="RefusedException">It is no qcow2 file that stands for itself.</exception>
    public static long CheckAndReadLength(string path)
    {
        var header = Read(path);
        if (header.Length < SizeOfVersion2 || BinaryPrimitives.ReadUInt32BigEndian(header) != Magic)
            throw Refused(path, "it is not a qcow2 file");
        var version = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(VersionAt));
        if (version is not (2 or 3) || version == 3 && header.Length < Size)
            throw Refused(path, $"it is of a version that is not known, {version}");
        if (BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(BackingAt)) != 0)
            throw Refused(path, "it names a backing file: only a whole image is imported ('qemu-img convert' makes one where that file "
                + "is trusted)");
        if (version == 3 && (BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(FeaturesAt)) & ExternalDataFeature) != 0)
            throw Refused(path, "it keeps its data in another file: only a whole image is imported");
        if (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(EncryptionAt)) != 0)
            throw Refused(path, "it is encrypted: only what can be read without a key is imported");
        var length = BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(LengthAt));
        return length is > 0 and <= LengthMax ? (long)length
            : throw Refused(path, $"it says that its volume has {length} bytes: 1 to {Units.Size(LengthMax)} are possible");
    }

    static byte[] Read(string path)
    {
        using var file = NamedFile.OpenToRead(path, allowsDevices: true);
        var header = new byte[Size];
        var read = RandomAccess.Read(file, header, 0);
        return header[..read];
    }

    static RefusedException Refused(string path, string reason) => new($"{path} is refused: {reason}");
}
