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

    /// <param name="isPatient">Not where somebody waits for the end, as after Ctrl-C: then it is tried once.</param>
    /// <exception cref="CloudException">It may be left.</exception>
    public static async Task RemoveAsync(IVolumeSnapshots snapshots, string name, IReadOnlyList<VolumeId> volumes, IRunReport report,
        bool isPatient, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        for (var isTold = false; ; isTold = true)
        {
            try
            {
                await snapshots.RemoveAsync(name, volumes, CancellationToken.None).ConfigureAwait(false);
                return;
            }
            catch (CloudException failure) when (failure.Failure == CloudFailure.TimedOut && isPatient
                && clock.GetElapsedTime(start) < s_patience)
            {
                if (!isTold)
                    report.Note($"this run failed, and its snapshot {name} could not be removed yet ({failure.Message}): that is tried "
                        + $"again for {s_patience.TotalMinutes:0} minutes");
                await Task.Delay(s_pause, clock, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
