using VBackup.Clouds;

namespace VBackup.Edge.Running;

/// <summary>Removes what a run that has failed leaves. What it failed at may be what the removal fails at, too: a storage that does not
/// answer is asked again for a while, and so is one that says that somebody uses it. That somebody may be the run itself: what it opened
/// without an answer is watched until the storage gives that client up. Not thread-safe.</summary>
/// <param name="stop">Where somebody waits for the end, as after Ctrl-C, it is tried once.</param>
public sealed class PatientRemoval(IRunReport report, TimeProvider clock, CancellationToken stop)
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2), s_pause = TimeSpan.FromSeconds(5);

    // For all that one run leaves, from the first that could not be removed.
    long? _waitsSince;

    /// <summary>Of a storage that does not answer, the first try alone may take more than a minute: nobody waits so long for the
    /// reason.</summary>
    public void Tell(Exception why, string what)
    {
        if (!stop.IsCancellationRequested) report.Note($"this run failed ({why.Message}), and {what} is removed now");
    }

    /// <param name="what">For people.</param>
    /// <param name="remove">May be called again after a failure.</param>
    /// <exception cref="CloudException">It may be left.</exception>
    public async Task RunAsync(string what, Func<Task> remove)
    {
        while (true)
        {
            try
            {
                await remove().ConfigureAwait(false);
                return;
            }
            catch (CloudException notYet) when (notYet.Failure is CloudFailure.TimedOut or CloudFailure.InUse
                && !stop.IsCancellationRequested && (_waitsSince is not { } since || clock.GetElapsedTime(since) < s_patience))
            {
                // Counted from here on: what is told is what is kept, however long the try took.
                if (_waitsSince is null)
                    report.Note($"{what} could not be removed yet ({notYet.Message}): that is begun again for "
                        + $"{s_patience.TotalMinutes:0} minutes");
                _waitsSince ??= clock.GetTimestamp();
                await Task.Delay(s_pause, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
