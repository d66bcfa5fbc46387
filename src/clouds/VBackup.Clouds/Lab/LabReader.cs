using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Lab;

/// <summary>A volume's file under the name by which its user knows it. Owns the file.</summary>
internal sealed class LabReader(string description, FileVolume file) : IVolumeReader
{
    public string Description => description;
    public long LengthBytes => file.LengthBytes;

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => file.AllocatedExtents(from);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        file.ReadAsync(offset, buffer, cancellation);

    public ValueTask DisposeAsync() => file.DisposeAsync();
}
