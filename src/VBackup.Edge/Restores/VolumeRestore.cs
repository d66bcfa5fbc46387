using VBackup.Edge.Running;
using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.Edge.Restores;

/// <summary>Writes volumes of a point to a storage, and reads everything back. Not thread-safe.</summary>
/// <param name="options">What it may use; null for what one run alone may.</param>
public sealed class VolumeRestore(IVolumeStorage storage, PointReading reading, IRunReport report, DataPathOptions? options = null)
{
    // Each waits for a distant store.
    const int LeavesAtOnce = 16;

    readonly DataPathOptions _options = options ?? DataPathOptions.OfDistantVolumes;
    readonly SlotPool _slots = new(options ?? DataPathOptions.OfDistantVolumes, reading.Reader.Vault.ChunkSize);

    // The last volumes that were written, by name.
    readonly Dictionary<string, CheckedDigests> _digests = new(StringComparer.Ordinal);

    /// <summary>Hears what the run has to say.</summary>
    internal IRunReport Report => report;

    public long LogicalBytes { get; private set; }
    public long WrittenBytes { get; private set; }

    /// <summary>What a new volume takes where zeros take nothing: its chunks that are not all zero, which are written whole. Of the vault
    /// only the nodes of the volume's tree are read, 44 bytes for each of these chunks.</summary>
    public async Task<long> CountBytesAsync(VolumeDocument volume, CancellationToken cancellation)
    {
        var tree = TreeOf(volume);
        long bytes = 0;
        await Parallel.ForEachAsync(tree.PresentLeavesAsync(cancellation),
            new ParallelOptions { MaxDegreeOfParallelism = LeavesAtOnce, CancellationToken = cancellation }, async (index, stop) =>
            {
                var leaf = new ManifestNode();
                await tree.ReadLeafAsync(index, leaf, stop).ConfigureAwait(false);
                Interlocked.Add(ref bytes, BytesBelow(tree.Shape, index, leaf));
            }).ConfigureAwait(false);
        return bytes;
    }

    static long BytesBelow(TreeShape shape, long index, ManifestNode leaf)
    {
        long bytes = 0;
        for (var child = 0; child < FormatLimits.NodeChildren; child++)
            if (leaf.Has(child)) bytes += shape.ChunkLength(index * FormatLimits.NodeChildren + child);
        return bytes;
    }

    /// <summary>Writes one volume, and reads it back.</summary>
    /// <exception cref="CloudException">The storage failed, or does not give back what was written.</exception>
    public async Task RunAsync(VolumeDocument volume, VolumeId target, WriterOptions options, bool isDelta, CancellationToken cancellation)
    {
        var writer = await storage.OpenWriterAsync(target, options, cancellation).ConfigureAwait(false);
        try
        {
            await WriteAsync(volume, writer, isDelta, cancellation).ConfigureAwait(false);
        }
        catch
        {
            // The failure is the one to see, whatever the closing says.
            await writer.DisposeAsync().AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        await writer.DisposeAsync().ConfigureAwait(false);
        await ReadBackAsync(volume, target, cancellation).ConfigureAwait(false);
    }

    /// <param name="isDelta">Read what is there, and write only what differs.</param>
    /// <exception cref="CloudException">The storage failed.</exception>
    public async Task WriteAsync(VolumeDocument volume, IVolumeWriter writer, bool isDelta, CancellationToken cancellation)
    {
        using var progress = report.Follow(volume.Name, volume.LengthBytes);
        using var import = new ImportPipeline(reading.Reader, reading.Reader.Vault.ChunkSize, _options, _slots);
        var tree = TreeOf(volume);
        var order = new ImportOrder { Delta = isDelta, Digests = _digests[volume.Name] = new(tree.Shape) };
        var result = await import.ImportAsync(tree, writer, order, progress, cancellation).ConfigureAwait(false);
        WrittenBytes += result.WrittenBytes;
        LogicalBytes += volume.LengthBytes;
    }

    /// <exception cref="CloudException">The storage failed, or does not give back what was written.</exception>
    public async Task ReadBackAsync(VolumeDocument volume, VolumeId target, CancellationToken cancellation)
    {
        var reader = await storage.OpenReaderAsync(target, cancellation).ConfigureAwait(false);
        await using (reader.ConfigureAwait(false))
        {
            using var progress = report.FollowCheck(volume.Name, volume.LengthBytes);
            _digests.Remove(volume.Name, out var digests);
            using var comparison = new VolumeComparison(reading.Reader, reading.Reader.Vault.ChunkSize, _options,
                _slots) { Digests = digests };
            var compared = await comparison.CompareAllAsync(TreeOf(volume), reader, progress, cancellation).ConfigureAwait(false);
            if (compared.Different.Count > 0)
                throw new CloudException(CloudFailure.Other, "read back", target.Value,
                    $"it does not hold what was written: it differs in {compared.Different.Count} ranges, first at "
                        + $"{compared.Different[0].Offset}");
        }
    }

    VolumeTree TreeOf(VolumeDocument volume) => VolumeTree.Open(reading.Reader, reading.Point, volume);
}
