using System.Runtime.InteropServices;
using VBackup.Primitives;

namespace VBackup.Clouds.Volumes;

/// <summary>Copies and comparisons of volumes that are files.</summary>
internal static class SparseCopy
{
    private const int PieceSize = 1024 * 1024;

    /// <summary>What one comparison says of a piece as a whole.</summary>
    private const int CompareSize = 4096;

    /// <summary>Makes a file the same as another: by sharing its blocks where the file system can, else by copying what is not
    /// a hole. What was at the path is replaced. Not durable yet.</summary>
    /// <param name="source">REQUIRES: nobody writes to it.</param>
    public static async Task MakeAsync(FileVolume source, string path, CancellationToken cancellation)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, BufferSize = 0,
        };
        // A volume may hold anybody's secrets.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var target = new FileStream(path, options);
        await using (target.ConfigureAwait(false))
        {
            var error = source.CloneTo(target.SafeFileHandle);
            if (error is NativeFile.NotSupported or NativeFile.OtherDevice or NativeFile.Invalid or NativeFile.NotForDevice)
                await CopyAsync(source, target, cancellation).ConfigureAwait(false);
            else if (error != 0)
                throw new IOException($"{path} could not be cloned: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    /// <summary>Makes a copy's bytes durable.</summary>
    public static void Flush(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Puts a copy in the place of a volume, durable.</summary>
    public static async Task ReplaceAsync(FileVolume source, string path, CancellationToken cancellation)
    {
        // What a link leads to is replaced, and not the link.
        path = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        var fresh = path + ".new";
        // Written over, it would take along what else is called so.
        File.Delete(fresh);
        await MakeAsync(source, fresh, cancellation).ConfigureAwait(false);
        if (!OperatingSystem.IsWindows() && File.Exists(path)) File.SetUnixFileMode(fresh, File.GetUnixFileMode(path));
        Flush(fresh);
        File.Move(fresh, path, overwrite: true);
        FileIdentity.SyncFolderOf(path);
    }

    private static async Task CopyAsync(FileVolume source, FileStream target, CancellationToken cancellation)
    {
        target.SetLength(source.LengthBytes);
        var buffer = new byte[PieceSize];
        foreach (var range in source.AllocatedExtents())
        {
            for (var at = range.Offset; at < range.End; at += PieceSize)
            {
                var piece = buffer.AsMemory(0, (int)Math.Min(PieceSize, range.End - at));
                await source.ReadAsync(at, piece, cancellation).ConfigureAwait(false);
                RandomAccess.Write(target.SafeFileHandle, piece.Span, at);
            }
        }
    }

    /// <summary>The ranges of <paramref name="to"/> that differ from <paramref name="from"/>, in pieces of 4 KiB; what lies
    /// past the end of <paramref name="from"/> counts as zeros there.</summary>
    public static async Task<Extents> CompareAsync(FileVolume from, FileVolume to, CancellationToken cancellation)
    {
        List<Extent> changed = [];
        byte[] older = new byte[PieceSize], newer = new byte[PieceSize];
        foreach (var piece in PiecesOfEither(from, to))
        {
            var length = (int)Math.Min(PieceSize, to.LengthBytes - piece);
            var known = (int)Math.Clamp(from.LengthBytes - piece, 0, length);
            await to.ReadAsync(piece, newer.AsMemory(0, length), cancellation).ConfigureAwait(false);
            if (known > 0) await from.ReadAsync(piece, older.AsMemory(0, known), cancellation).ConfigureAwait(false);
            older.AsSpan(known, length - known).Clear();
            AddDifferences(changed, piece, older.AsSpan(0, length), newer.AsSpan(0, length));
        }
        return Extents.Checked(changed, to.LengthBytes);
    }

    // Aligned pieces that hold data in one of the two, each once, in order.
    private static SortedSet<long> PiecesOfEither(FileVolume from, FileVolume to)
    {
        var pieces = new SortedSet<long>();
        foreach (var range in from.AllocatedExtents().Concat(to.AllocatedExtents()))
        {
            for (var at = range.Offset / PieceSize * PieceSize; at < Math.Min(range.End, to.LengthBytes); at += PieceSize)
                pieces.Add(at);
        }
        return pieces;
    }

    private static void AddDifferences(List<Extent> changed, long offset, ReadOnlySpan<byte> older, ReadOnlySpan<byte> newer)
    {
        for (var at = 0; at < newer.Length; at += CompareSize)
        {
            var length = Math.Min(CompareSize, newer.Length - at);
            if (older.Slice(at, length).SequenceEqual(newer.Slice(at, length))) continue;
            var start = offset + at;
            if (changed.Count > 0 && changed[^1].End == start)
                changed[^1] = new(changed[^1].Offset, changed[^1].Length + length);
            else changed.Add(new(start, length));
        }
    }
}
