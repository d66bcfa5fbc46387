using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Demo;

/// <summary>Compares volumes without the code that backs them up.</summary>
static class ByteComparison
{
    const int PieceSize = 1 << 20;

    /// <summary>Reads both volumes from end to end.</summary>
    public static async Task<bool> IsSameAsync(IVolumeReader left, IVolumeReader right, CancellationToken cancellation)
    {
        if (left.LengthBytes != right.LengthBytes) return false;
        var leftPiece = new byte[PieceSize];
        var rightPiece = new byte[PieceSize];
        for (long at = 0; at < left.LengthBytes; at += PieceSize)
        {
            var size = (int)Math.Min(PieceSize, left.LengthBytes - at);
            await left.ReadAsync(at, leftPiece.AsMemory(0, size), cancellation).ConfigureAwait(false);
            await right.ReadAsync(at, rightPiece.AsMemory(0, size), cancellation).ConfigureAwait(false);
            if (!leftPiece.AsSpan(0, size).SequenceEqual(rightPiece.AsSpan(0, size))) return false;
        }
        return true;
    }
}
