using System.Buffers;
using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Reading;

/// <summary>
/// Where chunks lie by the footers of some packs, within a bound: the pack that served longest ago goes first. Ids are known by
/// their first 8 bytes, since whoever reads by them checks what was read. Not thread-safe.
/// </summary>
internal sealed class MovedChunks
{
    /// <summary>Chunks that a footer must have told for it to be read once more: so that reading footers never costs more than a
    /// part of what reading the chunks one by one does.</summary>
    private const int ServedMin = 16;

    /// <summary>What a chunk costs here, with the room that its table leaves free.</summary>
    private const int BytesPerChunk = 64;

    /// <summary>The part of the memory that this may take.</summary>
    private const int MemoryShare = 64;

    private readonly int _chunksMax;
    private readonly Dictionary<ulong, Place> _places = [];
    private readonly Dictionary<ObjectId, LinkedListNode<Pack>> _packs = [];

    /// <summary>The one that served last comes last.</summary>
    private readonly LinkedList<Pack> _byUse = [];
    private readonly HashSet<ObjectId> _vain = [];
    private int _chunks;

    /// <param name="chunksMax">Chunks of all packs together; less where memory is short, never less than one pack has.</param>
    public MovedChunks(int chunksMax)
    {
        var ofMemory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryShare / BytesPerChunk;
        _chunksMax = (int)Math.Max(FormatLimits.PackBlobsMax, Math.Min(chunksMax, ofMemory));
    }

    private readonly record struct Place(LinkedListNode<Pack> Pack, uint Offset, uint Length);

    private sealed class Pack(ObjectId id, ulong[] rented, int count)
    {
        public ObjectId Id { get; } = id;
        public int Served { get; set; }
        public ulong[] Rented { get; } = rented;
        public ReadOnlySpan<ulong> Chunks => Rented.AsSpan(0, count);
    }

    /// <summary>Whether reading the pack's footer is likely to save more reads than it costs.</summary>
    public bool IsWorthLearning(ObjectId pack) => !_packs.ContainsKey(pack) && !_vain.Contains(pack);

    public bool TryFind(ContentId id, out BlobLocation location)
    {
        if (!_places.TryGetValue(id.Value.Prefix, out var place))
        {
            location = default;
            return false;
        }
        var pack = place.Pack.Value;
        pack.Served++;
        if (_byUse.Last != place.Pack)
        {
            _byUse.Remove(place.Pack);
            _byUse.AddLast(place.Pack);
        }
        location = new(pack.Id, place.Offset, place.Length);
        return true;
    }

    public void Learn(ObjectId id, ReadOnlySpan<PackEntry> footer)
    {
        if (_packs.ContainsKey(id)) return;
        while (_byUse.First is { } oldest && _chunks + footer.Length > _chunksMax)
        {
            if (oldest.Value.Served < ServedMin) _vain.Add(oldest.Value.Id);
            Forget(oldest.Value.Id);
        }
        var pack = new Pack(id, ArrayPool<ulong>.Shared.Rent(footer.Length), footer.Length);
        var node = _byUse.AddLast(pack);
        _packs.Add(id, node);
        _chunks += footer.Length;
        for (var i = 0; i < footer.Length; i++)
        {
            pack.Rented[i] = footer[i].Id.Value.Prefix;
            _places[pack.Rented[i]] = new(node, footer[i].Offset, footer[i].Length);
        }
    }

    /// <summary>Forgets a pack that is in hand, as one that is gone.</summary>
    public void Forget(ObjectId id)
    {
        if (!_packs.Remove(id, out var node)) return;
        // Another pack may have the chunk as well.
        foreach (var chunk in node.Value.Chunks)
            if (_places.TryGetValue(chunk, out var place) && place.Pack == node) _places.Remove(chunk);
        _chunks -= node.Value.Chunks.Length;
        _byUse.Remove(node);
        ArrayPool<ulong>.Shared.Return(node.Value.Rented);
    }
}
