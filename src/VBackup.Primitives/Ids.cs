using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace VBackup.Primitives;

/// <summary>What a chunk or a manifest node is called: a keyed digest of its content.</summary>
public readonly record struct ContentId(Bytes32 Value) : IComparable<ContentId>
{
    public int CompareTo(ContentId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();

    public static bool operator <(ContentId left, ContentId right) => left.CompareTo(right) < 0;
    public static bool operator >(ContentId left, ContentId right) => left.CompareTo(right) > 0;
    public static bool operator <=(ContentId left, ContentId right) => left.CompareTo(right) <= 0;
    public static bool operator >=(ContentId left, ContentId right) => left.CompareTo(right) >= 0;
}

/// <summary>The random id of a stored object; its key is derived from it, so it is never used twice.</summary>
public readonly record struct ObjectId(Bytes32 Value)
{
    public static ObjectId New() => New(RandomNumberGenerator.Fill);

    /// <param name="fill">Where the randomness comes from.</param>
    public static ObjectId New(Action<Span<byte>> fill)
    {
        Span<byte> bytes = stackalloc byte[Bytes32.Size];
        fill(bytes);
        return new(Bytes32.Read(bytes));
    }

    public override string ToString() => Value.ToString();
}

/// <summary>A restore point of a vault.</summary>
public readonly record struct PointId
{
    private readonly ShortId _value;

    private PointId(ShortId value) => _value = value;

    /// <param name="fill">Where the randomness comes from.</param>
    public static PointId New(Action<Span<byte>> fill) => new(ShortId.New(fill));

    public static bool TryParse([NotNullWhen(true)] string? text, out PointId id)
    {
        var valid = ShortId.TryParse(text, out var value);
        id = new(value);
        return valid;
    }

    public override string ToString() => _value.ToString();
}

/// <summary>A session: somebody at work on a vault. Collectors and repairs are named likewise.</summary>
public readonly record struct SessionId
{
    private readonly ShortId _value;

    private SessionId(ShortId value) => _value = value;

    /// <param name="fill">Where the randomness comes from.</param>
    public static SessionId New(Action<Span<byte>> fill) => new(ShortId.New(fill));

    public static bool TryParse([NotNullWhen(true)] string? text, out SessionId id)
    {
        var valid = ShortId.TryParse(text, out var value);
        id = new(value);
        return valid;
    }

    public override string ToString() => _value.ToString();
}

/// <summary>Sixteen random bytes, written as 32 hex digits.</summary>
internal readonly record struct ShortId(UInt128 Value)
{
    private const int Size = 16;

    public static ShortId New(Action<Span<byte>> fill)
    {
        Span<byte> bytes = stackalloc byte[Size];
        fill(bytes);
        return new(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    public static bool TryParse(string? text, out ShortId id)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var valid = text is { Length: 2 * Size } && HexText.TryParse(text, bytes);
        id = valid ? new(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes)) : default;
        return valid;
    }

    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
