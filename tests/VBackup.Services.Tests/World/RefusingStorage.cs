using System.Reflection;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.World;

/// <summary>A storage, or its snapshots, that fails at some calls, or answers otherwise.</summary>
// What stands for the storage is made at run time, and derives from it.
#pragma warning disable CA1852
class RefusingStorage : DispatchProxy
#pragma warning restore CA1852
{
    object _inner = null!;
    Func<string, object?[], object?> _before = null!;

    /// <param name="before">Given a call's name before it is made: what it throws, the call throws; what it returns is returned, and null
    /// lets the call be made.</param>
    public static IVolumeStorage Of(IVolumeStorage storage, Func<string, object?> before) => Make(storage, (call, _) => before(call));

    /// <inheritdoc cref="Of(IVolumeStorage, Func{string, object?})"/>
    /// <remarks>It is given what the call is given, too.</remarks>
    public static IVolumeStorage Of(IVolumeStorage storage, Func<string, object?[], object?> before) => Make(storage, before);

    /// <inheritdoc cref="Of(IVolumeStorage, Func{string, object?})"/>
    public static IVolumeSnapshots Of(IVolumeSnapshots snapshots, Func<string, object?> before) =>
        Make(snapshots, (call, _) => before(call));

    static T Make<T>(T inner, Func<string, object?[], object?> before) where T : class
    {
        var proxy = Create<T, RefusingStorage>();
        var refusing = (RefusingStorage)(object)proxy;
        (refusing._inner, refusing._before) = (inner, before);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _before(targetMethod!.Name, args ?? [])
        ?? targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
}
