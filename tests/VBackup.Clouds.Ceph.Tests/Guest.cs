using System.Runtime.InteropServices;
using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Native;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>
/// Stands for a running server: a client of its own that has images open, and gives up their lock when asked, as QEMU does.
/// Blocks; for one thread at a time.
/// </summary>
sealed class Guest(CephSettings settings) : IDisposable
{
    readonly CephConnection connection = CephConnection.Open(settings);
    readonly Dictionary<VolumeId, (RbdImage Image, ImageTransfers Transfers)> images = [];

    public ValueTask WriteAsync(VolumeId volume, long offset, ReadOnlyMemory<byte> content) =>
        Open(volume).Transfers.WriteAsync(offset, content);

    public ValueTask ZeroAsync(VolumeId volume, long offset, long length) => Open(volume).Transfers.ZeroAsync(offset, length);

    public void Discard(VolumeId volume, long offset, long length) =>
        CephFailure.Check(rbd_discard(Open(volume).Image.Handle, (ulong)offset, (ulong)length), nameof(rbd_discard), volume.Value);

    public void Resize(VolumeId volume, long lengthBytes) => Open(volume).Image.Resize(lengthBytes);

    public bool HasOpen(VolumeId volume) => images.ContainsKey(volume);

    (RbdImage Image, ImageTransfers Transfers) Open(VolumeId volume)
    {
        if (images.TryGetValue(volume, out var open)) return open;
        var image = RbdImage.Open(connection, RbdPath.Parse(volume), isReadOnly: false);
        return images[volume] = (image, new(image, volume.Value));
    }

    public void Dispose()
    {
        foreach (var (image, _) in images.Values) image.Dispose();
        connection.Dispose();
    }

    [DllImport("librbd.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int rbd_discard(ImageHandle image, ulong ofs, ulong len);
}
