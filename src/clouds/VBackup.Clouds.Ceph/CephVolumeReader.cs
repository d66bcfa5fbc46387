using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Native;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph;

/// <summary>An image, or a snapshot of one, for reading. Many reads may be under way; each goes straight into the caller's
/// memory. Owns the image.</summary>
internal sealed class CephVolumeReader(RbdImage image, string description, long lengthBytes, BoundedCalls calls) : IVolumeReader
{
    private readonly ImageTransfers _transfers = new(image, description, calls.Notes);
    private readonly Lock _asking = new();

    public string Description => description;
    public long LengthBytes => lengthBytes;

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => Allocation.Of(image, _asking, lengthBytes, from);

    public IEnumerable<Extent> RoughlyAllocatedExtents() => Allocation.ByMap(image, _asking, lengthBytes);

    public int? RoughUnitBytes => Allocation.UnitOfMap(image, _asking);

    public bool HoldsData(Extent range) => Allocation.IsHeld(image, _asking, range);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        FreedMemory.Moved(buffer.Length);
        return _transfers.ReadAsync(offset, buffer);
    }

    public async ValueTask DisposeAsync()
    {
        await _transfers.CloseAsync().ConfigureAwait(false);
        await calls.RunAsync("rbd_close", description, image.Dispose, CancellationToken.None).ConfigureAwait(false);
    }
}
