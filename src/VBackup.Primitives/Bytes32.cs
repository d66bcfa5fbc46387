using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBackup.Primitives;

/// <summary>Thirty-two bytes, held in place. Ordered as their bytes are.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct Bytes32 : IEquatable<Bytes32>, IComparable<Bytes32>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 32;

    // In memory order, so that the struct can be read from and written to a span as it stands.
    private readonly ulong _0, _1, _2, _3;

    /// <summary>Takes the first 32 bytes of <paramref name="bytes"/>.</summary>
    public static Bytes32 Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Bytes32>(bytes);

    /// <summary>Writes the 32 bytes to the start of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>The first 8 bytes as a big-endian number: ordered as the whole is.</summary>
    public ulong Prefix => BinaryPrimitives.ReverseEndianness(_0);

    /// <summary>Eight bytes from the middle; for ids they are as good as a hash.</summary>
    public ulong Middle => _1;

    public bool IsZero => (_0 | _1 | _2 | _3) == 0;

    public bool Equals(Bytes32 other) => _0 == other._0 && _1 == other._1 && _2 == other._2 && _3 == other._3;

    public override bool Equals(object? obj) => obj is Bytes32 other && Equals(other);

    public override int GetHashCode() => _0.GetHashCode();

    public int CompareTo(Bytes32 other) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes32>(in this))
            .SequenceCompareTo(MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes32>(in other)));

    public override string ToString() =>
        Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes32>(in this)));

    public static bool TryParse(ReadOnlySpan<char> hex, out Bytes32 value)
    {
        Unsafe.SkipInit(out value);
        Span<byte> bytes = stackalloc byte[Size];
        var valid = hex.Length == 2 * Size && HexText.TryParse(hex, bytes);
        value = valid ? Read(bytes) : default;
        return valid;
    }

    public static bool operator ==(Bytes32 left, Bytes32 right) => left.Equals(right);
    public static bool operator !=(Bytes32 left, Bytes32 right) => !left.Equals(right);
    public static bool operator <(Bytes32 left, Bytes32 right) => left.CompareTo(right) < 0;
    public static bool operator >(Bytes32 left, Bytes32 right) => left.CompareTo(right) > 0;
    public static bool operator <=(Bytes32 left, Bytes32 right) => left.CompareTo(right) <= 0;
    public static bool operator >=(Bytes32 left, Bytes32 right) => left.CompareTo(right) >= 0;
}
