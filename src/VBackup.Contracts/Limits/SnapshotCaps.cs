namespace VBackup.Contracts.Limits;

/// <summary>How many snapshots there may be at once, whatever they are for. Storages slow down with many of them, and each keeps what was
/// overwritten since.</summary>
public sealed record SnapshotCaps
{
    /// <summary>Of one volume.</summary>
    public int PerVolume { get; init; } = 64;

    /// <summary>Of all volumes of a pool together; one of a server counts once for each volume.</summary>
    public int PerPool { get; init; } = 20_000;

    /// <summary>Of all volumes of a region together.</summary>
    public int PerRegion { get; init; } = 50_000;
}
