using System.Globalization;
using System.Security.Cryptography;
using VBackup.Vault.Format;

namespace VBackup.Edge.Backups;

/// <summary>
/// What the command line calls the snapshot of a backup: <c>vb-20260329-013000-0123abcd-89abcdef</c>. The last word is how the id of the
/// vault begins that the point goes to. Earlier versions left it out, and the services' names have none.
/// </summary>
public static class BackupSnapshotName
{
    /// <summary>How the names of our snapshots begin.</summary>
    public const string Prefix = "vb-";

    const int ShortVaultLetters = 8;

    public static string New(DateTimeOffset now, VaultId vault) => string.Create(CultureInfo.InvariantCulture,
        $"{Prefix}{now:yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}-{ShortOf(vault)}");

    /// <summary>As names carry it.</summary>
    public static string ShortOf(VaultId vault) => vault.ToString()[..ShortVaultLetters];

    /// <summary>How the id of the vault begins whose point was to be made of it; null when the name does not tell.</summary>
    public static string? VaultIn(string name) =>
        name.Split('-') is ["vb", { Length: 8 } day, { Length: 6 } time, { Length: 8 }, { Length: ShortVaultLetters } vault]
        && day.All(char.IsAsciiDigit) && time.All(char.IsAsciiDigit) && vault.All(char.IsAsciiHexDigitLower) ? vault : null;
}
