using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>
/// Reads the journal that a lab cloud's guest keeps in the first 256 KiB of two volumes, with nothing of the code that writes it:
/// 64 records of 4 KiB in a ring, each with a mark, its number from 1 on, filling, and a SHA-256 of these.
/// </summary>
internal static class GuestJournal
{
    const int RecordSize = 4096, Slots = 64, NumberAt = 8, DigestAt = RecordSize - SHA256.HashSizeInBytes;

    /// <summary>The number of the last record.</summary>
    /// <exception cref="InvalidDataException">A record is damaged, or one before the last is missing.</exception>
    public static long LastOf(string image)
    {
        using var file = File.OpenHandle(image);
        var numbers = new SortedSet<long>();
        var record = new byte[RecordSize];
        for (var slot = 0; slot < Slots; slot++)
        {
            if (RandomAccess.Read(file, record, (long)slot * RecordSize) != RecordSize)
                throw new InvalidDataException($"{image} is too short");
            if (!record.AsSpan().ContainsAnyExcept((byte)0)) continue;
            var number = BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(NumberAt));
            if (!record.AsSpan().StartsWith("vbjourn1"u8) || (number - 1) % Slots != slot
                || !SHA256.HashData(record.AsSpan(0, DigestAt)).AsSpan().SequenceEqual(record.AsSpan(DigestAt)))
                throw new InvalidDataException($"{image}: slot {slot} holds no record of its own");
            numbers.Add(number);
        }
        return numbers.Count == Math.Min(numbers.Max, Slots) && numbers.Max - numbers.Min == numbers.Count - 1
            ? numbers.Max : throw new InvalidDataException($"{image}: records before {numbers.Max} are missing");
    }

    /// <summary>Each record is written to the first volume, then to the second: at any instant the first is there too, or one
    /// ahead.</summary>
    public static bool IsOfOneInstant(string first, string second) => LastOf(first) - LastOf(second) is 0 or 1;
}
