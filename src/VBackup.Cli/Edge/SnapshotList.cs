using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Snapshots;
using VBackup.Edge.Backups;

namespace VBackup.Cli.Edge;

/// <summary>Snapshots of a server's volumes, each with what it may still serve.</summary>
static class SnapshotList
{
    /// <param name="useOf">What is known of each.</param>
    /// <param name="waysBack">Those that a restore that has not ended was begun with.</param>
    public static void Show(
        IReadOnlyList<Instant> instants, Func<Instant, SnapshotUse> useOf, Screen screen, IReadOnlyList<string?> waysBack)
    {
        var table = new TextTable("SNAPSHOT", "TAKEN", "VOLUMES", "");
        foreach (var instant in instants)
        {
            var use = useOf(instant);
            screen.Event(new SnapshotEvent(instant.Name, instant.TakenAt, [.. instant.Volumes.Select(volume => volume.Value)],
                instant.IsComplete, WordFor(use.Base), use.Vault, use.Points.Count > 0 ? use.Points : null),
                EventJson.Default.SnapshotEvent);
            table.Add(instant.Name, $"{instant.TakenAt:u}", string.Join(", ", instant.Volumes), RemarkOn(instant, use, waysBack));
        }
        screen.Table(table);
    }

    /// <summary>What it is good for, for people; empty when there is nothing to say.</summary>
    public static string Describe(SnapshotUse use) => use switch
    {
        { Base: BaseOf.Nobody } => "",
        { Base: BaseOf.AnotherVault } => $"of the vault {use.Vault}…: may be the base of its next backup",
        { Base: BaseOf.SomeVault } => "of a backup into a vault that its name does not tell: may be the base of that one's next",
        { Points: [] } => "of this vault, and of no point of it: a backup that goes on, or that was ended, made it",
        { IsNext: true } => $"base of the next backup into this vault (point {PointView.ShortId(use.Points[^1])})",
        _ => $"of point {PointView.ShortId(use.Points[^1])} of this vault, and no base any more",
    };

    static string? WordFor(BaseOf whose) => whose switch
    {
        BaseOf.ThisVault => "this-vault",
        BaseOf.AnotherVault => "another-vault",
        BaseOf.SomeVault => "some-vault",
        _ => null,
    };

    static string RemarkOn(Instant instant, SnapshotUse use, IReadOnlyList<string?> waysBack)
    {
        if (!instant.IsComplete) return "incomplete";
        if (waysBack.Contains(instant.Name)) return "before the restore that has not ended";
        return string.Join("; ", new[] { instant.IsReadable ? "" : "base only", Describe(use) }.Where(word => word.Length > 0));
    }
}
