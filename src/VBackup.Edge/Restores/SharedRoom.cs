using VBackup.Clouds.Volumes;

namespace VBackup.Edge.Restores;

/// <summary>Volumes that share one pool or folder, and what that still takes.</summary>
sealed record SharedRoom(StorageRoom Room, IReadOnlyList<RestoreTargetVolume> Volumes)
{
    /// <summary>For people.</summary>
    public string Targets => string.Join(", ", Volumes.Select(one => one.Target));

    /// <summary>Of the volumes together.</summary>
    public long LengthBytes => Volumes.Sum(one => one.Volume.LengthBytes);

    /// <summary>Which volumes share what, only the storage knows: their names do not tell. Those are left out of which it does not say
    /// it.</summary>
    public static async Task<IReadOnlyList<SharedRoom>> FindAsync(
        IVolumeStorage storage, IEnumerable<RestoreTargetVolume> volumes, CancellationToken cancellation)
    {
        List<(RestoreTargetVolume Volume, StorageRoom Room)> found = [];
        foreach (var volume in volumes)
            if (await storage.FindRoomAsync(volume.Target, cancellation).ConfigureAwait(false) is { } room) found.Add((volume, room));
        return [.. found.GroupBy(one => one.Room.Place)
            .Select(place => new SharedRoom(place.MinBy(one => one.Room.FreeBytes).Room, [.. place.Select(one => one.Volume)]))];
    }
}
