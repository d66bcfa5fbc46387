using System.IO.Hashing;
using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>
/// What chunks were when an import had checked them by their ids: reading them back, this is asked first, as it costs an eighth of an id.
/// It finds what a storage lost or mixed up; against whoever forges content there are the ids, which were checked before.
/// Those of a part of the largest volumes only, so that memory stays bounded: the rest is checked by id. Thread-safe for different chunks.
/// </summary>
public sealed class CheckedDigests
{
    // 16 MiB: a volume of 128 GiB with chunks of 128 KiB.
    private const long CountMax = 1024 * 1024;

    // XXH128, and zero for what is not known.
    private readonly UInt128[] _digests;

    public CheckedDigests(TreeShape shape) => _digests = new UInt128[Math.Min(shape.ChunkCount, CountMax)];

    public void Set(long chunk, ReadOnlySpan<byte> content)
    {
        if (chunk < _digests.Length) _digests[chunk] = XxHash128.HashToUInt128(content);
    }

    /// <summary>False for what differs or is not known.</summary>
    public bool IsSame(long chunk, ReadOnlySpan<byte> content) =>
        chunk < _digests.Length && _digests[chunk] is var digest && digest != default && digest == XxHash128.HashToUInt128(content);
}
