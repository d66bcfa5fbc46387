using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Waits for what goes on with a snapshot at the Portal.</summary>
static class SnapshotFollowing
{
    static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    /// <summary>For so long the Portal may be away, as it is while it is started anew.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <exception cref="RefusedException">It was not taken, or is not waited for to its end.</exception>
    public static async Task TakenAsync(PortalCall call, string id, string server)
    {
        var over = await UntilAsync(call, id, "taking", now => now.Value.State != "taking").ConfigureAwait(false);
        call.Screen.Event(over.Value.State == "ready" ? "completed" : "snapshot", over.Json);
        var one = over.Value;
        if (one.State != "ready") throw new RefusedException($"snapshot '{one.Name}' of {server} was not taken: {one.Error ?? one.State}");
        call.Screen.Line($"snapshot '{one.Name}' of {server} is ready");
    }

    /// <param name="before">As it was before it was asked for: what was in the way of an earlier roll back is not in the way of this
    /// one.</param>
    /// <inheritdoc cref="TakenAsync"/>
    public static async Task RolledBackAsync(PortalCall call, Told<SnapshotView> before, string server)
    {
        var over = await UntilAsync(call, before.Value.Id, "rolling back", now => (before.Version is null || now.Version != before.Version)
            && !now.Value.IsRollingBack
            && (now.Value.RolledBackAt != before.Value.RolledBackAt || now.Value.Error is not null
                || now.Value.State is "removing" or "removed" or "failed")).ConfigureAwait(false);
        var one = over.Value;
        var isDone = one.RolledBackAt is not null && one.RolledBackAt != before.Value.RolledBackAt;
        call.Screen.Event(isDone ? "completed" : "snapshot", over.Json);
        if (!isDone) throw new RefusedException($"{server} was not made what it was at snapshot '{one.Name}': {one.Error ?? one.State}");
        call.Screen.Line($"{server} is what it was at snapshot '{one.Name}'");
    }

    static async Task<Told<SnapshotView>> UntilAsync(PortalCall call, string id, string what, Predicate<Told<SnapshotView>> isOver)
    {
        var clock = call.Portal.Clock;
        var heardAt = clock.GetTimestamp();
        try
        {
            while (true)
            {
                try
                {
                    var now = await call.Portal.GetAsync($"snapshots/{id}", RemoteJson.Default.SnapshotView, call.Stop)
                        .ConfigureAwait(false);
                    heardAt = clock.GetTimestamp();
                    if (isOver(now)) return now;
                    call.Screen.Bar($"snapshot '{now.Value.Name}': {what}");
                }
                catch (PortalUnreachableException) when (clock.GetElapsedTime(heardAt) < s_patience)
                {
                    call.Screen.Bar($"{call.Portal.Url} cannot be reached; trying again");
                }
                await Task.Delay(s_period, clock, call.Stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            throw new RefusedException($"stopped waiting; it goes on: 'vbackup snapshot list' shows how far it is (snapshot {id})");
        }
        finally
        {
            call.Screen.Bar("");
        }
    }
}
