using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>A restore point: one instant of a server, whole in itself.</summary>
public sealed record PointDocument
{
    public required string Id { get; init; }
    public required string Session { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The server's name.</summary>
    public required string Name { get; init; }

    public required PointType Type { get; init; }

    /// <summary>The point that an incremental was built on.</summary>
    public string? Base { get; init; }

    /// <summary>Free: the server's configuration, tags, whatever its maker wants to find again.</summary>
    public JsonElement? Metadata { get; init; }

    public required IReadOnlyList<VolumeDocument> Volumes { get; init => field = Listed.Whole(value); }

    /// <summary>Until when, at least, the store holds all packs that the point needs; null where none were held for it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? HeldUntil { get; init; }
}

/// <summary>A volume of a restore point.</summary>
public sealed record VolumeDocument
{
    public required string Name { get; init; }
    public required long LengthBytes { get; init; }
    public required int Levels { get; init; }

    /// <summary>Null when the volume is all zeros, or empty.</summary>
    public PlaceDocument? Root { get; init; }

    public required PointType Type { get; init; }

    /// <summary>Bytes read from the source.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>Bytes of new chunks and nodes, as stored.</summary>
    public required long StoredBytes { get; init; }
}

/// <summary>How a point was made; the names are part of the format.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PointType>))]
public enum PointType
{
    [JsonStringEnumMemberName("full")] Full,
    [JsonStringEnumMemberName("incremental")] Incremental,
}

/// <summary>A blob and a hint of where it lies.</summary>
public sealed record PlaceDocument
{
    public required string Id { get; init; }
    public required string Pack { get; init; }
    public required uint Offset { get; init; }
    public required uint Length { get; init; }

    public static PlaceDocument From(BlobPlace place) => new()
    {
        Id = place.Id.ToString(),
        Pack = place.Location.Pack.ToString(),
        Offset = place.Location.Offset,
        Length = place.Location.Length,
    };

    /// <exception cref="DamageException">The ids or the range make no sense.</exception>
    public BlobPlace ToPlace(string objectName)
    {
        if (!Bytes32.TryParse(Id, out var id) || !Bytes32.TryParse(Pack, out var pack))
            throw new DamageException(objectName, "names a root whose id is not one");
        var location = new BlobLocation(new(pack), Offset, Length);
        return location.IsPlausible
            ? new(new(id), location)
            : throw new DamageException(objectName, "names a root where no pack can hold it");
    }
}

/// <summary>A session, or a collector's registration: who works on the vault, since when, on what.</summary>
public sealed record SessionDocument
{
    public required string Id { get; init; }
    public required string Purpose { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    // The reader that is made at build time gives null for what a document lacks.
    public string Host { get; init => field = value ?? ""; } = "";

    /// <summary>With the process's id and start, tells a collector on the same host whether it is dead.</summary>
    public string BootId { get; init => field = value ?? ""; } = "";
    public int ProcessId { get; init; }
    public long ProcessStart { get; init; }
    public IReadOnlyList<BaseDocument> Bases { get; init => field = Listed.Whole(value ?? []); } = [];
}

/// <summary>A point that a session builds on or reads, with its roots: they outlive the point object.</summary>
public sealed record BaseDocument
{
    public required string Point { get; init; }
    public required IReadOnlyList<RootDocument> Roots { get; init => field = Listed.Whole(value); }
}

/// <summary>The root of a volume.</summary>
public sealed record RootDocument
{
    public required int Levels { get; init; }
    public required PlaceDocument Root { get; init; }
}

/// <summary>The points of a session that count.</summary>
public sealed record DecisionDocument
{
    public required IReadOnlyList<string> Points { get; init => field = Listed.Whole(value); }
}

/// <summary>What a system that keeps its points here knows beside what they say: to build it again where all else was lost.</summary>
public sealed record CatalogueDocument
{
    /// <summary>From 1; of two, the higher one is the newer, whatever the clocks said.</summary>
    public required long Generation { get; init; }
    public required DateTimeOffset SavedAt { get; init; }

    /// <summary>The newest, it itself perhaps, that the store is to hold; null where it holds none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? HeldGeneration { get; init; }

    /// <summary>When that one was saved, by the clock of who saved it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? HeldAt { get; init; }

    /// <summary>Free: whatever its maker wants to find again.</summary>
    public required JsonElement Content { get; init; }
}

/// <summary>A session's note; only a beat says anything.</summary>
public sealed record NoteDocument
{
    public long Count { get; init; }

    /// <summary>The point that the run builds on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Base { get; init; }

    /// <summary>Index objects that the run has put last: what a retry need not store again.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Indexes { get; init => field = value is null ? null : Listed.Whole(value); }
}

/// <summary>Lists in documents: the annotations that keep null out of members do not reach into them.</summary>
file static class Listed
{
    public static IReadOnlyList<T> Whole<T>(IReadOnlyList<T> list) where T : class
    {
        foreach (var item in list)
            if (item is null) throw new JsonException("a list has an entry that is null");
        return list;
    }
}

/// <summary>JSON of the documents, made at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 64,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PointDocument))]
[JsonSerializable(typeof(SessionDocument))]
[JsonSerializable(typeof(DecisionDocument))]
[JsonSerializable(typeof(NoteDocument))]
[JsonSerializable(typeof(CatalogueDocument))]
public sealed partial class DocumentJson : JsonSerializerContext;
