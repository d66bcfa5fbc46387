namespace VBackup.EndToEnd.Tests.World;

/// <summary>Contents of volumes, from a seed.</summary>
internal static class Contents
{
    public const int Block = 16 * 1024;

    /// <summary>Half of the blocks random, the others text or zeros; and an odd tail.</summary>
    public static byte[] Mixed(int seed, int length)
    {
        var random = new Random(seed);
        var content = new byte[length];
        for (var at = 0; at < length; at += Block) Fill(random, content.AsSpan(at, Math.Min(Block, length - at)));
        return content;
    }

    public static byte[] Incompressible(int seed, int length)
    {
        var content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    /// <summary>A copy with some blocks changed, and where.</summary>
    public static (byte[] Content, List<(long Offset, int Length)> Changed) Change(int seed, byte[] content, int count)
    {
        var random = new Random(seed);
        var copy = content.ToArray();
        List<(long, int)> changed = [];
        foreach (var block in Enumerable.Range(0, content.Length / Block).OrderBy(_ => random.Next()).Take(count).Order())
        {
            Fill(random, copy.AsSpan(block * Block, Block));
            changed.Add((block * Block, Block));
        }
        return (copy, changed);
    }

    public static string Json(IEnumerable<(long Offset, int Length)> extents) =>
        $"[{string.Join(',', extents.Select(extent => $"{{\"offset\":{extent.Offset},\"length\":{extent.Length}}}"))}]";

    static void Fill(Random random, Span<byte> piece)
    {
        switch (random.Next(4))
        {
            case 0 or 1: random.NextBytes(piece); break;
            case 2: for (var i = 0; i < piece.Length; i++) piece[i] = (byte)('a' + random.Next(8)); break;
            default: piece.Clear(); break;
        }
    }
}
