using VBackup.DataPath;
using VBackup.Vault.Stores;

namespace VBackup.Worker;

/// <summary>What a worker may use of its machine and its network, for all of its tasks together.</summary>
public sealed record WorkerBudget
{
    const int FetchSizeMin = 512 * 1024;

    public int TasksAtOnce { get; init; } = 2;

    /// <summary>Of the memory in which blocks are on their way; each task has its part of it.</summary>
    public long MemoryBytes { get; init; } = 256L << 20;

    /// <summary>To locations; null for no limit.</summary>
    public long? SendBytesPerSecond { get; init; }

    /// <summary>From locations; null for no limit.</summary>
    public long? ReceiveBytesPerSecond { get; init; }

    /// <summary>How long tasks that are at work may go on when the worker is to end. What is not done by then is given back, and another
    /// worker goes on with it at once.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often each task says how far it is, and hears whether it is still wanted. Never less often than four times within a
    /// lease.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What each task may use.</summary>
    /// <exception cref="ArgumentException">There is too little for one block of each task.</exception>
    internal DataPathOptions DataPath()
    {
        var share = MemoryBytes / Math.Max(TasksAtOnce, 1);
        var options = Paced(DataPathOptions.OfDistantVolumes).Within(share);
        return TasksAtOnce > 0 && options.SlotBytes <= share ? options : throw new ArgumentException(
            $"{MemoryBytes} bytes of memory are too few for {TasksAtOnce} tasks at once: each needs {options.SlotBytes}",
                nameof(MemoryBytes));
    }

    // A read is paid for as a whole: of a large one nobody would see for long how far it is.
    DataPathOptions Paced(DataPathOptions options) => ReceiveBytesPerSecond is not { } rate ? options
        : options with { FetchSize = (int)Math.Clamp(rate, FetchSizeMin, options.FetchSize) };
}

/// <summary>The rates that all of a worker's tasks share. Thread-safe.</summary>
public sealed record SharedRates(TokenBucket? Send, TokenBucket? Receive)
{
    public static SharedRates None { get; } = new(null, null);

    public static SharedRates Of(WorkerBudget budget, TimeProvider clock) =>
        new(TokenBucket.Of(budget.SendBytesPerSecond, clock), TokenBucket.Of(budget.ReceiveBytesPerSecond, clock));
}
