using VBackup.Clouds.Servers;

namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>
/// What a freeze watchdog does: it lets a guest go when its holder has ended without a word, or when time is up.
/// <para>Invariants. It says <see cref="WatchdogWords.Armed"/> only after it has reached the hypervisor. It ends well
/// only when it was released, or when the holder is gone and the guest was seen not to be frozen for the whole of
/// <see cref="WatchdogOrders.Quiet"/>: a freeze that the holder had sent before it was killed, or sends after the time
/// was up, is undone as well. It says <see cref="WatchdogWords.Thawing"/> before it lets go for the first time.</para>
/// </summary>
/// <param name="readLine">Gives the holder's next line; null at the end of its life.</param>
internal sealed class FreezeWatch(
    IHypervisor hypervisor, WatchdogOrders orders, TimeProvider clock, Func<Task<string?>> readLine, Action<string> say)
{
    /// <summary>How long it tries to let go of a guest whose holder is gone and whose agent does not answer.</summary>
    public static readonly TimeSpan PatienceMax = TimeSpan.FromMinutes(15);

    // It takes a moment to connect and to be heard by the guest. The guest is to be free within the limit, not let go from then on.
    private static TimeSpan MarginOf(TimeSpan limit) => limit > TimeSpan.FromSeconds(4) ? TimeSpan.FromSeconds(1) : limit / 4;

    private static readonly TimeSpan s_pollDelay = TimeSpan.FromMilliseconds(250);

    /// <returns>0 when the guest is not frozen, 1 when nobody knows.</returns>
    public async Task<int> RunAsync()
    {
        try
        {
            if (await hypervisor.FindAsync(orders.Server, CancellationToken.None).ConfigureAwait(false) is null)
            {
                say($"{WatchdogWords.Failed}there is no server {orders.Server}");
                return 1;
            }
        }
        catch (CloudException failure)
        {
            say(WatchdogWords.Failed + failure.Message);
            return 1;
        }

        var released = WaitForReleaseAsync();
        var limit = Task.Delay(orders.Limit - MarginOf(orders.Limit), clock, CancellationToken.None);
        say(WatchdogWords.Armed);
        await Task.WhenAny(released, limit).ConfigureAwait(false);
        if (released.IsCompleted && await released.ConfigureAwait(false)) return 0;
        say(WatchdogWords.Thawing);
        return await LetGoAsync(released).ConfigureAwait(false);
    }

    /// <returns>False when the holder has ended without a word.</returns>
    private async Task<bool> WaitForReleaseAsync()
    {
        while (await readLine().ConfigureAwait(false) is { } line)
            if (line == WatchdogWords.Release) return true;
        return false;
    }

    private async Task<int> LetGoAsync(Task<bool> released)
    {
        long? holderGone = null, quietSince = null;
        var isFirst = true;
        var hasSaid = false;
        while (true)
        {
            if (released.IsCompleted)
            {
                if (await released.ConfigureAwait(false)) return 0;
                holderGone ??= clock.GetTimestamp();
            }
            var found = await LookAndThawAsync(isFirst).ConfigureAwait(false);
            isFirst = false;
            if (found is (Found.Free or Found.LetGo) && !hasSaid)
            {
                say(WatchdogWords.Thawed);
                hasSaid = true;
            }
            quietSince = found switch
            {
                Found.Free => quietSince ?? clock.GetTimestamp(),
                Found.LetGo => clock.GetTimestamp(),
                _ => null,
            };
            if (holderGone is { } gone)
            {
                if (quietSince is { } since && clock.GetElapsedTime(Math.Max(since, gone)) >= orders.Quiet) return 0;
                if (clock.GetElapsedTime(gone) >= PatienceMax) return 1;
            }
            var pause = Task.Delay(s_pollDelay, clock, CancellationToken.None);
            // While the holder lives it may say at any time that all is over.
            await (released.IsCompleted ? pause : Task.WhenAny(pause, released)).ConfigureAwait(false);
        }
    }

    private async Task<Found> LookAndThawAsync(bool isFirst)
    {
        try
        {
            // The first time without asking: a guest that is not frozen is let be.
            if (!isFirst && !await hypervisor.IsFrozenAsync(orders.Server, CancellationToken.None).ConfigureAwait(false))
                return Found.Free;
            await hypervisor.ThawAsync(orders.Server, CancellationToken.None).ConfigureAwait(false);
            return await hypervisor.IsFrozenAsync(orders.Server, CancellationToken.None).ConfigureAwait(false)
                ? Found.Unknown : Found.LetGo;
        }
        catch (CloudException failure)
        {
            // A server that is gone holds nothing. Whatever else it is, the next round tries again.
            return failure.Failure is CloudFailure.NotFound ? Found.Free : Found.Unknown;
        }
    }

    private enum Found
    {
        /// <summary>It was not frozen.</summary>
        Free,
        /// <summary>It was, perhaps, and is not any more.</summary>
        LetGo,
        /// <summary>It does not say, or is frozen still.</summary>
        Unknown,
    }
}
