using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using VBackup.Vault.Format;

namespace VBackup.DataPath;

/// <summary>
/// Memory for blocks, handed on from one pipeline to the next, so that a run that samples, exports and reads back needs as much as
/// the largest of them. A slot is made when there is no free one. Thread-safe.
/// </summary>
public sealed class SlotPool
{
    private readonly ConcurrentBag<Memory<byte>> _free = [];
    private readonly int _slotSize;

    internal SlotPool(int slotSize) => _slotSize = slotSize;

    /// <summary>A pool for every pipeline that has these options.</summary>
    public SlotPool(DataPathOptions options, int chunkSize)
        : this(Math.Max(Math.Max(options.SlotSize, options.WriteSize), FetchSlotSize(options, chunkSize))) { }

    /// <summary>What a fetcher needs, for chunks that did not shrink.</summary>
    internal static int FetchSlotSize(DataPathOptions options, int chunkSize) =>
        Math.Max(options.FetchSize / chunkSize, 1) * Blob.SizeMax(chunkSize);

    /// <param name="size">At most what the pool's slots have.</param>
    internal Memory<byte> Rent(int size) => (_free.TryTake(out var slot) ? slot : AlignedMemory.Allocate(_slotSize))[..size];

    /// <param name="slot">Rented, and used by nobody any more.</param>
    internal void Return(Memory<byte> slot)
    {
        if (MemoryMarshal.TryGetArray<byte>(slot, out var whole))
            _free.Add(MemoryMarshal.CreateFromPinnedArray(whole.Array!, whole.Offset, _slotSize));
    }
}
