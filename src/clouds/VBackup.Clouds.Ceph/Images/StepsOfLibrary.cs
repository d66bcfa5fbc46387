using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>Passes a long call's progress on to whoever watches that it does not stand still.</summary>
internal sealed class StepsOfLibrary : IDisposable
{
    private readonly SelfReference? _steps = BoundedCalls.CurrentSteps is { } steps ? new(steps) : null;

    public nint Argument => _steps?.Pointer ?? 0;

    // librbd calls this on threads of its own.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int OnProgress(ulong done, ulong total, nint argument)
    {
        if (argument != 0) SelfReference.Target<BoundedCalls.Steps>(argument).Advance();
        return 0;
    }

    public void Dispose() => _steps?.Dispose();
}
