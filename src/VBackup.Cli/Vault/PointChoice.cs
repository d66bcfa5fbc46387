using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Vault;

/// <summary>Finds the point that a user names by its id, or by the start of it.</summary>
static class PointChoice
{
    public static readonly Argument<string> Argument =
        new("POINT") { Description = "A restore point's id, or the start of it." };

    /// <exception cref="UnusableVaultException">There is no such point, or more than one.</exception>
    public static Task<PointDocument> FindAsync(BackupVault vault, string text, CancellationToken cancellation) =>
        VaultCatalog.FindAsync(vault, text.Trim().ToLowerInvariant(), cancellation);

    /// <returns>Null when there is no such point.</returns>
    public static async Task<PointDocument?> TryFindAsync(BackupVault vault, string text, CancellationToken cancellation)
    {
        try
        {
            return await FindAsync(vault, text, cancellation).ConfigureAwait(false);
        }
        catch (UnusableVaultException)
        {
            // Says that there is none; whoever calls has something else to do then.
            return null;
        }
    }

    public static PointId IdOf(PointDocument point) => PointId.TryParse(point.Id, out var id)
        ? id : throw new DamageException(ObjectNames.Points + point.Id, "its id is not one");
}
