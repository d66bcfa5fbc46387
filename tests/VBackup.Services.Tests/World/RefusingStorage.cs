using System.Reflection;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.World;

/// <summary>A storage that fails at some calls, or answers otherwise.</summary>
// What stands for the storage is made at run time, and derives from it.
#pragma warning disable CA1852
class RefusingStorage : DispatchProxy
#pragma warning restore CA1852
{
    IVolumeStorage _storage = null!;
    Func<string, object?> _before = null!;

    /// <param name="before">Given a call's name before it is made: what it throws, the call throws; what it returns is returned, and null
    /// lets the call be made.</param>
    public static IVolumeStorage Of(IVolumeStorage storage, Func<string, object?> before)
    {
        var proxy = Create<IVolumeStorage, RefusingStorage>();
        var refusing = (RefusingStorage)(object)proxy;
        (refusing._storage, refusing._before) = (storage, before);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _before(targetMethod!.Name)
        ?? targetMethod.Invoke(_storage, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
}
