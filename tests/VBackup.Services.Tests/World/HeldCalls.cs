using System.Reflection;
using System.Threading.Channels;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.World;

/// <summary>Calls of one kind to a storage's snapshots that wait until they are released, and are made then.</summary>
/// <param name="name">Of the member of <see cref="IVolumeSnapshots"/>: one that prepares an instant, or that answers nothing.</param>
sealed class HeldCalls(string name)
{
    readonly string _name = name;
    readonly Channel<bool> _reached = Channel.CreateUnbounded<bool>();
    readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The same storage, whose calls of this kind wait.</summary>
    public IVolumeStorage Around(IVolumeStorage storage)
    {
        var snapshots = Holding.Of(storage.Snapshots, this);
        return RefusingStorage.Of(storage, call => call == "get_" + nameof(IVolumeStorage.Snapshots) ? snapshots : null);
    }

    /// <summary>So many more wait.</summary>
    public async Task ReachedAsync(int count)
    {
        for (var i = 0; i < count; i++) await _reached.Reader.ReadAsync();
    }

    public void Release() => _released.TrySetResult();

    async Task HoldAsync(Func<Task> call)
    {
        _reached.Writer.TryWrite(true);
        await _released.Task;
        await call();
    }

    async Task<T> HoldAsync<T>(Func<Task<T>> call)
    {
        _reached.Writer.TryWrite(true);
        await _released.Task;
        return await call();
    }

    // What stands for the snapshots is made at run time, and derives from it.
#pragma warning disable CA1852
    internal class Holding : DispatchProxy
#pragma warning restore CA1852
    {
        IVolumeSnapshots _inner = null!;
        HeldCalls _calls = null!;

        public static IVolumeSnapshots Of(IVolumeSnapshots inner, HeldCalls calls)
        {
            var proxy = Create<IVolumeSnapshots, Holding>();
            var holding = (Holding)(object)proxy;
            (holding._inner, holding._calls) = (inner, calls);
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            object? Call() => targetMethod!.Invoke(_inner, BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
            return targetMethod!.Name != _calls._name ? Call()
                : targetMethod.ReturnType == typeof(Task<IPreparedInstant>) ? _calls.HoldAsync(() => (Task<IPreparedInstant>)Call()!)
                : _calls.HoldAsync(() => (Task)Call()!);
        }
    }
}
