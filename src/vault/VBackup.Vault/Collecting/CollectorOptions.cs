using VBackup.Primitives;

namespace VBackup.Vault.Collecting;

/// <summary>How a collection goes about its work. None of it decides safety.</summary>
public sealed record CollectorOptions
{
    /// <summary>A session that shows no sign of life for this long is revoked. Null: wait for ever.</summary>
    public TimeSpan? SessionTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Told once, when a collection begins to wait for sessions that have not ended; null where nobody listens.</summary>
    public Action<IReadOnlyList<WaitedSession>>? OnWaiting { get; init; }

    /// <summary>A collector that registered longer ago than this is taken for dead.</summary>
    public TimeSpan CollectorTimeout { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Packs with a smaller share of live bytes are rewritten.</summary>
    public double RewriteBelow { get; init; } = 0.70;

    /// <summary>Further packs are rewritten until no more than this share of all bytes is dead.</summary>
    public double WasteMax { get; init; } = 0.15;

    /// <summary>Makes the mistakes of the live filter differ from collection to collection.</summary>
    public ulong FilterSalt { get; init; } = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(
        System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));
}

/// <summary>A session that a collection waits for.</summary>
/// <param name="Purpose">Such as <c>backup</c>.</param>
/// <param name="Host">Where it runs; empty when its document does not tell.</param>
/// <param name="SilentSince">Since when no sign of life was seen, by the collector's clock, which began to look not long ago.</param>
public sealed record WaitedSession(
    SessionId Session, string Purpose, string Host, int ProcessId, DateTimeOffset StartedAt, DateTimeOffset SilentSince);

/// <summary>What a collection did.</summary>
public sealed record CollectionResult
{
    public int PacksDeleted { get; init; }

    /// <summary>Packs that nothing needs, and that the store holds: a later collection deletes them.</summary>
    public int PacksHeld { get; init; }

    /// <summary>Of the deleted packs, those whose live chunks were copied before.</summary>
    public int PacksRewritten { get; init; }

    public long DeletedBytes { get; init; }
    public long CopiedBytes { get; init; }

    /// <summary>Bytes of packs that remain, and the part of them that nothing needs.</summary>
    public long PackBytes { get; init; }
    public long WasteBytes { get; init; }

    /// <summary>Nothing was deleted, because a running session builds on something that is not found. Collect again later.</summary>
    public bool IsPostponed { get; init; }

    /// <summary>The store was too full to rewrite all packs that are worth it, or to tidy the index. What nobody needs was
    /// deleted.</summary>
    public bool IsShortOfRoom { get; init; }

    public int IndexObjectsReplaced { get; init; }
    public int SessionsRevoked { get; init; }
    public int SessionsRemoved { get; init; }

    /// <summary>Packs that could not be rewritten because a live chunk in them is damaged.</summary>
    public IReadOnlyList<string> DamagedPacks { get; init; } = [];
}

/// <summary>Another collector took this one for dead. Nothing was harmed.</summary>
public sealed class CollectorExpelledException()
    : Exception("another collector took this one for dead and went on in its place. Nothing was harmed");
