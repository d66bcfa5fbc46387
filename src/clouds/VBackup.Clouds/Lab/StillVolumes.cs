using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>Volumes whose gates are closed: until this is disposed of, no write of any of them is under way.</summary>
internal sealed class StillVolumes : IDisposable
{
    private readonly List<FileLock> _gates = [];
    private readonly List<(VolumeId Volume, FileVolume File)> _files = [];

    private StillVolumes() { }

    /// <summary>The volumes as they are now.</summary>
    public IReadOnlyList<(VolumeId Volume, FileVolume File)> Files => _files;

    public static async Task<StillVolumes> HoldAsync(LabFolder folder, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        // While the door is locked, no new writer comes to a gate, so each becomes free as soon as the writes under way end.
        using var door = await folder.HoldAsync(folder.Door, isExclusive: true, "take", cancellation).ConfigureAwait(false);
        return await folder.WaitForAsync(() => TryHold(folder, volumes), "take", string.Join(", ", volumes), cancellation)
            .ConfigureAwait(false);
    }

    private static StillVolumes? TryHold(LabFolder folder, IReadOnlyList<VolumeId> volumes)
    {
        var still = new StillVolumes();
        var isHeld = false;
        try
        {
            foreach (var volume in volumes)
            {
                if (FileLock.TryHold(folder.Gate(volume), isExclusive: true) is not { } gate) return null;
                still._gates.Add(gate);
            }
            foreach (var volume in volumes) still._files.Add((volume, FileVolume.OpenSource(folder.VolumePath(volume))));
            // Who takes a volume over gives it another gate before another file: with the same gates, these are the files.
            isHeld = still._gates.TrueForAll(gate => gate.IsCurrent);
            return isHeld ? still : null;
        }
        finally
        {
            if (!isHeld) still.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var (_, file) in _files) file.Dispose();
        foreach (var gate in _gates) gate.Dispose();
    }
}
