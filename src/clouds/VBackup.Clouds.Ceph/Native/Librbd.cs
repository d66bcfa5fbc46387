using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

/// <summary>librbd as <c>rbd/librbd.h</c> of Ceph 16.2 declares it: images and what is done with them. No logic.</summary>
internal static unsafe partial class Librbd
{
    private const string Library = "librbd.so.1";

    [LibraryImport(Library)]
    public static partial void rbd_image_options_create(out nint opts);

    [LibraryImport(Library)]
    public static partial void rbd_image_options_destroy(nint opts);

    [LibraryImport(Library)]
    public static partial int rbd_image_options_set_uint64(nint opts, int optname, ulong optval);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_create4(IoContextHandle io, string name, ulong size, nint opts);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_rename(IoContextHandle src_io_ctx, string srcname, string destname);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_remove_with_progress(
        IoContextHandle io, string name, delegate* unmanaged[Cdecl]<ulong, ulong, nint, int> cb, nint cbdata);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_open(IoContextHandle io, string name, out nint image, string? snap_name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_open_read_only(IoContextHandle io, string name, out nint image, string? snap_name);

    [LibraryImport(Library)]
    public static partial int rbd_close(nint image);

    [LibraryImport(Library)]
    public static partial int rbd_resize2(
        ImageHandle image, ulong size, byte allow_shrink,
        delegate* unmanaged[Cdecl]<ulong, ulong, nint, int> cb, nint cbdata);

    [LibraryImport(Library)]
    public static partial int rbd_stat(ImageHandle image, out rbd_image_info_t info, nuint infosize);

    [LibraryImport(Library)]
    public static partial int rbd_get_features(ImageHandle image, out ulong features);

    [LibraryImport(Library)]
    public static partial int rbd_get_flags(ImageHandle image, out ulong flags);

    [LibraryImport(Library)]
    public static partial int rbd_get_block_name_prefix(ImageHandle image, byte* prefix, nuint prefix_len);

    [LibraryImport(Library)]
    public static partial long rbd_get_data_pool_id(ImageHandle image);

    [LibraryImport(Library)]
    public static partial int rbd_get_overlap(ImageHandle image, out ulong overlap);

    [LibraryImport(Library)]
    public static partial int rbd_get_stripe_unit(ImageHandle image, out ulong stripe_unit);

    [LibraryImport(Library)]
    public static partial int rbd_get_stripe_count(ImageHandle image, out ulong stripe_count);

    [LibraryImport(Library)]
    public static partial int rbd_watchers_list(ImageHandle image, rbd_image_watcher_t* watchers, ref nuint max_watchers);

    [LibraryImport(Library)]
    public static partial void rbd_watchers_list_cleanup(rbd_image_watcher_t* watchers, nuint num_watchers);

    [LibraryImport(Library)]
    public static partial int rbd_lock_acquire(ImageHandle image, int lock_mode);

    [LibraryImport(Library)]
    public static partial nint rbd_list_lockers(
        ImageHandle image, out int exclusive, byte* tag, ref nuint tag_len, byte* clients, ref nuint clients_len,
        byte* cookies, ref nuint cookies_len, byte* addrs, ref nuint addrs_len);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_lock_exclusive(ImageHandle image, string cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_unlock(ImageHandle image, string cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_break_lock(ImageHandle image, string client, string cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_get_id(ImageHandle image, byte* id, nuint id_len);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_pool_metadata_get(IoContextHandle io_ctx, string key, byte* value, ref nuint val_len);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_metadata_get(ImageHandle image, string key, byte* value, ref nuint val_len);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_metadata_set(ImageHandle image, string key, string value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_metadata_remove(ImageHandle image, string key);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rbd_diff_iterate2(
        ImageHandle image, string? fromsnapname, ulong ofs, ulong len, byte include_parent, byte whole_object,
        delegate* unmanaged[Cdecl]<ulong, nuint, int, nint, int> cb, nint arg);

    [LibraryImport(Library)]
    public static partial int rbd_aio_create_completion(
        nint cb_arg, delegate* unmanaged[Cdecl]<nint, nint, void> complete_cb, out nint c);

    [LibraryImport(Library)]
    public static partial nint rbd_aio_get_return_value(nint c);

    [LibraryImport(Library)]
    public static partial void rbd_aio_release(nint c);

    [LibraryImport(Library)]
    public static partial int rbd_aio_read2(ImageHandle image, ulong off, nuint len, void* buf, nint c, int op_flags);

    [LibraryImport(Library)]
    public static partial int rbd_aio_write2(ImageHandle image, ulong off, nuint len, void* buf, nint c, int op_flags);

    [LibraryImport(Library)]
    public static partial int rbd_aio_write_zeroes(
        ImageHandle image, ulong off, nuint len, nint c, int zero_flags, int op_flags);

    [LibraryImport(Library)]
    public static partial int rbd_aio_flush(ImageHandle image, nint c);
}
