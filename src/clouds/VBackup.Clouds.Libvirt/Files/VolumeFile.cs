using System.Buffers.Binary;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>A volume that is a file or a device, and how its bytes lie in it.</summary>
/// <param name="IsQcow2">Else it is raw.</param>
internal sealed record VolumeFile(VolumeId Volume, bool IsQcow2)
{
    /// <summary>QEMU shows disks as whole sectors.</summary>
    public const int SectorBytes = 512;

    /// <summary>No cluster of a qcow2 image is larger.</summary>
    public const int ClusterBytesMax = 2 * 1024 * 1024;

    private const uint Qcow2Magic = 0x514649fb;
    private const int Qcow2VersionWithBitmaps = 3;

    public string Path => Volume.Value;

    public string Format => IsQcow2 ? "qcow2" : "raw";

    /// <summary>The format of a file that no server has: by its name, as new servers' disks get it.</summary>
    public static VolumeFile ByName(VolumeId volume) =>
        new(volume, volume.Value.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase));

    /// <summary>The format that the server's configuration says. It is never found out by looking: a guest could write a raw
    /// disk that looks like an image which refers to somebody else's file.</summary>
    public static VolumeFile ByFormat(VolumeId volume, string format) => format switch
    {
        "raw" => new(volume, IsQcow2: false),
        "qcow2" => new(volume, IsQcow2: true),
        _ => throw new CloudException(
            CloudFailure.NotSupported, "look at", volume.Value, $"its format is {format}; only raw and qcow2 are known"),
    };

    /// <summary>The volume's length as its server sees it; null when there is no such file.</summary>
    public long? FindLength()
    {
        if (FileIdentity.Of(Path) is not { Kind: FileKind.RegularFile or FileKind.BlockDevice }) return null;
        if (IsQcow2) return ReadHeader().LengthBytes;
        using var file = FileVolume.OpenSource(Path);
        return (file.LengthBytes + SectorBytes - 1) / SectorBytes * SectorBytes;
    }

    /// <summary>Why changes of it cannot be tracked; null when they can.</summary>
    public string? WhyNotTracked =>
        !IsQcow2 ? "the disk is raw, and only qcow2 images keep track of changes: 'qemu-img convert -O qcow2' makes one of it"
        : ReadHeader().Version < Qcow2VersionWithBitmaps
            ? "the image is of an old version of qcow2 without bitmaps: 'qemu-img amend -o compat=1.1' makes a newer one of it"
            : null;

    // Version and length stand at the same place in every version of the format, and stay while a server runs.
    private (uint Version, long LengthBytes) ReadHeader()
    {
        Span<byte> header = stackalloc byte[32];
        using var file = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var length = RandomAccess.Read(file, header, 0) < header.Length || BinaryPrimitives.ReadUInt32BigEndian(header) != Qcow2Magic
            ? -1 : BinaryPrimitives.ReadInt64BigEndian(header[24..]);
        return length >= 0
            ? (BinaryPrimitives.ReadUInt32BigEndian(header[4..]), length)
            : throw new CloudException(CloudFailure.Other, "look at", Path, "it is no qcow2 image");
    }
}
