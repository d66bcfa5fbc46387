using System.Numerics;
using VBackup.Primitives;

namespace VBackup.Vault.Indexing;

/// <summary>
/// A set of ids that may wrongly say "yes", never wrongly "no" (a blocked Bloom filter: Putze, Sanders, Singler,
/// "Cache-, hash- and space-efficient Bloom filters", 2007). Ids are digests, so their bits serve as hashes; a salt makes
/// the wrong answers of two filters independent. Not thread-safe while adding.
/// </summary>
internal sealed class ChunkFilter
{
    /// <summary>So that about one wrong answer in a thousand comes.</summary>
    public const int BitsPerEntry = 16;
    private const int Probes = 6;

    /// <summary>Bytes at least: in a small vault there are then hardly any wrong answers.</summary>
    private const ulong SizeMin = 1024 * 1024;
    private const int WordsPerBlock = 8;

    private readonly ulong[] _words;
    private readonly ulong _blockMask;
    private readonly ulong _salt;

    /// <param name="entries">Ids expected.</param>
    /// <param name="sizeMax">Bytes it may take; fewer bits an id than wished make wrong answers more frequent.</param>
    public ChunkFilter(long entries, int sizeMax, ulong salt)
    {
        var wanted = Math.Clamp((ulong)entries * BitsPerEntry / 8, Math.Min(SizeMin, (ulong)sizeMax), (ulong)sizeMax);
        var bytes = BitOperations.RoundUpToPowerOf2(wanted);
        if (bytes > (ulong)sizeMax) bytes /= 2;
        // Pinned, so that it does not lie among other large arrays: their heap grows with what survives in it.
        _words = GC.AllocateArray<ulong>((int)(bytes / 8), pinned: true);
        _blockMask = (ulong)(_words.Length / WordsPerBlock) - 1;
        _salt = salt;
    }

    public int SizeBytes => _words.Length * 8;

    /// <summary>Forgets everything.</summary>
    public void Reset() => _words.AsSpan().Clear();

    /// <summary>Adds an id.</summary>
    /// <returns>False when it was there already (or seemed to be).</returns>
    public bool Add(ContentId id)
    {
        var (block, bits) = Hash(id);
        var added = false;
        for (var i = 0; i < Probes; i++, bits >>= 9)
        {
            ref var word = ref _words[block + (int)(bits >> 6 & (WordsPerBlock - 1))];
            var bit = 1ul << (int)(bits & 63);
            added |= (word & bit) == 0;
            word |= bit;
        }
        return added;
    }

    public bool MayContain(ContentId id)
    {
        var (block, bits) = Hash(id);
        for (var i = 0; i < Probes; i++, bits >>= 9)
            if ((_words[block + (int)(bits >> 6 & (WordsPerBlock - 1))] & 1ul << (int)(bits & 63)) == 0) return false;
        return true;
    }

    private (int Block, ulong Bits) Hash(ContentId id)
    {
        // Two rounds of a 64-bit mixer over different parts of the digest and the salt.
        var first = Mix(id.Value.Prefix ^ _salt);
        var second = Mix(id.Value.Middle + _salt);
        return ((int)(first & _blockMask) * WordsPerBlock, second ^ first >> 40);
    }

    // The finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
    private static ulong Mix(ulong value)
    {
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
        value = (value ^ value >> 27) * 0x94D049BB133111EB;
        return value ^ value >> 31;
    }
}
