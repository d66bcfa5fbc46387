namespace VBackup.Vault.Format.Keys;

/// <summary>What trying one passphrase costs, by Argon2id (RFC 9106).</summary>
/// <param name="MemoryKiB">Memory in KiB: at least 8 a lane, at most <see cref="MemoryKiBMax"/>.</param>
/// <param name="Iterations">Passes over that memory, 1 to <see cref="IterationsMax"/>.</param>
/// <param name="Lanes">Lanes that can be filled at the same time, 1 to <see cref="LanesMax"/>.</param>
public sealed record Argon2Cost(int MemoryKiB, int Iterations, int Lanes)
{
    // Whoever can write to the store can write a slot, so these bound what a stranger makes us spend.
    public const int MemoryKiBMax = 1024 * 1024;
    public const int IterationsMax = 64;
    public const int LanesMax = 16;

    /// <summary>64 MiB, 3 iterations, 4 lanes: RFC 9106's choice where memory is scarce.</summary>
    public static Argon2Cost Default { get; } = new(64 * 1024, 3, 4);

    /// <summary>Whether Argon2id takes it and it is within the limits.</summary>
    public bool IsAllowed =>
        Lanes is >= 1 and <= LanesMax && Iterations is >= 1 and <= IterationsMax
        && MemoryKiB >= 8 * Lanes && MemoryKiB <= MemoryKiBMax;
}
