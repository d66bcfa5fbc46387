using VBackup.Primitives;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>Small volumes whose chunks come from a small alphabet, so that duplicates are everywhere.</summary>
internal static class Volumes
{
    private const int ChunkSize = 4096;
    private const int Letters = 14;
    private static readonly byte[][] s_alphabet = [.. Enumerable.Range(0, Letters).Select(Letter)];

    private static byte[] Letter(int number)
    {
        var content = new byte[ChunkSize];
        if (number > 0) new Random(number).NextBytes(content);
        return content;
    }

    public static byte[] Any(Random random)
    {
        // Now and then one whose tree has two levels; nearly all of it is zero.
        var chunks = random.Next(24) == 0 ? 256 + random.Next(1, 4) : random.Next(1, 6);
        var content = new byte[chunks * ChunkSize - random.Next(2) * random.Next(ChunkSize)];
        for (var chunk = 0; chunk < chunks; chunk++)
            if (chunk is < 6 or > 254) Write(random, content, chunk);
        return content;
    }

    /// <summary>Chunks of one letter each, of an alphabet without end; letter 0 is zero.</summary>
    public static byte[] Of(params int[] letters) => [.. letters.SelectMany(Letter)];

    /// <summary>The same volume some time later, and where it changed.</summary>
    public static (byte[] Content, Extent[] Changed) Change(Random random, byte[] content)
    {
        var copy = content.ToArray();
        var chunks = (content.Length + ChunkSize - 1) / ChunkSize;
        List<Extent> changed = [];
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            if (chunk is > 5 and < 255 || random.Next(3) > 0) continue;
            Write(random, copy, chunk);
            changed.Add(new(chunk * ChunkSize, Math.Min(ChunkSize, content.Length - chunk * ChunkSize)));
        }
        return (copy, [.. changed]);
    }

    /// <summary>One volume's content in the length of another.</summary>
    public static byte[] Fit(byte[] content, byte[] like)
    {
        var copy = like.ToArray();
        content.AsSpan(0, Math.Min(content.Length, copy.Length)).CopyTo(copy);
        return copy;
    }

    private static void Write(Random random, byte[] content, int chunk)
    {
        var piece = content.AsSpan(chunk * ChunkSize, Math.Min(ChunkSize, content.Length - chunk * ChunkSize));
        s_alphabet[random.Next(Letters)].AsSpan(0, piece.Length).CopyTo(piece);
    }
}
