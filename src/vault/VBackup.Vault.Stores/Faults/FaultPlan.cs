namespace VBackup.Vault.Stores.Faults;

/// <summary>How a planned fault shows.</summary>
public enum FaultKind
{
    /// <summary>Fails as <see cref="StoreFailure.Transient"/>; nothing was done.</summary>
    FailTransient,
    /// <summary>Fails as <see cref="StoreFailure.Other"/>; nothing was done.</summary>
    FailOther,
    /// <summary>Does nothing and does not return until its caller cancels.</summary>
    HangUntilCancelled,
    /// <summary>Is done, and then reported as failed, as <see cref="StoreFailure.Transient"/>.</summary>
    AppliedButReportedFailed,
}

/// <summary>A fault that is to happen.</summary>
/// <param name="Operation">The operation that fails. Every step of a listing to its next name is a call of it.</param>
/// <param name="Call">Which call of that operation, counted from 1.</param>
/// <param name="Kind">How it fails.</param>
public readonly record struct PlannedFault(StoreOperation Operation, int Call, FaultKind Kind);

/// <summary>A range of an object that no read gets past.</summary>
public readonly record struct BadSector(string Name, long Offset, long Length = 1)
{
    /// <summary>All of an object.</summary>
    public static BadSector All(string name) => new(name, 0, long.MaxValue);
}

/// <summary>Which faults a <see cref="FaultyStore"/> is to inject.</summary>
public sealed class FaultPlan
{
    FaultPlan(IReadOnlyList<PlannedFault> faults, long? diskFullAtByte, IReadOnlyList<BadSector> badSectors) =>
        (Faults, DiskFullAtByte, BadSectors) = (faults, diskFullAtByte, badSectors);

    /// <summary>The faults, in no particular order.</summary>
    public IReadOnlyList<PlannedFault> Faults { get; }

    /// <summary>How many bytes may be sent in all before every write fails as <see cref="StoreFailure.Full"/>.</summary>
    public long? DiskFullAtByte { get; }

    /// <summary>Every read that reaches into one of these fails as <see cref="StoreFailure.Unreadable"/>, for ever.</summary>
    public IReadOnlyList<BadSector> BadSectors { get; }

    /// <summary>A plan of these faults.</summary>
    /// <exception cref="ArgumentException">Two faults for one call, or an append that is applied but reported failed:
    /// that would break the promise of <see cref="IObjectWriter.AppendAsync"/>.</exception>
    public static FaultPlan Of(params ReadOnlySpan<PlannedFault> faults)
    {
        HashSet<(StoreOperation, int)> calls = [];
        foreach (var fault in faults)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(fault.Call);
            if (!calls.Add((fault.Operation, fault.Call)))
                throw new ArgumentException($"{fault.Operation} call {fault.Call} is planned to fail twice.");
            if (fault is { Operation: StoreOperation.Append, Kind: FaultKind.AppliedButReportedFailed })
                throw new ArgumentException("An append that fails has appended nothing.");
        }
        return new FaultPlan([.. faults], null, []);
    }

    /// <summary>The same plan, and the disk is full after so many bytes.</summary>
    public FaultPlan WithDiskFullAt(long bytes) => new(Faults, bytes, BadSectors);

    /// <summary>The same plan, and some bytes cannot be read.</summary>
    public FaultPlan WithBadSectors(params IEnumerable<BadSector> sectors) => new(Faults, DiskFullAtByte, [.. BadSectors, .. sectors]);

    /// <summary>A plan drawn from a seed: for each operation given, up to <paramref name="faultsPerOperation"/> of its
    /// first <paramref name="callsMax"/> calls fail transiently, before or after they were applied.</summary>
    public static FaultPlan FromSeed(
        int seed, int faultsPerOperation, int callsMax, params ReadOnlySpan<StoreOperation> operations)
    {
        var random = new Random(seed);
        Dictionary<(StoreOperation, int), PlannedFault> faults = [];
        foreach (var operation in operations)
        {
            for (int i = 0; i < faultsPerOperation; i++)
            {
                int call = random.Next(callsMax) + 1;
                bool applied = random.Next(2) == 1 && operation != StoreOperation.Append;
                faults[(operation, call)] = new PlannedFault(operation, call,
                    applied ? FaultKind.AppliedButReportedFailed : FaultKind.FailTransient);
            }
        }
        return Of([.. faults.Values]);
    }
}
