namespace VBackup.Vault.Tests.Fuzzing;

/// <summary>Inputs for decoders, from a seed: noise, and valid bytes with something wrong.</summary>
internal static class Mutation
{
    private static readonly byte[][] s_edges =
    [
        [0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 127], [0, 0, 0, 128], [1, 0, 0, 0], [239, 255, 255, 127],
    ];

    public static byte[] Noise(Random random, int lengthMax)
    {
        var bytes = new byte[random.Next(lengthMax + 1)];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>One to four changes: bits flipped, edges of number ranges put in, parts cut out, doubled, moved, or put in.</summary>
    public static byte[] Of(Random random, byte[] valid)
    {
        var bytes = valid;
        for (var changes = random.Next(1, 5); changes > 0; changes--) bytes = Once(random, bytes);
        return bytes;
    }

    private static byte[] Once(Random random, byte[] bytes)
    {
        if (bytes.Length == 0) return Noise(random, 64);
        var at = random.Next(bytes.Length);
        var length = random.Next(Math.Min(64, bytes.Length - at) + 1);
        var copy = bytes.ToArray();
        switch (random.Next(7))
        {
            case 0:
                copy[at] ^= (byte)(1 << random.Next(8));
                return copy;
            case 1:
                copy[at] = (byte)random.Next(256);
                return copy;
            case 2:
                var edge = s_edges[random.Next(s_edges.Length)];
                // Numbers stand at multiples of four.
                at &= ~3;
                edge.AsSpan(0, Math.Min(edge.Length, copy.Length - at)).CopyTo(copy.AsSpan(at));
                return copy;
            case 3:
                return bytes[..at];
            case 4:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 5:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            default:
                return [.. bytes[..at], .. Noise(random, 40), .. bytes[at..]];
        }
    }

    /// <summary>Replaces a value of a JSON text by another one, or what <see cref="Of"/> does.</summary>
    public static byte[] OfJson(Random random, byte[] valid)
    {
        var text = System.Text.Encoding.UTF8.GetString(valid);
        List<int> starts = [.. Enumerable.Range(0, text.Length - 1).Where(i => text[i] is ':' or '[' or ',')];
        if (random.Next(3) == 0 || starts.Count == 0) return Of(random, valid);
        var start = starts[random.Next(starts.Count)] + 1;
        var end = start;
        while (end < text.Length && text[end] is not (',' or '}' or ']')) end++;
        return System.Text.Encoding.UTF8.GetBytes(text[..start] + s_values[random.Next(s_values.Length)] + text[end..]);
    }

    private static readonly string[] s_values =
    [
        "null", "0", "-1", "1e999", "1.5", "9223372036854775808", "4294967296", "true", "\"\"", "\"\\ud800\"", "[]", "{}", "[null]",
        "[[[]]]", "\"full\"", "7", "\"00000000000000000000000000000000\"", "\"9999-12-31T23:59:59.9999999+14:00\"", "\"x\":1",
        "{\"id\":null}", "\"" + new string('a', 3000) + "\"", string.Concat(Enumerable.Repeat("[", 100)),
    ];
}
