using System.Reflection;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.World;

/// <summary>A storage that fails at some calls.</summary>
// What stands for the storage is made at run time, and derives from it.
#pragma warning disable CA1852
class RefusingStorage : DispatchProxy
#pragma warning restore CA1852
{
    IVolumeStorage _storage = null!;
    Action<string, object?[]> _before = null!;

    /// <param name="before">Given a call's name and arguments before it is made; what it throws is what the call throws.</param>
    public static IVolumeStorage Of(IVolumeStorage storage, Action<string, object?[]> before)
    {
        var proxy = Create<IVolumeStorage, RefusingStorage>();
        var refusing = (RefusingStorage)(object)proxy;
        (refusing._storage, refusing._before) = (storage, before);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        _before(targetMethod!.Name, args ?? []);
        return targetMethod.Invoke(_storage, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
    }
}
