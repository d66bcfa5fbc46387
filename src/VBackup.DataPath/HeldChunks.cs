using VBackup.Clouds.Volumes;
using VBackup.Vault;
using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>
/// Finds the chunks that a target holds already, by their ids, so that they are neither fetched nor written. Block memory is bounded by
/// how many leaves are looked through at once. Thread-safe.
/// </summary>
/// <param name="atOnce">Leaves that are looked through at once; others wait.</param>
/// <param name="digests">Where to note what was found; null for nowhere.</param>
internal sealed class HeldChunks(BackupVault vault, TreeShape shape, IVolumeWriter target, CheckedDigests? digests, SlotPool pool,
    int readSize, int atOnce) : IDisposable
{
    private readonly SemaphoreSlim _turns = new(atOnce);
    private long _bytes;

    /// <summary>Of chunks that were found.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Marks what the target holds of a leaf.</summary>
    /// <exception cref="IOException">The target failed.</exception>
    public async Task MarkAsync(ImportLeaf leaf, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var memory = pool.Rent(readSize);
            var present = leaf.Present();
            for (var next = 0; present.TryNextRun(next, readSize / shape.ChunkSize, out var first, out var count); next = first + count)
            {
                var chunk = leaf.Index * FormatLimits.NodeChildren + first;
                var offset = chunk * shape.ChunkSize;
                var content = memory[..(int)Math.Min((long)count * shape.ChunkSize, shape.LengthBytes - offset)];
                await target.ReadAsync(offset, content, cancellation).ConfigureAwait(false);
                for (var i = 0; i < count; i++) Mark(leaf, first + i, chunk + i, Piece(content.Span, i));
            }
            // Not returned when a read fails: it may still be writing into it.
            pool.Return(memory);
        }
        finally
        {
            _turns.Release();
        }
    }

    private ReadOnlySpan<byte> Piece(ReadOnlySpan<byte> content, int index) =>
        content[(index * shape.ChunkSize)..Math.Min((index + 1) * shape.ChunkSize, content.Length)];

    private void Mark(ImportLeaf leaf, int child, long chunk, ReadOnlySpan<byte> present)
    {
        // A chunk of zeros is in no tree: where the target has a hole, no id need be made.
        if (!present.ContainsAnyExcept((byte)0) || vault.ChunkId(present) != leaf.Node[child].Id) return;
        digests?.Set(chunk, present);
        leaf.Hold(child);
        Interlocked.Add(ref _bytes, present.Length);
    }

    public void Dispose() => _turns.Dispose();
}
