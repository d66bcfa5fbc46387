using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

// C's structs, with C's names, as they are laid out on 64-bit Linux. A test compares their sizes with the library's.

/// <summary>160 bytes, of which only the first four fields are not deprecated.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rbd_image_info_t
{
    public ulong size;
    public ulong obj_size;
    public ulong num_objs;
    public int order;
    public Deprecated deprecated;

    [InlineArray(160 - 28)]
    internal struct Deprecated
    {
        private byte _first;
    }
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_snap_info_t
{
    public ulong id;
    public ulong size;
    public byte* name;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_image_watcher_t
{
    public byte* addr;
    public long id;
    public ulong cookie;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_group_info_t
{
    public byte* name;
    public long pool;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_group_image_info_t
{
    public byte* name;
    public long pool;
    public int state;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_group_snap_info_t
{
    public byte* name;
    public int state;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct rbd_snap_group_namespace_t
{
    public long group_pool;
    public byte* group_name;
    public byte* group_snap_name;
}

[StructLayout(LayoutKind.Sequential)]
internal struct struct_timespec
{
    public long tv_sec;
    public long tv_nsec;
}

[StructLayout(LayoutKind.Sequential)]
internal struct struct_timeval
{
    public long tv_sec;
    public long tv_usec;
}
