using System.Security.Cryptography;

namespace VBackup.Vault;

/// <summary>What a vault takes from its surroundings, and the bounds it keeps.</summary>
public sealed record VaultRuntime
{
    /// <summary>For times in documents and for impatience; never for safety.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>For spooled index objects; they are unlinked as soon as they are open.</summary>
    public string TemporaryFolder { get; init; } = Path.GetTempPath();

    /// <summary>How often a session shows that it is alive. Null: never.</summary>
    public TimeSpan? BeatInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a collector looks whether the sessions it waits for have ended.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a run that is over, or has failed, tries to say so in the vault. Others find out without it.</summary>
    public TimeSpan FarewellTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Recently stored chunks that a run remembers, to find duplicates near each other.</summary>
    public int RecentChunks { get; init; } = 16 * 1024;

    /// <summary>Chunks that a reader remembers the places of, once a collector has moved them: some 64 bytes each.</summary>
    public int MovedChunksMax { get; init; } = 512 * 1024;

    /// <summary>Bytes for the filter that says "surely not in the index".</summary>
    public int IndexFilterSizeMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes for a collector's filter of what is live: it takes what it needs, 2 bytes a chunk. Past 400 million chunks it keeps
    /// more and more garbage for a later collection, whose filter errs elsewhere.</summary>
    public int LiveFilterSizeMax { get; init; } = 512 * 1024 * 1024;

    /// <summary>Small objects read from the store at once.</summary>
    public int ReadsInFlight { get; init; } = 8;

    /// <summary>Packs that a verification reads at once, each on a thread of its own; 1: on the caller's.</summary>
    public int PackChecksAtOnce { get; init; } = Environment.ProcessorCount;

    /// <summary>Packs that may be on their way to the store at once, besides the one that each lane fills.</summary>
    public int PackCommitsInFlight { get; init; } = 2;

    /// <summary>Packs between two index objects of a run: what a retry may have to upload again.</summary>
    public int PacksPerIndexFlush { get; init; } = 4;

    /// <summary>A pack is closed when it has grown past this many bytes.</summary>
    public int PackSizeTarget { get; init; } = Format.FormatLimits.PackSizeTarget;

    /// <summary>How long, from when it is put, the store is to hold a point and all that it needs; null for not at all.</summary>
    public TimeSpan? HoldsFor { get; init; }

    /// <summary>Zstandard level for chunks and nodes.</summary>
    public int CompressionLevel { get; init; } = Format.Compression.ChunkCompressor.LevelDefault;

    /// <summary>
    /// Makes the ids of objects, sessions and points. Object keys are derived from ids, so nothing but a cryptographic source
    /// will do outside of a simulation, which needs the same ids for the same seed.
    /// </summary>
    internal Action<Span<byte>> FillRandom { get; init; } = RandomNumberGenerator.Fill;

    /// <summary>A run and process identity for sessions; tests give their own.</summary>
    public ProcessIdentity Identity { get; init; } = ProcessIdentity.Current;
}
