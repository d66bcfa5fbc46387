using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Cli.Demo;

/// <summary>Compares and copies images without the code that backs them up.</summary>
static class ByteComparison
{
    const int PieceSize = 1 << 20;
    const int ExtentSize = 64 * 1024;

    /// <summary>Copies an image with its holes.</summary>
    /// <returns>Bytes that are not holes.</returns>
    public static async Task<long> CopyAsync(string from, string to, CancellationToken cancellation)
    {
        var source = FileVolume.OpenSource(from);
        await using (source.ConfigureAwait(false))
        {
            using var target = File.OpenHandle(to, FileMode.CreateNew, FileAccess.Write);
            RandomAccess.SetLength(target, source.LengthBytes);
            var piece = new byte[PieceSize];
            long copied = 0;
            foreach (var range in source.AllocatedExtents())
                for (var at = range.Offset; at < range.End; at += PieceSize)
                {
                    var part = piece.AsMemory(0, (int)Math.Min(PieceSize, range.End - at));
                    await source.ReadAsync(at, part, cancellation).ConfigureAwait(false);
                    RandomAccess.Write(target, part.Span, at);
                    copied += part.Length;
                }
            return copied;
        }
    }

    /// <summary>Reads both files from end to end.</summary>
    /// <returns>Where they differ, in ranges of 64 KiB; null when one is longer than the other.</returns>
    public static List<Extent>? Differences(string left, string right, CancellationToken cancellation)
    {
        using var leftFile = File.OpenHandle(left);
        using var rightFile = File.OpenHandle(right);
        var length = RandomAccess.GetLength(leftFile);
        if (RandomAccess.GetLength(rightFile) != length) return null;
        var leftPiece = new byte[PieceSize];
        var rightPiece = new byte[PieceSize];
        List<Extent> differences = [];
        for (long at = 0; at < length; at += PieceSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var size = (int)Math.Min(PieceSize, length - at);
            ReadWhole(leftFile, at, leftPiece.AsSpan(0, size), left);
            ReadWhole(rightFile, at, rightPiece.AsSpan(0, size), right);
            if (leftPiece.AsSpan(0, size).SequenceEqual(rightPiece.AsSpan(0, size))) continue;
            for (var within = 0; within < size; within += ExtentSize)
            {
                var part = Math.Min(ExtentSize, size - within);
                if (!leftPiece.AsSpan(within, part).SequenceEqual(rightPiece.AsSpan(within, part)))
                    Add(differences, new(at + within, part));
            }
        }
        return differences;
    }

    static void Add(List<Extent> extents, Extent next)
    {
        if (extents.Count > 0 && extents[^1].End == next.Offset) extents[^1] = new(extents[^1].Offset, extents[^1].Length + next.Length);
        else extents.Add(next);
    }

    static void ReadWhole(Microsoft.Win32.SafeHandles.SafeFileHandle file, long offset, Span<byte> piece, string path)
    {
        for (var done = 0; done < piece.Length;)
        {
            var read = RandomAccess.Read(file, piece[done..], offset + done);
            done += read > 0 ? read : throw new IOException($"{path} became shorter while it was read");
        }
    }
}
