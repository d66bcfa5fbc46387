using VBackup.Primitives;

namespace VBackup.Clouds.Volumes;

/// <summary>A volume's bytes at one instant. Thread-safe: several reads may be under way at once.</summary>
public interface IVolumeReader : IAsyncDisposable
{
    /// <summary>What a user calls it: a path, or <c>pool/image@snapshot</c>.</summary>
    string Description { get; }

    long LengthBytes { get; }

    /// <summary>The ranges that may hold something else than zeros, from an offset on: ordered, apart, within the volume. Read
    /// lazily.</summary>
    IEnumerable<Extent> AllocatedExtents(long from = 0);

    /// <summary>The same as far as the storage tells it at once, which may be wrong: for choosing samples, never for what must be
    /// complete.</summary>
    IEnumerable<Extent> RoughlyAllocatedExtents() => AllocatedExtents();

    /// <summary>
    /// What is missing in <see cref="RoughlyAllocatedExtents"/> is so in whole units of so many bytes, each of which
    /// <see cref="HoldsData"/> can be asked for. Null where what is told roughly is exact.
    /// </summary>
    int? RoughUnitBytes => null;

    /// <summary>Whether there is data in a range, as the storage's disks say and not its maps. Costs an answer of a disk for each unit.
    /// Blocking.</summary>
    /// <exception cref="IOException">The source failed.</exception>
    bool HoldsData(Extent range) => AllocatedExtents(range.Offset).FirstOrDefault() is { Length: > 0 } first && first.Offset < range.End;

    /// <summary>Fills the whole buffer from <paramref name="offset"/>; REQUIRES: the range lies within the volume.</summary>
    /// <exception cref="IOException">The source failed, or became shorter.</exception>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation);
}
