using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Vault.Format;

namespace VBackup.Vault.Spooling;

/// <summary>A run that has read all its volumes: the point that is to be put when its packs are in the store.</summary>
internal sealed record SealedRunDocument
{
    public required string Session { get; init; }
    public required string Name { get; init; }
    public required PointType Type { get; init; }
    public string? Base { get; init; }
    public JsonElement? Metadata { get; init; }
    public required IReadOnlyList<VolumeDocument> Volumes { get; init; }
}

/// <summary>The point whose put had begun, which may still arrive.</summary>
internal sealed record PointNoteDocument
{
    public required string Point { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 64,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SealedRunDocument))]
[JsonSerializable(typeof(PointNoteDocument))]
internal sealed partial class SpoolJson : JsonSerializerContext;

/// <summary>
/// What the spool notes of a pack that is not in the store and indexed yet. 25 bytes: 1 when sending has begun, else 0; the pack's
/// length (little-endian); the XXH128 of its bytes in its canonical form, which is big-endian. See <c>docs/spool.md</c>.
/// </summary>
internal readonly record struct PackMark(bool IsSent, long Length, UInt128 Hash)
{
    public const int Size = 1 + 8 + 16;

    public byte[] Encode()
    {
        var bytes = new byte[Size];
        bytes[0] = IsSent ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), Length);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(9), Hash);
        return bytes;
    }

    /// <exception cref="DamageException">These bytes are no mark.</exception>
    public static PackMark Decode(ReadOnlySpan<byte> bytes, string name) =>
        bytes.Length == Size && bytes[0] <= 1 && BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]) is var length and >= 0
            ? new(bytes[0] == 1, length, BinaryPrimitives.ReadUInt128BigEndian(bytes[9..]))
            : throw new DamageException(name, "is not what the spool noted");
}
