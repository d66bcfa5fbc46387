using System.Buffers.Binary;

namespace VBackup.Primitives;

/// <summary>An id that is a UUID. Each kind of thing has a type of its own, so that none is taken for another.</summary>
public interface IUniqueId<TSelf> where TSelf : struct, IUniqueId<TSelf>
{
    Guid Value { get; }

    static abstract TSelf From(Guid value);
}

/// <summary>
/// Makes UUIDs of version 7 (RFC 9562, 5.7): later ones sort behind earlier ones, by the millisecond, so that databases append.
/// Thread-safe if <paramref name="fill"/> is.
/// </summary>
/// <param name="fill">Where the randomness comes from.</param>
public sealed class IdSource(TimeProvider clock, Action<Span<byte>> fill)
{
    public TId New<TId>() where TId : struct, IUniqueId<TId> => TId.From(NewUuid());

    private Guid NewUuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        fill(bytes);
        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(time, clock.GetUtcNow().ToUnixTimeMilliseconds());
        time[2..].CopyTo(bytes);
        bytes[6] = (byte)(0x70 | (bytes[6] & 0x0F));    // the version
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3F));    // the variant
        return new(bytes, bigEndian: true);
    }
}
