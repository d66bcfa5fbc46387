using System.Globalization;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>What two images say of the journal that they hold.</summary>
/// <param name="LastOfFirst">The number of the last record; 0 when there is none.</param>
/// <param name="Fault">Why they cannot be of one instant; null when they can.</param>
public sealed record JournalVerdict(long LastOfFirst, long LastOfSecond, string? Fault)
{
    public bool IsInOrder => Fault is null;
}

/// <summary>Reads the two images of a <see cref="WriteOrderJournal"/> and says whether they can be of one instant.</summary>
public static class JournalCheck
{
    internal delegate ValueTask ReadVolume(long offset, Memory<byte> buffer, CancellationToken cancellation);

    /// <exception cref="ArgumentException">An image is too short to hold a journal.</exception>
    public static Task<JournalVerdict> OfAsync(IVolumeReader first, IVolumeReader second, CancellationToken cancellation)
    {
        if (first.LengthBytes < WriteOrderJournal.LengthMin || second.LengthBytes < WriteOrderJournal.LengthMin)
            throw new ArgumentException($"a journal takes two volumes of {WriteOrderJournal.LengthMin} bytes or more");
        return OfAsync(first.ReadAsync, second.ReadAsync, cancellation);
    }

    internal static async Task<JournalVerdict> OfAsync(ReadVolume first, ReadVolume second, CancellationToken cancellation)
    {
        var (lastOfFirst, faultOfFirst) = await LastOfAsync(first, "first", cancellation).ConfigureAwait(false);
        var (lastOfSecond, faultOfSecond) = await LastOfAsync(second, "second", cancellation).ConfigureAwait(false);
        var fault = faultOfFirst ?? faultOfSecond;
        if (fault is null && (lastOfFirst - lastOfSecond) is not (0 or 1))
            fault = string.Create(CultureInfo.InvariantCulture,
                $"the first volume is at record {lastOfFirst} and the second at {lastOfSecond}, which was never so");
        return new(lastOfFirst, lastOfSecond, fault);
    }

    // Up to the last, no record may be missing: each slot of the ring holds the latest that belongs there.
    private static async Task<(long Last, string? Fault)> LastOfAsync(ReadVolume read, string which, CancellationToken cancellation)
    {
        var numbers = new long[WriteOrderJournal.Slots];
        var record = new byte[WriteOrderJournal.RecordSize];
        string? fault = null;
        for (var slot = 0; slot < numbers.Length; slot++)
        {
            await read((long)slot * record.Length, record, cancellation).ConfigureAwait(false);
            if (WriteOrderJournal.NumberOf(record) is { } number) numbers[slot] = number;
            else fault ??= $"slot {slot} of the {which} volume holds no whole record";
        }
        var last = numbers.Max();
        for (var number = Math.Max(1, last - numbers.Length + 1); number <= last; number++)
        {
            var slot = (int)((number - 1) % numbers.Length);
            if (numbers[slot] != number) fault ??= $"the {which} volume is at record {last} and lacks {number}";
        }
        return (last, fault);
    }
}
