using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Waits for a run that goes on at the Portal, and shows how far it is.</summary>
static class RunFollowing
{
    /// <summary>Streams in a row that end before their first event: then somebody between lets none through.</summary>
    const int SilentStreamsMax = 2;

    /// <summary>Between two looks, where events do not come through.</summary>
    static readonly TimeSpan s_period = TimeSpan.FromSeconds(2);

    /// <summary>For so long the Portal may be away, as it is while it is started anew.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <summary>What a command does that has started a run.</summary>
    public static async Task StartedAsync(PortalCall call, Told<StartedView> started, string what, bool waits)
    {
        var run = started.Value.Run;
        if (waits)
        {
            await FollowAsync(call, run).ConfigureAwait(false);
            return;
        }
        call.Screen.Event("completed", started.Json);
        call.Screen.Line($"{what} has begun as run {run}; 'vbackup run watch {run}' follows it");
    }

    /// <exception cref="RefusedException">The run did not succeed, or is not followed to its end.</exception>
    public static async Task FollowAsync(PortalCall call, string id)
    {
        Told<RunView> over;
        try
        {
            over = await UntilOverAsync(call, id).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            throw new RefusedException(
                $"stopped waiting; the run goes on: 'vbackup run watch {id}' follows it, 'vbackup run cancel {id}' ends it");
        }
        catch (PortalUnreachableException away)
        {
            throw new RefusedException($"{away.Message}; the run goes on as far as is known: 'vbackup run watch {id}' follows it");
        }
        finally
        {
            call.Screen.Bar("");
        }
        Tell(call.Screen, over);
    }

    static async Task<Told<RunView>> UntilOverAsync(PortalCall call, string id)
    {
        var clock = call.Portal.Clock;
        var (heardAt, silentStreams) = (clock.GetTimestamp(), 0);
        while (true)
        {
            if (silentStreams < SilentStreamsMax)
            {
                var (run, hasSpoken) = await ListenAsync(call, id).ConfigureAwait(false);
                if (run is not null) return run;
                if (hasSpoken) heardAt = clock.GetTimestamp();
                silentStreams = hasSpoken ? 0 : silentStreams + 1;
            }
            try
            {
                var run = await call.Portal.GetAsync($"runs/{id}", RemoteJson.Default.RunView, call.Stop).ConfigureAwait(false);
                heardAt = clock.GetTimestamp();
                if (Show(call.Screen, run)) return run;
            }
            catch (PortalUnreachableException) when (clock.GetElapsedTime(heardAt) < s_patience)
            {
                call.Screen.Bar($"{call.Portal.Url} cannot be reached; trying again");
            }
            await Task.Delay(s_period, clock, call.Stop).ConfigureAwait(false);
        }
    }

    /// <returns>The run, if it was told to be over; and whether anything was told.</returns>
    static async Task<(Told<RunView>? Over, bool HasSpoken)> ListenAsync(PortalCall call, string id)
    {
        var hasSpoken = false;
        try
        {
            await foreach (var run in call.Portal.FollowAsync($"runs/{id}/events", RemoteJson.Default.RunView, call.Stop)
                .ConfigureAwait(false))
            {
                hasSpoken = true;
                if (Show(call.Screen, run)) return (run, true);
            }
        }
        catch (Exception broken) when (broken is PortalUnreachableException or PortalRefusalException)
        {
            // Somebody between may not let events through. Asking tells whether it is more than that.
        }
        return (null, hasSpoken);
    }

    /// <returns>Whether it is over.</returns>
    static bool Show(Screen screen, Told<RunView> run)
    {
        var one = run.Value;
        if (one.IsOver) return true;
        screen.Event("run", run.Json);
        var waits = Runs.WaitsFor(one) is { } what ? $", waits {what}" : "";
        screen.Bar($"{Runs.KindOf(one)} of {Runs.ServerLabel(one)}: {one.State}{Share(one)}{waits}");
        return false;
    }

    // What was written is read back after that; both come to the total.
    static string Share(RunView one)
    {
        if (one.TotalBytes <= 0) return "";
        var share = $", {OfTotal(one.DoneBytes)} of {Units.Size(one.TotalBytes)}";
        return one.CheckedBytes > 0 ? $"{share} written, {OfTotal(one.CheckedBytes)} checked" : share;

        string OfTotal(long bytes) => Units.Percent((double)bytes / one.TotalBytes);
    }

    static void Tell(Screen screen, Told<RunView> run)
    {
        var one = run.Value;
        foreach (var note in one.Notes) screen.Note(note);
        if (one.State != "succeeded")
        {
            screen.Event("run", run.Json);
            var ended = one.State == "cancelled" ? "was cancelled" : one.State;
            var reason = one.Error is { } error ? $": {error}" : "";
            throw new RefusedException($"the {Runs.KindOf(one)} of {Runs.ServerLabel(one)} {ended}{reason} (run {one.Id})");
        }
        screen.Event("completed", run.Json);
        var (server, took) = (Runs.ServerLabel(one), $"in {Runs.Took(one)}");
        screen.Line(one.Kind switch
        {
            "restore" => $"restored point {ShortId.Of(one.Point!)} of {server} to {one.Target ?? "the original"}, {took}",
            "backup" => $"backed up {server}: {Units.Size(one.StoredBytes)} stored, {took}; point {one.Point}",
            _ => $"{Runs.KindOf(one)} of {server}: made {one.Target}, {took}",
        });
    }
}
