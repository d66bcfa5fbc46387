using System.Text.Json;
using VBackup.Contracts.Work;
using VBackup.Edge.Running;
using VBackup.Vault;
using VBackup.Vault.Catalog;

namespace VBackup.Worker;

/// <summary>What a vault keeps beside points: what opens it, and what the services know. Each of these may be done twice, or by
/// two.</summary>
static class KeyWork
{
    /// <summary>Saves what the services know, and sees to it that the project's key, and no earlier one, opens the vault.</summary>
    public static async Task<CatalogueResult> SaveCatalogueAsync(
        VaultOpening vaults, SaveCatalogueOrder order, WorkSecrets secrets, CancellationToken cancellation)
    {
        using var keys = new KeyPair(secrets);
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        await BringAsync(vault, keys, secrets.LockedKey, cancellation).ConfigureAwait(false);
        await SavedCatalogues.SaveAsync(vault, new()
        {
            Generation = order.Generation,
            SavedAt = order.SavedAt,
            Content = JsonSerializer.SerializeToElement(order.Catalogue, WorkJson.Default.ProjectCatalogue),
        }, cancellation).ConfigureAwait(false);
        return new(order.Generation);
    }

    /// <summary>The project's new key opens the vault in place of the one before.</summary>
    public static async Task RotateAsync(VaultOpening vaults, VaultOrder order, WorkSecrets secrets, CancellationToken cancellation)
    {
        // The first backup makes the vault, with the new key.
        if (!await vaults.IsThereAsync(order.Vault, secrets, cancellation).ConfigureAwait(false)) return;
        using var keys = new KeyPair(secrets);
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        if (!await BringAsync(vault, keys, secrets.LockedKey, cancellation).ConfigureAwait(false))
            throw new RefusedException("the new key opens the vault, and so does the one before: the store holds its slot, as long as it "
                + "holds points that were made with it");
    }

    /// <summary>Nothing opens the vault any more.</summary>
    public static async Task EraseAsync(VaultOpening vaults, VaultOrder order, WorkSecrets secrets, CancellationToken cancellation)
    {
        if (!await vaults.IsThereAsync(order.Vault, secrets, cancellation).ConfigureAwait(false)) return;
        var store = vaults.Store(order.Vault, secrets, creates: false);
        await using var closing = store.ConfigureAwait(false);
        await VaultKeySlots.EraseAsync(store, cancellation).ConfigureAwait(false);
    }

    // At every moment the vault opens with the copy that it holds, if with the master key's help, and with a key that the service has.
    // False as long as the store holds what the key before opens.
    static async Task<bool> BringAsync(BackupVault vault, KeyPair keys, LockedKey? locked, CancellationToken cancellation)
    {
        var isBehind = keys.Previous is { } previous && await VaultKeySlots.HasAsync(vault, previous, cancellation).ConfigureAwait(false);
        if (isBehind) await VaultKeySlots.EnsureAsync(vault, keys.Current, cancellation).ConfigureAwait(false);
        if (locked is not null)
        {
            await EnsureLockedAsync(vault, locked, cancellation).ConfigureAwait(false);
            await LockedKeys.DeleteOthersAsync(vault, BytesOf(locked), cancellation).ConfigureAwait(false);
        }
        return !isBehind || await VaultKeySlots.GiveUpAsync(vault, keys.Previous!, cancellation).ConfigureAwait(false);
    }

    /// <summary>The vault is to have a copy of the project's key under the master key, from which a lost system is built again.</summary>
    public static Task EnsureLockedAsync(BackupVault vault, LockedKey locked, CancellationToken cancellation) =>
        LockedKeys.EnsureAsync(vault, BytesOf(locked), cancellation);

    static byte[] BytesOf(LockedKey locked) => JsonSerializer.SerializeToUtf8Bytes(locked, WorkJson.Default.LockedKey);

    /// <summary>Copies of a lease's keys, which whoever opens a vault clears.</summary>
    sealed class KeyPair(WorkSecrets secrets) : IDisposable
    {
        public VaultUnlock Current { get; } = VaultUnlock.WithKey(secrets.VaultKey
            ?? throw new RefusedException("the project has no key, or it was erased"));
        public VaultUnlock? Previous { get; } = secrets.PreviousVaultKey is { } key ? VaultUnlock.WithKey(key) : null;

        public void Dispose()
        {
            Current.Dispose();
            Previous?.Dispose();
        }
    }
}
