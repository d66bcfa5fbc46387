using System.Runtime.InteropServices;

namespace VBackup.DataPath;

/// <summary>Memory for blocks: it never moves, and begins where devices and direct files want it to.</summary>
internal static class AlignedMemory
{
    /// <summary>A page; no sector is larger.</summary>
    private const int Alignment = 4096;

    public static Memory<byte> Allocate(int size)
    {
        var array = GC.AllocateUninitializedArray<byte>(size + Alignment - 1, pinned: true);
        var start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) & (Alignment - 1));
        return MemoryMarshal.CreateFromPinnedArray(array, start, size);
    }
}
