using VBackup.Clouds.Servers;

namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>
/// Holds a guest's file systems still, for the moment that a snapshot takes, and for no longer than a limit whatever
/// happens: a watchdog in a process of its own lets it go when this process dies or dawdles. Without an agent, or when
/// freezing fails, nothing is held and <see cref="WhyNotHeld"/> says why: the snapshot is then as after a power cut.
/// <code>
/// await using var hold = await FreezeGuard.HoldAsync(…);
/// take the snapshot
/// var isFilesystemConsistent = await hold.WasStillFrozenAsync(cancellation);
/// await hold.ThawAsync();
/// </code>
/// Thread-safe.
/// </summary>
public sealed class FreezeGuard : IAsyncDisposable
{
    /// <summary>Longer, and programs in the guest begin to fail.</summary>
    public static readonly TimeSpan LimitDefault = TimeSpan.FromSeconds(5);

    // Only for a guest whose watchdog is gone: then nobody else lets it go.
    private static readonly TimeSpan s_thawPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_thawRetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly IHypervisor _hypervisor;
    private readonly string _server;
    private readonly TimeSpan _limit;
    private readonly IWatchdog? _watchdog;
    private readonly TimeProvider _clock;
    private readonly long _armed;
    private readonly SemaphoreSlim _thawing = new(1, 1);
    private volatile bool _isThawed;

    private FreezeGuard(IHypervisor hypervisor, string server, TimeSpan limit, IWatchdog? watchdog, TimeProvider clock)
    {
        (_hypervisor, _server, _limit, _watchdog, _clock) = (hypervisor, server, limit, watchdog, clock);
        _armed = clock.GetTimestamp();
    }

    /// <summary>How many file systems are, or were, held; null when none are because the guest could not be
    /// frozen.</summary>
    public int? FileSystems { get; private set; }

    /// <summary>A sentence for the user; null when the guest is held.</summary>
    public string? WhyNotHeld { get; private init; }

    /// <summary>From before the freeze to after the thaw: the guest stood still for less than this. Null until it has said
    /// that it was let go.</summary>
    public TimeSpan? HeldFor { get; private set; }

    /// <summary>A sentence for the user, of a guest that may stand still yet when this hold is over; null when it was let
    /// go.</summary>
    public string? WhyNotLetGo { get; private set; }

    /// <param name="limit">For how long the guest may be held, from before it is frozen.</param>
    /// <exception cref="CloudException">There is no such server.</exception>
    public static Task<FreezeGuard> HoldAsync(
        LibvirtHypervisor hypervisor, string server, TimeSpan limit, WatchdogProgram watchdog, TimeProvider clock,
        CancellationToken cancellation)
    {
        var orders = new WatchdogOrders(hypervisor.Settings.Uri, server, limit, WatchdogOrders.QuietDefault);
        return HoldAsync(
            hypervisor, server, limit,
            async () => await WatchdogProcess.ArmAsync(watchdog, orders, clock, cancellation).ConfigureAwait(false), clock, cancellation);
    }

    internal static async Task<FreezeGuard> HoldAsync(
        IHypervisor hypervisor, string server, TimeSpan limit, Func<Task<IWatchdog>> arm, TimeProvider clock,
        CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        IWatchdog watchdog;
        try
        {
            // Who froze it will also thaw it, perhaps in the middle of our snapshot, and our thaw would take it from
            // them.
            if (await hypervisor.IsFrozenAsync(server, cancellation).ConfigureAwait(false))
                return NotHeld("the guest is frozen already, by somebody else");
            watchdog = await arm().ConfigureAwait(false);
        }
        catch (CloudException failure) when (failure.Failure is not CloudFailure.NotFound)
        {
            return NotHeld(failure.Message);
        }

        var guard = new FreezeGuard(hypervisor, server, limit, watchdog, clock);
        try
        {
            if (await hypervisor.FreezeAsync(server, cancellation).ConfigureAwait(false) is { } count)
            {
                guard.FileSystems = count;
                _ = guard.MournAsync(watchdog);
                return guard;
            }
            await watchdog.ReleaseAsync().ConfigureAwait(false);
            await watchdog.DisposeAsync().ConfigureAwait(false);
            return NotHeld("the guest has no agent that answers");
        }
        catch (Exception failure)
        {
            // Nobody knows whether it is frozen, or will be when the agent gets to it. The watchdog finds out, and
            // stays until it is sure.
            watchdog.LeaveAlone();
            await watchdog.DisposeAsync().ConfigureAwait(false);
            if (failure is CloudException { Failure: not CloudFailure.NotFound }) return NotHeld(failure.Message);
            throw;
        }

        FreezeGuard NotHeld(string reason) => new(hypervisor, server, limit, null, clock) { WhyNotHeld = reason, _isThawed = true };
    }

