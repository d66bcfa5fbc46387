using System.Runtime.InteropServices;

namespace VBackup.Clouds.Libvirt.Native;

/// <summary>A <c>virConnectPtr</c>.</summary>
internal sealed class ConnectionHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    /// <summary>Closing says goodbye to libvirtd and waits for its answer, which may never come. So a thread of its
    /// own does it, and neither the caller nor the finalizer waits.</summary>
    protected override bool ReleaseHandle()
    {
        var connection = handle;
        new Thread(() => _ = LibvirtLibrary.virConnectClose(connection)) { IsBackground = true, Name = "libvirt close" }.Start();
        return true;
    }
}

/// <summary>A <c>virDomainPtr</c>. libvirt itself keeps its connection open for it.</summary>
internal sealed class DomainHandle : SafeHandle
{
    public DomainHandle() : base(0, ownsHandle: true) { }

    public DomainHandle(nint domain) : base(0, ownsHandle: true) => SetHandle(domain);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => LibvirtLibrary.virDomainFree(handle) == 0;
}
