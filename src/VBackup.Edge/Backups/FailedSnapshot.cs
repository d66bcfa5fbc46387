using VBackup.Clouds;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Backups;

/// <summary>Removes what a run that has failed made of its snapshot.</summary>
public static class FailedSnapshot
{
    /// <param name="why">What the run failed at.</param>
    /// <param name="stop">Where somebody waits for the end, as after Ctrl-C, it is tried once.</param>
    /// <exception cref="CloudException">It may be left.</exception>
    public static Task RemoveAsync(IVolumeSnapshots snapshots, string name, IReadOnlyList<VolumeId> volumes, Exception why,
        IRunReport report, TimeProvider clock, CancellationToken stop)
    {
        var removal = new PatientRemoval(report, clock, stop);
        removal.Tell(why, $"its snapshot {name}");
        return removal.RunAsync($"the snapshot {name}", () => snapshots.RemoveAsync(name, volumes, CancellationToken.None));
    }
}
