using VBackup.Clouds;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Backups;

/// <summary>Removes what a run that has failed made of its snapshot. What it failed at may be what the removal fails at, too: a storage
/// that does not answer is asked again for a while.</summary>
public static class FailedSnapshot
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2), s_pause = TimeSpan.FromSeconds(5);

    /// <param name="why">What the run failed at.</param>
    /// <param name="isPatient">Not where somebody waits for the end, as after Ctrl-C: then it is tried once.</param>
    /// <exception cref="CloudException">It may be left.</exception>
    public static async Task RemoveAsync(IVolumeSnapshots snapshots, string name, IReadOnlyList<VolumeId> volumes, Exception why,
        IRunReport report, bool isPatient, TimeProvider clock)
    {
        // Of a storage that does not answer, the first try alone may take more than a minute: nobody waits so long for the reason.
        if (isPatient) report.Note($"this run failed ({why.Message}), and its snapshot {name} is removed now");
        long? silentSince = null;
        while (true)
        {
            try
            {
                await snapshots.RemoveAsync(name, volumes, CancellationToken.None).ConfigureAwait(false);
                return;
            }
            catch (CloudException silent) when (silent.Failure == CloudFailure.TimedOut && isPatient
                && (silentSince is not { } since || clock.GetElapsedTime(since) < s_patience))
            {
                // Counted from here on: what is told is what is kept, however long the try took.
                if (silentSince is null)
                    report.Note($"the snapshot {name} could not be removed yet ({silent.Message}): that is begun again for "
                        + $"{s_patience.TotalMinutes:0} minutes");
                silentSince ??= clock.GetTimestamp();
                await Task.Delay(s_pause, clock, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
