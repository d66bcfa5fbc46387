using System.Runtime.InteropServices;

namespace VBackup.Clouds.Ceph.Native;

/// <summary>Lets C carry an object around as a pointer. Keeps it alive until disposed.</summary>
internal sealed class SelfReference(object target) : IDisposable
{
    private GCHandle _handle = GCHandle.Alloc(target);

    public nint Pointer => GCHandle.ToIntPtr(_handle);

    public static T Target<T>(nint pointer) where T : class => (T)GCHandle.FromIntPtr(pointer).Target!;

    public void Dispose()
    {
        if (_handle.IsAllocated) _handle.Free();
    }
}
