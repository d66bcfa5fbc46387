using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

/// <summary>librbd as <c>rbd/librbd.h</c> of Ceph 16.2 declares it: snapshots and groups. No logic.</summary>
internal static unsafe partial class LibrbdSnapshots
{
    private const string Library = "librbd.so.1";

    [LibraryImport(Library)]
    public static partial int rbd_snap_list(ImageHandle image, rbd_snap_info_t* snaps, ref int max_snaps);

    [LibraryImport(Library)]
    public static partial void rbd_snap_list_end(rbd_snap_info_t* snaps);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_snap_create(ImageHandle image, string snapname);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_snap_remove(ImageHandle image, string snapname);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_snap_set(ImageHandle image, string? snapname);

    [LibraryImport(Library)]
    public static partial int rbd_snap_set_by_id(ImageHandle image, ulong snap_id);

    [LibraryImport(Library)]
    public static partial int rbd_snap_get_timestamp(ImageHandle image, ulong snap_id, out struct_timespec timestamp);

    [LibraryImport(Library)]
    public static partial int rbd_snap_get_namespace_type(ImageHandle image, ulong snap_id, out int namespace_type);

    [LibraryImport(Library)]
    public static partial int rbd_snap_get_group_namespace(
        ImageHandle image, ulong snap_id, out rbd_snap_group_namespace_t group_snap, nuint group_snap_size);

    [LibraryImport(Library)]
    public static partial int rbd_snap_group_namespace_cleanup(ref rbd_snap_group_namespace_t group_snap, nuint group_snap_size);

    [LibraryImport(Library)]
    public static partial int rbd_get_group(ImageHandle image, out rbd_group_info_t group_info, nuint group_info_size);

    [LibraryImport(Library)]
    public static partial int rbd_group_info_cleanup(ref rbd_group_info_t group_info, nuint group_info_size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_create(IoContextHandle p, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_remove(IoContextHandle p, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_image_add(
        IoContextHandle group_p, string group_name, IoContextHandle image_p, string image_name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_image_list(
        IoContextHandle group_p, string group_name, rbd_group_image_info_t* images, nuint group_image_info_size,
        ref nuint num_entries);

    [LibraryImport(Library)]
    public static partial int rbd_group_image_list_cleanup(
        rbd_group_image_info_t* images, nuint group_image_info_size, nuint num_entries);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_snap_create(IoContextHandle group_p, string group_name, string snap_name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_snap_remove(IoContextHandle group_p, string group_name, string snap_name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_group_snap_list(
        IoContextHandle group_p, string group_name, rbd_group_snap_info_t* snaps, nuint group_snap_info_size,
        ref nuint num_entries);

    [LibraryImport(Library)]
    public static partial int rbd_group_snap_list_cleanup(
        rbd_group_snap_info_t* snaps, nuint group_snap_info_size, nuint num_entries);
}
