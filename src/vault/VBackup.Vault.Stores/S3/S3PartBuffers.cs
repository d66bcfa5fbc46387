namespace VBackup.Vault.Stores;

/// <summary>
/// The memory that parts are collected in and sent from, used again and again. Every writer may have one that it fills;
/// those being sent are bounded. So memory is at most (writers + parts in flight) · part length, and no writer ever waits
/// for another writer's caller. Thread-safe.
/// </summary>
sealed class S3PartBuffers(int partLengthBytes, int partsInFlightMax) : IDisposable
{
    readonly Lock gate = new();
    readonly Stack<byte[]> free = new();

    public SemaphoreSlim InFlight { get; } = new(partsInFlightMax);

    public byte[] Rent()
    {
        lock (gate)
        {
            if (free.TryPop(out byte[]? buffer))
                return buffer;
        }
        return GC.AllocateUninitializedArray<byte>(partLengthBytes);
    }

    public void Return(byte[] buffer)
    {
        lock (gate)
        {
            // Those beyond came from many writers at once, which is over.
            if (free.Count < 2 * partsInFlightMax)
                free.Push(buffer);
        }
    }

    public void Dispose() => InFlight.Dispose();
}
