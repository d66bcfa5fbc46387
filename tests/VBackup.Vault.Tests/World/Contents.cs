namespace VBackup.Vault.Tests.World;

/// <summary>Contents of volumes, from a seed.</summary>
internal static class Contents
{
    /// <summary>Blocks that are random, repeated, text-like or zero, and an odd tail.</summary>
    public static byte[] Mixed(int seed, int length, int block = 4096)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length; at += block)
        {
            var piece = content.AsSpan(at, Math.Min(block, length - at));
            switch (random.Next(4))
            {
                case 0: random.NextBytes(piece); break;
                case 1: piece.Fill((byte)random.Next(1, 5)); break;
                case 2:
                    for (var i = 0; i < piece.Length; i++) piece[i] = (byte)('a' + random.Next(8));
                    break;
            }
        }
        return content;
    }

    /// <summary>A copy with some ranges overwritten, and those ranges.</summary>
    public static (byte[] Content, VBackup.Primitives.Extent[] Changed) Change(int seed, byte[] content, int count, int lengthMax)
    {
        var random = new Random(seed);
        var copy = content.ToArray();
        List<VBackup.Primitives.Extent> changed = [];
        for (var i = 0; i < count && content.Length > 0; i++)
        {
            var length = random.Next(1, Math.Min(lengthMax, content.Length) + 1);
            var offset = random.Next(0, content.Length - length + 1);
            if (changed.Exists(range => offset < range.End && range.Offset < offset + length)) continue;
            if (random.Next(4) == 0) copy.AsSpan(offset, length).Clear();
            else random.NextBytes(copy.AsSpan(offset, length));
            changed.Add(new(offset, length));
        }
        return (copy, [.. changed]);
    }

    /// <summary>Compares without printing megabytes when they differ.</summary>
    public static void AssertSame(byte[] expected, byte[] actual) =>
        Xunit.Assert.True(expected.AsSpan().SequenceEqual(actual),
            $"differs from byte {expected.AsSpan().CommonPrefixLength(actual)} of {expected.Length}");
}
