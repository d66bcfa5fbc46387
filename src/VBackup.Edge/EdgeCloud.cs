using VBackup.Clouds.Ceph;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Libvirt;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Libvirt.Freezing;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge;

/// <summary>A hypervisor and the storage of its volumes.</summary>
public sealed class EdgeCloud : IAsyncDisposable
{
    // A call of several operations ends after the one that fails.
    static readonly TimeSpan s_callMargin = TimeSpan.FromSeconds(15);
    readonly Func<string, CancellationToken, Task<ServerHold>> _hold;

    EdgeCloud(IHypervisor hypervisor, IVolumeStorage storage, Func<string, CancellationToken, Task<ServerHold>> hold) =>
        (Hypervisor, Storage, _hold) = (hypervisor, storage, hold);

    public IHypervisor Hypervisor { get; }
    public IVolumeStorage Storage { get; }

    /// <summary>Where new volumes are made; null: beside the one that they come from.</summary>
    public string? VolumeFolder { get; private init; }

    /// <summary>Where on Ceph a new volume is made of which only the name is known; null: nowhere.</summary>
    public string? VolumePool { get; private init; }

    /// <summary>The volume that somebody calls so who makes one from nothing: as its storage names it, or by a name alone, which is
    /// put where new ones are made.</summary>
    /// <exception cref="RefusedException">Nobody knows where.</exception>
    public VolumeId NewVolume(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal)) return new(name);
        if (VolumeFolder is { } folder) return new(Path.Combine(Path.GetFullPath(folder), name));
        if (Storage is not CephStorage) return new(name);
        return VolumePool is { } pool ? new($"{pool}/{name}")
            : throw new RefusedException($"'{name}' names no pool: write POOL/{name}, or name pools in the cloud's configuration, of which "
                + "the first one is taken");
    }

    /// <summary>What waits and measures between two calls to the cloud.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <param name="hold">How a server is held still.</param>
    internal static EdgeCloud Of(LabCloud lab, Func<string, CancellationToken, Task<ServerHold>> hold) =>
        new(lab.Hypervisor, lab.Storage, hold);

    /// <inheritdoc cref="Of(LabCloud, Func{string, CancellationToken, Task{ServerHold}})"/>
    internal static EdgeCloud Of(
        IHypervisor hypervisor, IVolumeStorage storage, Func<string, CancellationToken, Task<ServerHold>> hold, TimeProvider clock) =>
        new(hypervisor, storage, hold) { Clock = clock };

    public static EdgeCloud Of(LabCloud lab, TimeSpan limit) => Of(lab.Hypervisor, lab.Storage, limit, TimeProvider.System);

    /// <summary>Guests are held still by the hypervisor alone: see <see cref="ServerHold.OfUnwatchedAsync"/>.</summary>
    public static EdgeCloud Of(IHypervisor hypervisor, IVolumeStorage storage, TimeSpan limit, TimeProvider clock) =>
        new(hypervisor, storage, (server, stop) => ServerHold.OfUnwatchedAsync(hypervisor, server, limit, clock, stop)) { Clock = clock };

    /// <summary>Servers of one kind on a storage of another. Their guests are not held still.</summary>
    public static EdgeCloud Of(IHypervisor hypervisor, IVolumeStorage storage) =>
        new(hypervisor, storage, (_, _) => Task.FromResult(ServerHold.None("nothing holds guests of this cloud still")));

    /// <param name="report">Told when the cluster does not answer; null where nobody listens.</param>
    public static EdgeCloud Of(LibvirtSettings libvirt, CephDocument ceph, TimeSpan limit, IRunReport? report)
    {
        var hypervisor = new LibvirtHypervisor(libvirt, TimeProvider.System);
        var storage = new CephStorage(new()
        {
            ConfigurationFile = ceph.ConfigurationFile,
            User = ceph.User,
            KeyringFile = ceph.KeyringFile,
            Pools = ceph.Pools,
            OperationTimeout = TimeSpan.FromSeconds(ceph.OperationTimeoutSeconds),
            CallTimeout = TimeSpan.FromSeconds(ceph.OperationTimeoutSeconds) + s_callMargin,
            ConnectTimeout = TimeSpan.FromSeconds(ceph.ConnectTimeoutSeconds),
            OnWaiting = report is null ? null : report.Note,
        });
        return Of(hypervisor, storage, limit, volumePool: ceph.Pools?[0]);
    }

    /// <param name="volumeFolder">Where new volumes are made; a volume is a file.</param>
    public static EdgeCloud Of(LibvirtSettings libvirt, string volumeFolder, TimeSpan limit)
    {
        var hypervisor = new LibvirtHypervisor(libvirt, TimeProvider.System);
        return Of(hypervisor, new LibvirtFileStorage(hypervisor, volumeFolder, TimeProvider.System), limit, volumeFolder);
    }

    static EdgeCloud Of(LibvirtHypervisor hypervisor, IVolumeStorage storage, TimeSpan limit, string? volumeFolder = null,
        string? volumePool = null) =>
        new(hypervisor, storage, async (server, stop) => ServerHold.Of(await FreezeGuard.HoldAsync(
            hypervisor, server, limit, WatchdogProgram.Own(), TimeProvider.System, stop).ConfigureAwait(false)))
        { VolumeFolder = volumeFolder, VolumePool = volumePool };

    /// <summary>A server by what its hypervisor calls it for ever; null when it is gone.</summary>
    public async Task<Server?> FindServerAsync(string id, CancellationToken cancellation) =>
        (await Hypervisor.ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(server => server.Id == id);

    /// <summary>Holds a server's file systems still, or says why it cannot.</summary>
    public Task<ServerHold> HoldAsync(string server, CancellationToken cancellation) => _hold(server, cancellation);

    public async ValueTask DisposeAsync()
    {
        // The storage may have backup jobs to end, by way of the hypervisor.
        await Storage.DisposeAsync().ConfigureAwait(false);
        await Hypervisor.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>A guest that is held still for a snapshot, or the reason why it is not. Disposing lets it go.</summary>
public sealed class ServerHold : IAsyncDisposable
{
    readonly Func<CancellationToken, Task<bool>> _wasStillFrozen;
    readonly Func<Task<LetGo>> _letGo;
    bool _isOver;

    internal ServerHold(string? whyNot, Func<CancellationToken, Task<bool>> wasStillFrozen, Func<Task<LetGo>> letGo) =>
        (WhyNotHeld, _wasStillFrozen, _letGo) = (whyNot, wasStillFrozen, letGo);

    /// <param name="HeldFor">Null where nobody knows.</param>
    /// <param name="WhyNot">A sentence; null when it goes on.</param>
    internal readonly record struct LetGo(TimeSpan? HeldFor, string? WhyNot = null);

    /// <summary>Null when it is held.</summary>
    public string? WhyNotHeld { get; }

    /// <summary>The guest stood still for less than this. Null until it was let go, and when it was not held.</summary>
    public TimeSpan? HeldFor { get; private set; }

    /// <summary>A sentence for the user, of a guest that may stand still yet when this hold is over; null when it goes on.</summary>
    public string? WhyNotLetGo { get; private set; }

    public static ServerHold Of(FreezeGuard guard) =>
        new(guard.WhyNotHeld, guard.WasStillFrozenAsync, async () =>
        {
            await guard.DisposeAsync().ConfigureAwait(false);
            return new(guard.HeldFor, guard.WhyNotLetGo);
        });

    /// <summary>One that is not held.</summary>
    public static ServerHold None(string reason) => new(reason, _ => Task.FromResult(false), () => Task.FromResult(default(LetGo)));

    /// <summary>For guests that nobody has to watch over, as a lab server's: it goes on by itself when nobody lets it go.</summary>
    public static async Task<ServerHold> OfUnwatchedAsync(
        IHypervisor hypervisor, string server, TimeSpan limit, TimeProvider clock, CancellationToken cancellation)
    {
        var start = clock.GetTimestamp();
        return await hypervisor.FreezeAsync(server, cancellation).ConfigureAwait(false) is null
            ? None("the guest has no agent that answers")
            : new(null,
                async stop => await hypervisor.IsFrozenAsync(server, stop).ConfigureAwait(false) && clock.GetElapsedTime(start) < limit,
                async () =>
                {
                    await hypervisor.ThawAsync(server, CancellationToken.None).ConfigureAwait(false);
                    return new(clock.GetElapsedTime(start));
                });
    }

    /// <summary>To be asked after the snapshot: whether the guest was still held.</summary>
    public Task<bool> WasStillFrozenAsync(CancellationToken cancellation) => _wasStillFrozen(cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_isOver) return;
        _isOver = true;
        var end = await _letGo().ConfigureAwait(false);
        if (WhyNotHeld is null) (HeldFor, WhyNotLetGo) = (end.HeldFor, end.WhyNot);
    }
}
