using System.Runtime.InteropServices;

[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]

namespace VBackup.Clouds.Ceph.Native;

/// <summary>librados as <c>rados/librados.h</c> of Ceph 16.2 declares it. No logic.</summary>
internal static unsafe partial class Librados
{
    private const string Library = "librados.so.2";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_create2(out nint cluster, string clustername, string name, ulong flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_conf_read_file(ClusterHandle cluster, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_conf_set(ClusterHandle cluster, string option, string value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_conf_get(ClusterHandle cluster, string option, byte* buf, nuint len);

    [LibraryImport(Library)]
    public static partial int rados_connect(ClusterHandle cluster);

    [LibraryImport(Library)]
    public static partial void rados_shutdown(nint cluster);

    [LibraryImport(Library)]
    public static partial ulong rados_get_instance_id(ClusterHandle cluster);

    [LibraryImport(Library)]
    public static partial int rados_wait_for_latest_osdmap(ClusterHandle cluster);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_blocklist_add(ClusterHandle cluster, string client_address, uint expire_seconds);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial long rados_pool_lookup(ClusterHandle cluster, string pool_name);

    [LibraryImport(Library)]
    public static partial int rados_pool_reverse_lookup(ClusterHandle cluster, long id, byte* buf, nuint maxlen);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_ioctx_create(ClusterHandle cluster, string pool_name, out nint ioctx);

    [LibraryImport(Library)]
    public static partial int rados_ioctx_create2(ClusterHandle cluster, long pool_id, out nint ioctx);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void rados_ioctx_set_namespace(IoContextHandle io, string nspace);

    [LibraryImport(Library)]
    public static partial void rados_ioctx_destroy(nint io);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_lock_exclusive(
        IoContextHandle io, string oid, string name, string cookie, string desc, in struct_timeval duration, byte flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_lock_shared(
        IoContextHandle io, string oid, string name, string cookie, string tag, string desc, in struct_timeval duration, byte flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_unlock(IoContextHandle io, string oid, string name, string cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint rados_list_lockers(
        IoContextHandle io, string oid, string name, out int exclusive, byte* tag, ref nuint tag_len, byte* clients, ref nuint clients_len,
        byte* cookies, ref nuint cookies_len, byte* addrs, ref nuint addrs_len);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_break_lock(IoContextHandle io, string oid, string name, string client, string cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_remove(IoContextHandle io, string oid);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rados_stat(IoContextHandle io, string o, out ulong psize, out long pmtime);

    [LibraryImport(Library)]
    public static partial int rados_mon_command(
        ClusterHandle cluster, byte** cmd, nuint cmdlen, byte* inbuf, nuint inbuflen,
        out byte* outbuf, out nuint outbuflen, out byte* outs, out nuint outslen);

    [LibraryImport(Library)]
    public static partial void rados_buffer_free(byte* buf);
}
