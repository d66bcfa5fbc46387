using VBackup.Primitives;

namespace VBackup.Vault.Indexing;

/// <summary>
/// A <see cref="ChunkFilter"/> for a number of ids that nobody knows beforehand: when one is full, another of twice its size is
/// put beside it, up to a bound (a scalable Bloom filter: Almeida and others, "Scalable Bloom Filters", 2007). Not thread-safe.
/// </summary>
internal sealed class GrowingFilter
{
    private const int SizeMin = 1024 * 1024;

    private readonly int _sizeMax;
    private readonly List<ChunkFilter> _parts = [];
    private long _room;
    private int _size;

    /// <param name="entries">Ids that will be there at least.</param>
    /// <param name="sizeMax">Bytes that all parts together may take; past it wrong answers become more frequent.</param>
    public GrowingFilter(long entries, int sizeMax)
    {
        _sizeMax = sizeMax;
        Grow(Math.Clamp(entries * ChunkFilter.BitsPerEntry / 8, Math.Min(SizeMin, sizeMax), sizeMax));
    }

    public void Add(ContentId id)
    {
        if (_room == 0 && _size < _sizeMax) Grow(Math.Min(2L * _parts[^1].SizeBytes, _sizeMax - _size));
        if (_parts[^1].Add(id) && _room > 0) _room--;
    }

    public bool MayContain(ContentId id)
    {
        foreach (var part in _parts)
            if (part.MayContain(id)) return true;
        return false;
    }

    private void Grow(long size)
    {
        var part = new ChunkFilter(size * 8 / ChunkFilter.BitsPerEntry, (int)size, salt: 0);
        _parts.Add(part);
        _size += part.SizeBytes;
        _room = part.SizeBytes * 8L / ChunkFilter.BitsPerEntry;
    }
}
