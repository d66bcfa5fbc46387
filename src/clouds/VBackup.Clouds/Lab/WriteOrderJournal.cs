using System.Buffers.Binary;
using System.Security.Cryptography;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// A journal over two volumes that shows whether images of both are of one instant: record n is written to the first volume
/// and made durable, then to the second. So at every instant the first is at the second's record, or one ahead.
/// </summary>
/// <remarks>A record has 4 KiB: a mark, its number, filling, and a digest of these. The last 64 records lie in a ring from the
/// volume's beginning on. Records count from 1. Not thread-safe. Owns nothing.</remarks>
public sealed class WriteOrderJournal
{
    /// <summary>What a volume must hold at least.</summary>
    public const long LengthMin = (long)RecordSize * Slots;

    internal const int RecordSize = 4096;
    internal const int Slots = 64;
    private const int NumberAt = 8;
    private const int FillingAt = 16;
    private const int DigestAt = RecordSize - SHA256.HashSizeInBytes;

    private readonly IVolumeWriter _first;
    private readonly IVolumeWriter _second;
    private readonly byte[] _record = new byte[RecordSize];

    private WriteOrderJournal(IVolumeWriter first, IVolumeWriter second, long last)
    {
        _first = first;
        _second = second;
        Last = last;
    }

    private static ReadOnlySpan<byte> Mark => "vbjourn1"u8;

    /// <summary>The record that both volumes have.</summary>
    public long Last { get; private set; }

    /// <summary>Goes on where the volumes' journal ended, also when only the first has its last record.</summary>
    /// <exception cref="InvalidOperationException">The volumes are not of one instant, or too short.</exception>
    public static async Task<WriteOrderJournal> OpenAsync(IVolumeWriter first, IVolumeWriter second, CancellationToken cancellation)
    {
        if (first.LengthBytes < LengthMin || second.LengthBytes < LengthMin)
            throw new InvalidOperationException($"a journal takes two volumes of {LengthMin} bytes or more");
        var verdict = await JournalCheck.OfAsync(first.ReadAsync, second.ReadAsync, cancellation).ConfigureAwait(false);
        if (!verdict.IsInOrder) throw new InvalidOperationException($"the journal is broken: {verdict.Fault}");
        return new(first, second, verdict.LastOfSecond);
    }

    /// <summary>Writes the next record to both, the second only when the first is durable.</summary>
    public async Task AppendAsync(CancellationToken cancellation)
    {
        var number = Last + 1;
        Format(number, _record);
        await WriteAsync(_first, number, cancellation).ConfigureAwait(false);
        await WriteAsync(_second, number, cancellation).ConfigureAwait(false);
        Last = number;
    }

    private async Task WriteAsync(IVolumeWriter volume, long number, CancellationToken cancellation)
    {
        await volume.WriteAsync(OffsetOf(number), _record, cancellation).ConfigureAwait(false);
        await volume.FlushAsync(cancellation).ConfigureAwait(false);
    }

    internal static long OffsetOf(long number) => (number - 1) % Slots * RecordSize;

    internal static void Format(long number, Span<byte> record)
    {
        Mark.CopyTo(record);
        BinaryPrimitives.WriteInt64LittleEndian(record[NumberAt..], number);
        record[FillingAt..DigestAt].Fill((byte)number);
        SHA256.HashData(record[..DigestAt], record[DigestAt..]);
    }

    /// <returns>The record's number; 0 for nothing but zeros; null for anything else.</returns>
    internal static long? NumberOf(ReadOnlySpan<byte> record)
    {
        if (!record.ContainsAnyExcept((byte)0)) return 0;
        if (!record.StartsWith(Mark)) return null;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(record[..DigestAt], digest);
        return digest.SequenceEqual(record[DigestAt..]) ? BinaryPrimitives.ReadInt64LittleEndian(record[NumberAt..]) : null;
    }
}
