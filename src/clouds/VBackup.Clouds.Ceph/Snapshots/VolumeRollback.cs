using System.Buffers;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>Makes one volume what it was in a snapshot, by copying what differs.</summary>
internal static class VolumeRollback
{
    private const int PieceBytes = 4 << 20;
    private const int PiecesAtOnce = 4;

    /// <param name="ranges">Where it may differ; nothing outside is looked at. REQUIRES: both are equally long.</param>
    public static async Task CopyAsync(
        IVolumeReader from, IVolumeWriter to, IReadOnlyList<Extent> ranges, CancellationToken cancellation)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = PiecesAtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(Pieces(ranges), options, (piece, token) => CopyAsync(from, to, piece, token)).ConfigureAwait(false);
        await to.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private static IEnumerable<Extent> Pieces(IReadOnlyList<Extent> ranges)
    {
        foreach (var range in ranges)
            for (var at = range.Offset; at < range.End; at += PieceBytes)
                yield return new(at, Math.Min(PieceBytes, range.End - at));
    }

    private static async ValueTask CopyAsync(IVolumeReader from, IVolumeWriter to, Extent piece, CancellationToken cancellation)
    {
        var length = (int)piece.Length;
        var buffers = ArrayPool<byte>.Shared.Rent(2 * length);
        // Not returned when something fails: the other read may still be writing into it.
        var wanted = buffers.AsMemory(0, length);
        var present = buffers.AsMemory(length, length);
        await from.ReadAsync(piece.Offset, wanted, cancellation).ConfigureAwait(false);
        await to.ReadAsync(piece.Offset, present, cancellation).ConfigureAwait(false);
        if (!wanted.Span.SequenceEqual(present.Span))
        {
            if (wanted.Span.ContainsAnyExcept((byte)0)) await to.WriteAsync(piece.Offset, wanted, cancellation).ConfigureAwait(false);
            else await to.ZeroAsync(piece, cancellation).ConfigureAwait(false);
        }
        ArrayPool<byte>.Shared.Return(buffers);
    }
}
