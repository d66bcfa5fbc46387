using System.Buffers.Binary;
using System.Numerics;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>
/// A node of a volume's tree: up to 256 children, each a chunk (level 0) or a node of the level below; one that is absent is
/// all zeros. Mutable and reusable. Not thread-safe.
/// </summary>
public sealed class ManifestNode
{
    public const int EncodedSizeMax = FixedSize + FormatLimits.NodeChildren * (Bytes32.Size + ChildSize);

    private const int FixedSize = 8 + BitmapSize;
    private const int BitmapSize = FormatLimits.NodeChildren / 8;
    private const int ChildSize = Bytes32.Size + 12;

    private readonly BlobPlace[] _children = new BlobPlace[FormatLimits.NodeChildren];
    private readonly byte[] _present = new byte[BitmapSize];

    /// <summary>0 for a leaf.</summary>
    public int Level { get; private set; }

    /// <summary>Children that are present.</summary>
    public int Count { get; private set; }

    /// <summary>Makes it an empty node of <paramref name="level"/>.</summary>
    public void Reset(int level)
    {
        Level = level;
        Count = 0;
        _present.AsSpan().Clear();
    }

    public bool Has(int child) => (_present[child >> 3] & (1 << (child & 7))) != 0;

    /// <summary>A child that is present.</summary>
    public ref readonly BlobPlace this[int child] => ref _children[child];

    public void Set(int child, in BlobPlace place)
    {
        if (!Has(child)) Count++;
        _present[child >> 3] |= (byte)(1 << (child & 7));
        _children[child] = place;
    }

    /// <summary>Makes a child all zeros.</summary>
    public void Clear(int child)
    {
        if (Has(child)) Count--;
        _present[child >> 3] &= (byte)~(1 << (child & 7));
    }

    public void CopyFrom(ManifestNode other)
    {
        Level = other.Level;
        Count = other.Count;
        other._present.CopyTo(_present, 0);
        other._children.CopyTo(_children, 0);
    }

    /// <summary>The node's id: of its level and its children's ids, not of where they lie.</summary>
    public ContentId ComputeId(VaultKeys keys)
    {
        Span<byte> bytes = stackalloc byte[1 + BitmapSize + FormatLimits.NodeChildren * Bytes32.Size];
        bytes[0] = (byte)Level;
        _present.CopyTo(bytes[1..]);
        var at = 1 + BitmapSize;
        for (var i = 0; i < FormatLimits.NodeChildren; i++)
        {
            if (!Has(i)) continue;
            _children[i].Id.Value.Write(bytes[at..]);
            at += Bytes32.Size;
        }
        return keys.NodeId(bytes[..at]);
    }

    /// <summary>Writes the node.</summary>
    /// <param name="destination">At least <see cref="EncodedSizeMax"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public int Encode(Span<byte> destination)
    {
        Span<ObjectId> packs = new ObjectId[FormatLimits.NodeChildren];
        Span<ushort> ordinals = stackalloc ushort[FormatLimits.NodeChildren];
        var packCount = 0;
        for (var i = 0; i < FormatLimits.NodeChildren; i++)
        {
            if (!Has(i)) continue;
            // Neighbours mostly lie in the same few packs: the search from the end ends at once.
            var ordinal = packCount - 1;
            while (ordinal >= 0 && packs[ordinal] != _children[i].Location.Pack) ordinal--;
            if (ordinal < 0) packs[ordinal = packCount++] = _children[i].Location.Pack;
            ordinals[i] = (ushort)ordinal;
        }
        destination[0] = 1;
        destination[1] = (byte)Level;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], (ushort)packCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], 0);
        _present.CopyTo(destination[8..]);
        var at = FixedSize;
        for (var i = 0; i < packCount; i++, at += Bytes32.Size) packs[i].Value.Write(destination[at..]);
        for (var i = 0; i < FormatLimits.NodeChildren; i++)
        {
            if (!Has(i)) continue;
            var entry = destination.Slice(at, ChildSize);
            _children[i].Id.Value.Write(entry);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[32..], ordinals[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[34..], 0);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[36..], _children[i].Location.Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], _children[i].Location.Length);
            at += ChildSize;
        }
        return at;
    }

    /// <summary>Reads a node in place of what this one held.</summary>
    /// <returns>False when the bytes are not a node of <paramref name="level"/>; what it holds then means nothing.</returns>
    public bool TryDecode(ReadOnlySpan<byte> bytes, int level)
    {
        Reset(level);
        if (bytes.Length < FixedSize || bytes[0] != 1 || bytes[1] != level
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != 0) return false;
        int packCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
        bytes.Slice(8, BitmapSize).CopyTo(_present);
        foreach (var present in _present) Count += BitOperations.PopCount(present);
        if (packCount > Count || Count == 0 || bytes.Length != FixedSize + packCount * Bytes32.Size + Count * ChildSize) return false;
        var packs = bytes[FixedSize..];
        var at = FixedSize + packCount * Bytes32.Size;
        for (var i = 0; i < FormatLimits.NodeChildren; i++)
        {
            if (!Has(i)) continue;
            var entry = bytes.Slice(at, ChildSize);
            int ordinal = BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]);
            if (ordinal >= packCount) return false;
            _children[i] = new(new(Bytes32.Read(entry)), new(
                new(Bytes32.Read(packs[(ordinal * Bytes32.Size)..])),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[36..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[40..])));
            if (!_children[i].Location.IsPlausible) return false;
            at += ChildSize;
        }
        return true;
    }
}