    /// <summary>To be asked after the snapshot, before the thaw: whether the guest was frozen during all of
    /// it.</summary>
    /// <remarks>True only when the guest itself says so now and the watchdog has not let it go. Whatever cannot be
    /// found out is a no.</remarks>
    public async Task<bool> WasStillFrozenAsync(CancellationToken cancellation)
    {
        if (_watchdog is null || _isThawed || !IsInTime()) return false;
        try
        {
            // Nobody freezes it a second time: frozen now means frozen ever since.
            return await _hypervisor.IsFrozenAsync(_server, cancellation).ConfigureAwait(false) && !_isThawed && IsInTime();
        }
        catch (CloudException)
        {
            return false;
        }

        bool IsInTime() => !_watchdog.HasFired && _clock.GetElapsedTime(_armed) < _limit;
    }

    /// <summary>Lets the guest go and makes sure. Once it has, further calls do nothing.</summary>
    /// <exception cref="CloudException">It could not. While the watchdog lives, it goes on trying.</exception>
    public async Task ThawAsync()
    {
        if (_watchdog is null) return;
        await _thawing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_isThawed) return;
            await ThawUntilDoneAsync(_watchdog).ConfigureAwait(false);
            _isThawed = true;
        }
        catch (CloudException)
        {
            _watchdog.LeaveAlone();
            throw;
        }
        finally
        {
            _thawing.Release();
        }
        await _watchdog.ReleaseAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_watchdog is null) return;
        try
        {
            await ThawAsync().ConfigureAwait(false);
        }
        catch (CloudException failure)
        {
            // What ends this hold is the failure to see; the watchdog was left alone with the guest.
            WhyNotLetGo = $"the guest could not be let go ({failure.Message}): "
                + (_watchdog.Ended.IsCompleted ? "its watchdog is gone, and nobody goes on trying"
                    : $"the watchdog goes on trying for {FreezeWatch.PatienceMax.TotalMinutes:0} minutes")
                + $"; look at it: virsh domfsthaw {_server}";
        }
        await _watchdog.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A guest that nobody watches is not held: when the watchdog dies, it is let go at once.</summary>
    private async Task MournAsync(IWatchdog watchdog)
    {
        await watchdog.Ended.ConfigureAwait(false);
        try
        {
            await ThawAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is CloudException or ObjectDisposedException)
        {
            // Whoever ends this hold tries again and hears of it, or has ended it and gone.
        }
    }

    private async Task ThawUntilDoneAsync(IWatchdog watchdog)
    {
        var started = _clock.GetTimestamp();
        while (true)
        {
            try
            {
                await _hypervisor.ThawAsync(_server, CancellationToken.None).ConfigureAwait(false);
                var heldFor = _clock.GetElapsedTime(_armed);
                if (!await _hypervisor.IsFrozenAsync(_server, CancellationToken.None).ConfigureAwait(false))
                {
                    HeldFor = heldFor;
                    return;
                }
                throw new CloudException(CloudFailure.Other, "thaw", _server, "the guest says that it is still frozen");
            }
            catch (CloudException failure) when (failure.Failure is CloudFailure.NotFound)
            {
                // A server that is gone holds nothing.
                return;
            }
            catch (CloudException) when (watchdog.Ended.IsCompleted && _clock.GetElapsedTime(started) < s_thawPatience)
            {
                // Nobody else would.
                await Task.Delay(s_thawRetryDelay, _clock).ConfigureAwait(false);
            }
        }
    }
}
