using System.Buffers;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>Makes one volume what it was in a snapshot, by copying what differs.</summary>
/// <param name="LengthBytes">What it had in the snapshot.</param>
/// <param name="Ranges">Where it may differ; nothing outside is looked at.</param>
/// <param name="ChangedBytes">At most so many bytes differ; 0 where nobody knows.</param>
internal sealed record VolumeRollback(CephVolumeWriter Target, long LengthBytes, IReadOnlyList<Extent> Ranges, long ChangedBytes)
{
    private const int PieceBytes = 4 << 20, StepBytes = 64 << 10;
    private const int PiecesAtOnce = 4;

    /// <summary>REQUIRES: both are equally long now.</summary>
    /// <param name="requireThere">Asked after each read that tells a difference, before anything is written: what is read of a snapshot
    /// that was removed may be zeros, and one that is there afterwards was there.</param>
    public async Task CopyAsync(IVolumeReader from, Func<CancellationToken, Task> requireThere, CancellationToken cancellation)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = PiecesAtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(Pieces(), options, (piece, token) => CopyAsync(from, piece, requireThere, token)).ConfigureAwait(false);
        await Target.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private IEnumerable<Extent> Pieces()
    {
        foreach (var range in Ranges)
            for (var at = range.Offset; at < range.End; at += PieceBytes)
                yield return new(at, Math.Min(PieceBytes, range.End - at));
    }

    private async ValueTask CopyAsync(
        IVolumeReader from, Extent piece, Func<CancellationToken, Task> requireThere, CancellationToken cancellation)
    {
        var length = (int)piece.Length;
        var buffers = ArrayPool<byte>.Shared.Rent(2 * length);
        // Not returned when something fails: the other read may still be writing into it.
        var wanted = buffers.AsMemory(0, length);
        var present = buffers.AsMemory(length, length);
        await from.ReadAsync(piece.Offset, wanted, cancellation).ConfigureAwait(false);
        await Target.ReadAsync(piece.Offset, present, cancellation).ConfigureAwait(false);
        if (!wanted.Span.SequenceEqual(present.Span))
        {
            await requireThere(cancellation).ConfigureAwait(false);
            await WriteDifferencesAsync(piece.Offset, wanted, present, cancellation).ConfigureAwait(false);
        }
        ArrayPool<byte>.Shared.Return(buffers);
    }

    // Step by step, so that a small change makes the disks keep little.
    private async ValueTask WriteDifferencesAsync(
        long offset, ReadOnlyMemory<byte> wanted, ReadOnlyMemory<byte> present, CancellationToken cancellation)
    {
        for (var at = 0; at < wanted.Length;)
        {
            var end = at;
            while (end < wanted.Length && !StepOf(wanted, end).Span.SequenceEqual(StepOf(present, end).Span))
                end = Math.Min(end + StepBytes, wanted.Length);
            var run = wanted[at..end];
            if (run.Span.ContainsAnyExcept((byte)0)) await Target.WriteAsync(offset + at, run, cancellation).ConfigureAwait(false);
            else if (run.Length > 0) await Target.ZeroAsync(new(offset + at, run.Length), cancellation).ConfigureAwait(false);
            at = end + StepBytes;
        }
    }

    private static ReadOnlyMemory<byte> StepOf(ReadOnlyMemory<byte> content, int at) =>
        content[at..Math.Min(at + StepBytes, content.Length)];
}
