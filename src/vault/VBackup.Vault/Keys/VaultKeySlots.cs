using System.Security.Cryptography;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Holding;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>What is known of a key slot without its key.</summary>
/// <param name="Id">Its object name below <c>keys/</c>.</param>
/// <param name="Kind">Null when it cannot be read.</param>
/// <param name="IsOpener">The vault was opened with it.</param>
/// <param name="Problem">Why it opens nothing, or cannot be trusted; null when it is as it was stored.</param>
public sealed record KeySlotSummary(string Id, KeyKind? Kind, DateTimeOffset? CreatedAt, bool IsOpener, string? Problem);

/// <summary>What a rotation did.</summary>
/// <param name="Removed">Slots whose keys do not open the vault any more.</param>
/// <param name="Kept">Older slots whose keys still do.</param>
public sealed record KeyRotation(IReadOnlyList<KeySlotSummary> Removed, IReadOnlyList<KeySlotSummary> Kept);

/// <summary>The slots through which a vault's data key is had: found, added, and given up.</summary>
public static class VaultKeySlots
{
    /// <summary>Slots that one passphrase is tried on.</summary>
    private const int PassphraseSlotsMax = 64;

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

    /// <summary>The vault's slots, oldest first; those that cannot be read come last.</summary>
    public static async Task<IReadOnlyList<KeySlotSummary>> ListAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<KeySlotSummary> slots = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false))
            if (await SummariseAsync(vault, entry.Name, cancellation).ConfigureAwait(false) is { } slot) slots.Add(slot);
        return [.. slots.OrderBy(slot => slot.CreatedAt ?? DateTimeOffset.MaxValue).ThenBy(slot => slot.Id, StringComparer.Ordinal)];
    }

    /// <summary>Names of the slots by which points must stay readable: that with which the vault was opened, and those of recovery keys.
    /// Others belong to keys that may be given up.</summary>
    internal static async Task<List<string>> ListLastingAsync(BackupVault vault, CancellationToken cancellation) =>
        [.. (await ListAsync(vault, cancellation).ConfigureAwait(false))
            .Where(slot => slot.Problem is null && (slot.IsOpener || slot.Kind == KeyKind.Recovery))
            .Select(slot => ObjectNames.Keys + slot.Id)];

    private static async Task<KeySlotSummary?> SummariseAsync(BackupVault vault, string name, CancellationToken cancellation)
    {
        var (id, opened) = (name[ObjectNames.Keys.Length..], name == vault.OpenedBySlot);
        try
        {
            var stored = await SmallObjects.GetAsync(vault.Store, name, KeySlot.SizeMax, cancellation).ConfigureAwait(false);
            var slot = KeySlot.Decode(name, stored);
            return new(id, slot.Kind, slot.CreatedAt, opened, KeySlot.IsSealed(vault.Keys, name, stored) ? null
                : "its seal is wrong: it was altered");
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            return null;
        }
        catch (Exception unreadable) when (unreadable is DamageException or UnusableVaultException)
        {
            return new(id, null, null, opened, unreadable is DamageException damage ? damage.Reason : unreadable.Message);
        }
    }

    /// <summary>
    /// Puts a slot for a new key, then deletes the one that the vault was opened with. Opened with a recovery key, it keeps that
    /// one, and replaces every key file instead (and every passphrase, when the new key is one): whoever needs the recovery key
    /// has lost the other. A slot that the store holds stays, and is told as kept. The data key stays what it was, so nothing else is
    /// written anew. Broken off between the two, old and new keys open the vault.
    /// </summary>
    /// <exception cref="UnusableVaultException">The vault has the new key already.</exception>
    public static async Task<KeyRotation> RotateAsync(BackupVault vault, VaultUnlock added, CancellationToken cancellation)
    {
        var before = await ListAsync(vault, cancellation).ConfigureAwait(false);
        await AddAsync(vault, added, cancellation).ConfigureAwait(false);
        var isRecovery = before.Any(slot => slot is { IsOpener: true, Kind: KeyKind.Recovery });
        List<KeySlotSummary> removed = [.. before.Where(slot => !isRecovery ? slot.IsOpener
            : slot.Kind == KeyKind.KeyFile || (slot.Kind == KeyKind.Passphrase && added.Kind == KeyKind.Passphrase))];
        List<KeySlotSummary> held = [];
        foreach (var slot in removed)
            if (!await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Keys + slot.Id, cancellation).ConfigureAwait(false))
                held.Add(slot);
        removed.RemoveAll(held.Contains);
        return new(removed, [.. before.Except(removed)]);
    }

    /// <summary>Whether a key opens the vault. REQUIRES: it is no passphrase; so of the next two.</summary>
    public static Task<bool> HasAsync(BackupVault vault, VaultUnlock key, CancellationToken cancellation) =>
        vault.Store.ExistsAsync(NameOf(key, vault.Header.VaultId), cancellation);

    /// <summary>Lets a key open the vault, whether it did before or not. Where points are held, it opens those that are there for as
    /// long, although none was made with it yet.</summary>
    public static async Task EnsureAsync(BackupVault vault, VaultUnlock key, CancellationToken cancellation) =>
        await PointHold.HoldBesideAsync(vault, await PutAsync(vault, key, cancellation).ConfigureAwait(false), cancellation)
            .ConfigureAwait(false);

    /// <summary>The key does not open the vault any more. REQUIRES: another one does.</summary>
    /// <returns>False when the store holds its slot: until that is over, the key opens the vault.</returns>
    public static Task<bool> GiveUpAsync(BackupVault vault, VaultUnlock key, CancellationToken cancellation) =>
        HeldObjects.TryDeleteAsync(vault.Store, NameOf(key, vault.Header.VaultId), cancellation);

    /// <summary>Deletes whatever opens a vault: no key does from then on. The vault need not be opened for it.</summary>
    public static async Task EraseAsync(IObjectStore store, CancellationToken cancellation)
    {
        var names = await LockedKeys.ListAsync(store, cancellation).ConfigureAwait(false);
        await foreach (var entry in store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false)) names.Add(entry.Name);
        StoreException? held = null;
        foreach (var name in names)
        {
            try
            {
                await store.DeleteAsync(name, cancellation).ConfigureAwait(false);
            }
            catch (StoreException stays) when (stays.Failure == StoreFailure.Held)
            {
                // Whatever can go goes; of the rest it is told until when it stays.
                held ??= stays;
            }
        }
        if (held is not null) throw held;
    }

    /// <summary>Gives up a slot: what opened it does not open the vault any more.</summary>
    /// <param name="idOrPrefix">As <see cref="ListAsync"/> tells it, or the start of it.</param>
    /// <exception cref="UnusableVaultException">There is no such slot, or more than one; or the vault was opened with it.</exception>
    public static async Task<KeySlotSummary> RemoveAsync(BackupVault vault, string idOrPrefix, CancellationToken cancellation)
    {
        var slots = await ListAsync(vault, cancellation).ConfigureAwait(false);
        List<KeySlotSummary> found = [.. slots.Where(slot => slot.Id == idOrPrefix)];
        if (found.Count == 0 && idOrPrefix.Length > 0)
            found = [.. slots.Where(slot => slot.Id.StartsWith(idOrPrefix, StringComparison.Ordinal))];
        if (found.Count != 1)
            throw new UnusableVaultException(found.Count == 0
                ? $"there is no key slot '{idOrPrefix}' in this vault: 'key list' shows them"
                : $"{found.Count} key slots begin with {idOrPrefix}: give more of it");
        // So there is always one left, which is seen to open the vault.
        if (found[0].IsOpener)
            throw new UnusableVaultException($"the vault was just opened with the key slot {found[0].Id}: it is removed only with another "
                + "key, or replaced with 'key rotate'");
        var own = await vault.Store.GetAsync(vault.OpenedBySlot, KeySlot.SizeMax, cancellation).ConfigureAwait(false);
        await vault.Store.DeleteAsync(ObjectNames.Keys + found[0].Id, cancellation).ConfigureAwait(false);
        // Of two who remove each other's slot at the same time, neither may be left without.
        if (!await vault.Store.ExistsAsync(vault.OpenedBySlot, cancellation).ConfigureAwait(false))
            await vault.Store.PutAsync(vault.OpenedBySlot, own, cancellation).ConfigureAwait(false);
        return found[0];
    }

    /// <summary>Wraps and stores the data key.</summary>
    /// <returns>The slot's name.</returns>
    internal static async Task<string> PutAsync(BackupVault vault, VaultUnlock unlock, CancellationToken cancellation)
    {
        var id = vault.Header.VaultId;
        var name = unlock.Kind == KeyKind.Passphrase ? KeySlot.NewPassphraseName() : NameOf(unlock, id);
        await vault.Store.PutAsync(name, Wrap(vault, unlock, id).EncodeSealed(vault.Keys, name), cancellation).ConfigureAwait(false);
        // Somebody will rely on this slot alone, so it is seen to open before anybody hears of it.
        var stored = await SmallObjects.GetAsync(vault.Store, name, KeySlot.SizeMax, cancellation).ConfigureAwait(false);
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

    /// <summary>Whether there is any slot, of whatever key.</summary>
    internal static async Task<bool> AnyAsync(IObjectStore store, CancellationToken cancellation)
    {
        await foreach (var _ in store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false)) return true;
        return false;
    }

    private static async Task<(string Name, byte[] DataKey)?> TryPassphraseAsync(
        IObjectStore store, VaultId id, VaultUnlock unlock, CancellationToken cancellation)
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false))
            if (KeySlot.TryParseName(entry.Name, out var ofPassphrase) && ofPassphrase) names.Add(entry.Name);
        DamageException? damaged = null;
        List<(string Name, KeySlot Slot)> slots = [];
        foreach (var name in names)
        {
            try
            {
                if (await FindAsync(store, name, cancellation).ConfigureAwait(false) is { } slot) slots.Add((name, slot));
            }
            catch (DamageException damage)
            {
                // Another slot may open; if none does, this is what the user has to know.
                damaged = damage;
            }
        }
        // Whoever may write to the store can put any number of slots there: the cheap ones first, and not without end.
        foreach (var (name, slot) in slots.OrderBy(slot =>
            (long)slot.Slot.Cost!.MemoryKiB * slot.Slot.Cost.Iterations).Take(PassphraseSlotsMax))
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryUnwrap(slot, unlock, id) is { } dataKey) return (name, dataKey);
        }
        if (damaged is null && slots.Count > PassphraseSlotsMax)
            damaged = new(ObjectNames.Keys,
                $"has {slots.Count} slots of passphrases, of which the {PassphraseSlotsMax} cheapest were tried: "
                + "somebody has put them there. Open the vault with a key file or the recovery key, and remove them with 'vbackup key "
                    + "remove'");
        return damaged is null ? null : throw damaged;
    }

    private static async Task<KeySlot?> FindAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            return KeySlot.Decode(name, await SmallObjects.GetAsync(store, name, KeySlot.SizeMax, cancellation).ConfigureAwait(false));
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            return null;
        }
        catch (DamageException damage)
        {
            throw new DamageException(name, $"{damage.Reason}; put this key slot back from a copy of the vault, or open the vault with "
                + "another of its keys, such as the recovery key", damage);
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
