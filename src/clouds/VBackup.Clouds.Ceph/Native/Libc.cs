using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

/// <summary>The C library's own memory, as <c>malloc.h</c> of glibc declares it. No logic.</summary>
internal static partial class Libc
{
    public const int M_ARENA_MAX = -8;

    [LibraryImport("libc.so.6")]
    public static partial int mallopt(int param, int value);

    [LibraryImport("libc.so.6")]
    public static partial int malloc_trim(nuint pad);
}
