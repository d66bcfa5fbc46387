using System.Text.Json.Serialization;

namespace VBackup.Vault.Format.Keys;

/// <summary>A key slot as JSON.</summary>
internal sealed record KeySlotDocument
{
    public required int Format { get; init; }
    public required string Kind { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required byte[] Wrapped { get; init; }

    /// <summary>Only of a passphrase.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Argon2Document? Argon2id { get; init; }
}

/// <summary>How a passphrase becomes a key.</summary>
internal sealed record Argon2Document
{
    public required byte[] Salt { get; init; }

    [JsonPropertyName("memoryKiB")]
    public required int MemoryKiB { get; init; }

    public required int Iterations { get; init; }
    public required int Lanes { get; init; }
}

/// <summary>Reads only a slot's version: a later version's other members may have another shape.</summary>
internal sealed record KeySlotVersion
{
    public required int Format { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 16,
    AllowDuplicateProperties = false, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(KeySlotVersion))]
[JsonSerializable(typeof(KeySlotDocument))]
internal sealed partial class KeySlotJson : JsonSerializerContext;
