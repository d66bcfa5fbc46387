namespace VBackup.DataPath;

/// <summary>How much of the machine a run may use.</summary>
public sealed record DataPathOptions
{
    /// <summary>For volumes across a network, such as images of Ceph: reads and writes of 4 MiB, an object of Ceph. Four reads wait for
    /// the cluster while every processor has one to work on, as long as there are no more than 8: librados keeps as much memory once
    /// more for each.</summary>
    public static DataPathOptions OfDistantVolumes { get; } = new()
    {
        Workers = Math.Min(Environment.ProcessorCount + 4, 8),
        SlotSize = 4 * 1024 * 1024,
        Fetchers = 8,
        FetchersAtFirst = 8,
        FetchSize = 4 * 1024 * 1024,
        ImportLanes = 4,
        WriteSize = 4 * 1024 * 1024,
    };

    /// <summary>Bytes of slots that a run has at most.</summary>
    public long SlotBytes => Math.Max((long)Workers * SlotSize, (long)Fetchers * FetchSize + (long)ImportLanes * WriteSize);

    /// <summary>The same with fewer under way at once, so that a run's slots have at most so many bytes; one of each there is
    /// always.</summary>
    public DataPathOptions Within(long bytes)
    {
        var share = Math.Min(1, (double)bytes / SlotBytes);
        return this with
        {
            Workers = Part(Workers),
            Fetchers = Part(Fetchers),
            FetchersAtFirst = Math.Min(FetchersAtFirst, Part(Fetchers)),
            ImportLanes = Part(ImportLanes),
        };

        int Part(int count) => Math.Max(1, (int)(count * share));
    }

    /// <summary>Workers that hash, compress and encrypt at once.</summary>
    public int Lanes { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>Workers of an export; those beyond the lanes wait for the source.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) + 2;

    /// <summary>Reads of the store that an import has under way at once: enough that 20 ms for each cost little time.</summary>
    public int Fetchers { get; init; } = 40;

    /// <summary>How many of them there are while the store answers at once, as a local folder does.</summary>
    public int FetchersAtFirst { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) + 4;

    /// <summary>Bytes of volume that one of them fetches at most, as the chunks are when they do not shrink.</summary>
    public int FetchSize { get; init; } = 512 * 1024;

    /// <summary>Workers of an import that decrypt, decompress, hash and write at once; those beyond the processors wait for
    /// the target.</summary>
    public int ImportLanes { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) + 1;

    /// <summary>Bytes that one of them writes at once, where neighbours come together.</summary>
    public int WriteSize { get; init; } = 512 * 1024;

    /// <summary>Leaves that are imported together, and as many that are read ahead.</summary>
    public int LeavesOfImport { get; init; } = 4;

    /// <summary>Leaves of the base that an incremental reads ahead, so that a distant store costs few waits.</summary>
    public int LeavesAhead { get; init; } = 128;

    /// <summary>Bytes that are read from the source at once by one worker.</summary>
    public int SlotSize { get; init; } = 1024 * 1024;
}

/// <summary>Bytes of a run so far. Reported from several threads.</summary>
/// <param name="DoneBytes">Of the volume, read or not needed to be.</param>
/// <param name="TotalBytes">Of the volume.</param>
/// <param name="StoredBytes">Of an export: new in the vault because of the volume.</param>
public readonly record struct TransferProgress(long DoneBytes, long TotalBytes, long StoredBytes = 0);
