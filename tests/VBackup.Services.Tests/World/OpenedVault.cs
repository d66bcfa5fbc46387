using System.Text.Json;
using VBackup.Contracts.Work;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.World;

/// <summary>A project's vault as somebody opens it who has only a key.</summary>
static class OpenedVault
{
    /// <param name="keyText">A key's line.</param>
    public static async Task<BackupVault> OpenAsync(string folder, string keyText)
    {
        var key = new byte[KeyText.KeySize];
        KeyText.Parse(keyText, key);
        using var unlock = VaultUnlock.WithKey(key);
        return await BackupVault.OpenAsync(StoreLocation.Open(folder, new()), unlock, new(), default);
    }

    public static async Task<bool> OpensAsync(string folder, string keyText)
    {
        try
        {
            await using var vault = await OpenAsync(folder, keyText);
            return true;
        }
        catch (Exception closed) when (closed is UnusableVaultException or DamageException)
        {
            return false;
        }
    }

    public static async Task<(long Generation, ProjectCatalogue Catalogue)> CatalogueAsync(string folder, string keyText)
    {
        await using var vault = await OpenAsync(folder, keyText);
        var saved = (await SavedCatalogues.ReadNewestAsync(vault, default)).Newest!;
        return (saved.Generation, saved.Content.Deserialize(WorkJson.Default.ProjectCatalogue)!);
    }
}
