using VBackup.Clouds.Snapshots;
using VBackup.Vault.Format;

namespace VBackup.Edge.Backups;

/// <summary>Whose next backup may build on a snapshot.</summary>
public enum BaseOf
{
    /// <summary>Nobody's: it is no backup's, or not complete.</summary>
    Nobody,
    /// <summary>That of the vault that was looked into.</summary>
    ThisVault,
    /// <summary>That of another vault, as the name says.</summary>
    AnotherVault,
    /// <summary>Any vault's: neither the name nor a vault tells.</summary>
    SomeVault,
}

/// <summary>What a snapshot may still serve, as far as its name and one vault tell.</summary>
/// <param name="Vault">How the id of its vault begins; null when nobody knows.</param>
/// <param name="Points">Those of the vault that was looked into that were made of it.</param>
/// <param name="IsNext">Whether the next backup into that vault builds on it.</param>
public sealed record SnapshotUse(BaseOf Base, string? Vault, IReadOnlyList<string> Points, bool IsNext)
{
    /// <param name="vault">The vault that was looked into, and what it has of the server; null when none was.</param>
    public static SnapshotUse Of(Instant instant, VaultId? vault, EarlierPoints? earlier)
    {
        var points = earlier?.PointsOf(instant.Name) ?? [];
        var own = vault is { } id ? BackupSnapshotName.ShortOf(id) : null;
        var named = points.Count > 0 ? own : BackupSnapshotName.VaultIn(instant.Name);
        var whose = !instant.IsComplete || !instant.Name.StartsWith(BackupSnapshotName.Prefix, StringComparison.Ordinal) ? BaseOf.Nobody
            : named is null ? BaseOf.SomeVault
            : named == own ? BaseOf.ThisVault : BaseOf.AnotherVault;
        return new(whose, named, points, IsNext: whose == BaseOf.ThisVault && earlier!.IsNext(instant.Name));
    }
}
