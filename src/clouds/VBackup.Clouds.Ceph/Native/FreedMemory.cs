namespace VBackup.Clouds.Ceph.Native;

/// <summary>
/// Gives what the C library has freed back to the system. Messages of librados are pieces of many sizes, freed in another order
/// than they were taken, so holes remain that the C library keeps for itself. Thread-safe.
/// </summary>
internal static class FreedMemory
{
    /// <summary>Rarely enough that its pages are not fetched again all the time, often enough that the holes stay few.</summary>
    private const long IntervalBytes = 128L << 20;
    private static long s_moved;

    /// <summary>Counts what was read or written; once in a while it gives back.</summary>
    public static void Moved(long bytes)
    {
        var now = Interlocked.Add(ref s_moved, bytes);
        if (now / IntervalBytes != (now - bytes) / IntervalBytes) _ = Libc.malloc_trim(0);
    }
}
