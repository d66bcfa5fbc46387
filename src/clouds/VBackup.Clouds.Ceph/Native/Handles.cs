using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

/// <summary>A client of a cluster. Shut down when it and all its io contexts are disposed.</summary>
internal sealed class ClusterHandle : SafeHandle
{
    public ClusterHandle(nint cluster) : base(0, ownsHandle: true) => SetHandle(cluster);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Librados.rados_shutdown(handle);
        return true;
    }
}

/// <summary>A pool and namespace, as one client sees it. Keeps the client open.</summary>
internal sealed class IoContextHandle : SafeHandle
{
    private readonly ClusterHandle _cluster;

    public IoContextHandle(nint context, ClusterHandle cluster) : base(0, ownsHandle: true)
    {
        var held = false;
        cluster.DangerousAddRef(ref held);
        _cluster = cluster;
        SetHandle(context);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Librados.rados_ioctx_destroy(handle);
        _cluster.DangerousRelease();
        return true;
    }
}

/// <summary>An open image. Keeps its io context open. Disposing it waits for the storage: not for threads of librbd.</summary>
internal sealed class ImageHandle : SafeHandle
{
    private readonly IoContextHandle _context;

    public ImageHandle(nint image, IoContextHandle context) : base(0, ownsHandle: true)
    {
        var held = false;
        context.DangerousAddRef(ref held);
        _context = context;
        SetHandle(image);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        var code = Librbd.rbd_close(handle);
        _context.DangerousRelease();
        return code == 0;
    }
}
