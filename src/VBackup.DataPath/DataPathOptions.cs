namespace VBackup.DataPath;

/// <summary>How much of the machine a run may use.</summary>
public sealed record DataPathOptions
{
    /// <summary>Workers that hash, compress and encrypt at once.</summary>
    public int Lanes { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>Workers of an export; those beyond the lanes wait for the source.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) + 2;

    /// <summary>Workers of an import; those beyond the lanes wait for the store or the target.</summary>
    public int Fetchers { get; init; } = 8;

    /// <summary>Leaves of the base that an incremental reads ahead, so that a distant store costs few waits.</summary>
    public int LeavesAhead { get; init; } = 128;

    /// <summary>Bytes that are read from the source, or fetched from the store, at once by one worker.</summary>
    public int SlotSize { get; init; } = 1024 * 1024;
}

/// <summary>Bytes of a run so far. Reported from several threads.</summary>
/// <param name="DoneBytes">Of the volume, read or not needed to be.</param>
/// <param name="TotalBytes">Of the volume.</param>
public readonly record struct TransferProgress(long DoneBytes, long TotalBytes);
