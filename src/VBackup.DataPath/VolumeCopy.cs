using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.DataPath;

/// <summary>What a copy did.</summary>
/// <param name="Sha256">Of the source's whole content, holes read as zeros; in hexadecimal.</param>
/// <param name="WrittenBytes">Bytes written to the target; zeros are not.</param>
public sealed record CopyResult(string Sha256, long WrittenBytes);

/// <summary>
/// Volume → volume, with the digest of all that was read. Workers each read a piece, wait for their turn to hash it, and write what
/// is not zero: reads and writes overlap, hashing goes through the volume in order. Memory is made at the start, and nothing is
/// allocated for a piece. Not thread-safe; can be used again.
/// </summary>
public sealed class VolumeCopy
{
    // What is looked at for zeros, and left out where there is nothing else: no file system keeps smaller holes well.
    private const int BlockSize = 64 * 1024;

    private readonly Memory<byte>[] _slots;

    public VolumeCopy(DataPathOptions options)
    {
        _slots = new Memory<byte>[Math.Max(options.Workers, 1)];
        var slotSize = Math.Max(options.SlotSize / BlockSize, 1) * BlockSize;
        for (var i = 0; i < _slots.Length; i++) _slots[i] = AlignedMemory.Allocate(slotSize);
    }

    /// <summary>Copies everything, and returns when the target is durable.</summary>
    /// <exception cref="ArgumentException">The target is shorter, or not known to be all zero.</exception>
    /// <exception cref="IOException">The source or the target failed.</exception>
    public async Task<CopyResult> CopyAsync(
        IVolumeReader source, IVolumeWriter target, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        if (!target.IsAllZero || target.LengthBytes < source.LengthBytes)
            throw new ArgumentException($"{target.Description} is not all zero, or shorter than {source.Description}", nameof(target));
        var result = await RunAsync(source, target, progress, cancellation).ConfigureAwait(false);
        await target.FlushAsync(cancellation).ConfigureAwait(false);
        return result;
    }

    /// <summary>Reads how many bytes a copy would write, until they are more than <paramref name="limit"/>.</summary>
    /// <returns>Those that were counted.</returns>
    /// <exception cref="IOException">The source failed.</exception>
    public async Task<long> CountAsync(IVolumeReader source, long limit, CancellationToken cancellation)
    {
        long counted = 0;
        foreach (var piece in Pieces(source, _slots[0].Length))
        {
            if (counted > limit) break;
            var content = _slots[0][..(int)piece.Length];
            await source.ReadAsync(piece.Offset, content, cancellation).ConfigureAwait(false);
            for (var at = 0; at < content.Length; at += BlockSize)
            {
                var block = content.Span[at..Math.Min(at + BlockSize, content.Length)];
                if (block.ContainsAnyExcept((byte)0)) counted += block.Length;
            }
        }
        return counted;
    }

    /// <summary>Reads everything.</summary>
    /// <returns>The SHA-256 of the content, holes read as zeros; in hexadecimal.</returns>
    /// <exception cref="IOException">The source failed.</exception>
    public async Task<string> DigestAsync(IVolumeReader source, IProgress<TransferProgress>? progress, CancellationToken cancellation) =>
        (await RunAsync(source, target: null, progress, cancellation).ConfigureAwait(false)).Sha256;

    private async Task<CopyResult> RunAsync(
        IVolumeReader source, IVolumeWriter? target, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        using var hash = new OrderedHash(_slots.Length);
        using var plan = Pieces(source, _slots[0].Length).GetEnumerator();
        var gate = new Lock();
        var taken = 0;
        long writtenBytes = 0;
        await WorkerTeam.RunAsync(_slots.Length, async (worker, stop) =>
        {
            while (TryTake(out var piece, out var ticket))
            {
                var content = _slots[worker][..(int)piece.Length];
                await source.ReadAsync(piece.Offset, content, stop).ConfigureAwait(false);
                await hash.AppendInTurnAsync(ticket, piece.Offset, content, stop).ConfigureAwait(false);
                if (target is not null)
                    Interlocked.Add(ref writtenBytes, await WriteAsync(target, piece.Offset, content, stop).ConfigureAwait(false));
                progress?.Report(new(piece.End, source.LengthBytes));
            }
        }, cancellation).ConfigureAwait(false);
        return new(hash.End(source.LengthBytes, cancellation), writtenBytes);

        bool TryTake(out Extent piece, out int ticket)
        {
            lock (gate)
            {
                var any = plan.MoveNext();
                piece = any ? plan.Current : default;
                ticket = any ? taken++ % _slots.Length : 0;
                return any;
            }
        }
    }

    /// <summary>What may hold something else than zeros, in whole blocks and pieces of at most a slot.</summary>
    private static IEnumerable<Extent> Pieces(IVolumeReader source, int pieceLength)
    {
        long done = 0;
        foreach (var range in source.AllocatedExtents())
        {
            var end = Math.Min(range.End + (BlockSize - 1) & -BlockSize, source.LengthBytes);
            for (var at = Math.Max(done, range.Offset & -BlockSize); at < end; at = done)
            {
                done = Math.Min(at + pieceLength, end);
                yield return new(at, done - at);
            }
        }
    }

    private static async ValueTask<long> WriteAsync(
        IVolumeWriter target, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        long written = 0;
        for (var from = 0; from < content.Length;)
        {
            var to = from;
            while (to < content.Length && content.Span[to..Math.Min(to + BlockSize, content.Length)].ContainsAnyExcept((byte)0))
                to = Math.Min(to + BlockSize, content.Length);
            if (to > from) await target.WriteAsync(offset + from, content[from..to], cancellation).ConfigureAwait(false);
            written += to - from;
            from = to + BlockSize;
        }
        return written;
    }

    /// <summary>A digest to which pieces are appended in the order of their tickets, which go round.</summary>
    private sealed class OrderedHash : IDisposable
    {
        // As many turns as there can be pieces under way, so that two of them never wait for the same.
        private readonly SemaphoreSlim[] _turns;
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly byte[] _zeros = new byte[BlockSize];
        private long _done;

        public OrderedHash(int workers)
        {
            _turns = new SemaphoreSlim[workers];
            for (var i = 0; i < workers; i++) _turns[i] = new(i == 0 ? 1 : 0);
        }

        public async ValueTask AppendInTurnAsync(int ticket, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            await _turns[ticket].WaitAsync(cancellation).ConfigureAwait(false);
            AppendZeros(offset, cancellation);
            _hash.AppendData(content.Span);
            _done = offset + content.Length;
            _turns[(ticket + 1) % _turns.Length].Release();
        }

        public string End(long lengthBytes, CancellationToken cancellation)
        {
            AppendZeros(lengthBytes, cancellation);
            return Convert.ToHexStringLower(_hash.GetHashAndReset());
        }

        private void AppendZeros(long until, CancellationToken cancellation)
        {
            for (; _done < until; _done += Math.Min(BlockSize, until - _done))
            {
                cancellation.ThrowIfCancellationRequested();
                _hash.AppendData(_zeros.AsSpan(0, (int)Math.Min(BlockSize, until - _done)));
            }
        }

        public void Dispose()
        {
            foreach (var turn in _turns) turn.Dispose();
            _hash.Dispose();
        }
    }
}
