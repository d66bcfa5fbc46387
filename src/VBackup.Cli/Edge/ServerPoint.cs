using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Edge.Backups;
using VBackup.Vault.Format;

namespace VBackup.Cli.Edge;

/// <summary>Points that were made from a cloud.</summary>
static class ServerPoint
{
    /// <exception cref="RefusedException">The point was made from files, and tells of no server.</exception>
    public static EdgeDocument EdgeOf(PointDocument point) => EdgeDocument.Of(point)
        ?? throw new RefusedException($"point {PointView.ShortId(point.Id)} was not made by 'vbackup edge backup': use 'vbackup vault "
            + "restore'");

    /// <summary>The volumes that were asked for; all of the point when none was.</summary>
    public static IReadOnlyList<VolumeDocument> Choose(PointDocument point, string? name)
    {
        if (name is null) return point.Volumes;
        var names = string.Join(", ", point.Volumes.Select(volume => volume.Name));
        return [point.Volumes.FirstOrDefault(volume => volume.Name == name)
            ?? throw new RefusedException($"point {PointView.ShortId(point.Id)} has no volume {name}; it has {names}")];
    }
}
