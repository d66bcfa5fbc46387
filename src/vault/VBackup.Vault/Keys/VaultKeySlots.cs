using System.Security.Cryptography;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>The slots through which a vault's data key is had: found, added, and given up.</summary>
public static class VaultKeySlots
{
    /// <summary>Wraps the vault's data key under one more key or passphrase, and reads back that it opens.</summary>
    /// <exception cref="UnusableVaultException">The vault has this key already.</exception>
    public static async Task AddAsync(BackupVault vault, VaultUnlock added, CancellationToken cancellation)
    {
        if (added.Kind != KeyKind.Passphrase
            && await vault.Store.ExistsAsync(NameOf(added, vault.Header.VaultId), cancellation).ConfigureAwait(false))
            throw new UnusableVaultException($"the vault at {vault.Store.Description} has this key already");
        await PutAsync(vault, added, cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes a recovery key and its slot.</summary>
    /// <returns>The key's line. It is nowhere else: whoever asked prints it and locks it away.</returns>
    public static async Task<string> AddRecoveryKeyAsync(BackupVault vault, CancellationToken cancellation)
    {
        var key = RandomNumberGenerator.GetBytes(KeyText.KeySize);
        try
        {
            using var unlock = VaultUnlock.WithKey(key, KeyKind.Recovery);
            await AddAsync(vault, unlock, cancellation).ConfigureAwait(false);
            return KeyText.Print(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>
    /// Puts a slot for a new key, then deletes the one that the vault was opened with. The data key stays what it was, so
    /// nothing else is written anew. Broken off between the two, both keys open the vault.
    /// </summary>
    /// <exception cref="UnusableVaultException">The vault has the new key already.</exception>
    public static async Task RotateAsync(BackupVault vault, VaultUnlock added, CancellationToken cancellation)
    {
        await AddAsync(vault, added, cancellation).ConfigureAwait(false);
        await vault.Store.DeleteAsync(vault.OpenedBySlot, cancellation).ConfigureAwait(false);
    }

    /// <summary>Wraps and stores the data key.</summary>
    /// <returns>The slot's name.</returns>
    internal static async Task<string> PutAsync(BackupVault vault, VaultUnlock unlock, CancellationToken cancellation)
    {
        var id = vault.Header.VaultId;
        var name = unlock.Kind == KeyKind.Passphrase ? KeySlot.NewPassphraseName() : NameOf(unlock, id);
        await vault.Store.PutAsync(name, Wrap(vault, unlock, id).EncodeSealed(vault.Keys, name), cancellation).ConfigureAwait(false);
        // Somebody will rely on this slot alone, so it is seen to open before anybody hears of it.
        var stored = await vault.Store.GetAsync(name, KeySlot.SizeMax, cancellation).ConfigureAwait(false);
        var opened = new byte[VaultKeys.KeySize];
        try
        {
            if (!KeySlot.Decode(name, stored).TryUnwrap(unlock.Secret, id.ToArray(), opened)
                || !opened.AsSpan().SequenceEqual(vault.Keys.DataKey))
                throw new DamageException(name, "reads back as something else than was stored");
            return name;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(opened);
        }
    }

    /// <summary>Finds the slot that a key or passphrase opens, and unwraps the data key.</summary>
    /// <returns>The slot's name and the data key, which the caller wipes; null when there is no such slot.</returns>
    internal static async Task<(string Name, byte[] DataKey)?> UnwrapAsync(
        IObjectStore store, VaultId id, VaultUnlock unlock, CancellationToken cancellation)
    {
        if (unlock.Kind == KeyKind.Passphrase) return await TryPassphraseAsync(store, id, unlock, cancellation).ConfigureAwait(false);
        var name = NameOf(unlock, id);
        if (await FindAsync(store, name, cancellation).ConfigureAwait(false) is not { } slot) return null;
        return TryUnwrap(slot, unlock, id) is { } dataKey
            ? (name, dataKey)
            : throw new DamageException(name, "does not open with the key that it is named by: it was altered");
    }

    private static async Task<(string Name, byte[] DataKey)?> TryPassphraseAsync(
        IObjectStore store, VaultId id, VaultUnlock unlock, CancellationToken cancellation)
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false))
            if (KeySlot.TryParseName(entry.Name, out var ofPassphrase) && ofPassphrase) names.Add(entry.Name);
        DamageException? damaged = null;
        foreach (var name in names)
        {
            try
            {
                if (await FindAsync(store, name, cancellation).ConfigureAwait(false) is { } slot
                    && TryUnwrap(slot, unlock, id) is { } dataKey) return (name, dataKey);
            }
            catch (DamageException damage)
            {
                // Another slot may open; if none does, this is what the user has to know.
                damaged = damage;
            }
        }
        return damaged is null ? null : throw damaged;
    }

    private static async Task<KeySlot?> FindAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            return KeySlot.Decode(name, await store.GetAsync(name, KeySlot.SizeMax, cancellation).ConfigureAwait(false));
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            return null;
        }
    }

    private static byte[]? TryUnwrap(KeySlot slot, VaultUnlock unlock, VaultId id)
    {
        var dataKey = new byte[VaultKeys.KeySize];
        return slot.TryUnwrap(unlock.Secret, id.ToArray(), dataKey) ? dataKey : null;
    }

    private static KeySlot Wrap(BackupVault vault, VaultUnlock unlock, VaultId id)
    {
        var now = vault.Runtime.Clock.GetUtcNow();
        return unlock.Kind == KeyKind.Passphrase
            ? KeySlot.WrapWithPassphrase(unlock.Secret, id.ToArray(), vault.Keys.DataKey, now, unlock.PassphraseCost)
            : KeySlot.Wrap(unlock.Kind, unlock.Secret, id.ToArray(), vault.Keys.DataKey, now);
    }

    private static string NameOf(VaultUnlock unlock, VaultId id) => KeySlot.NameOf(unlock.Secret, id.ToArray());
}
