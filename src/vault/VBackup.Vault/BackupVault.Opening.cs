using System.Numerics;
using System.Security.Cryptography;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

public sealed partial class BackupVault
{
    /// <summary>The key slot that the vault was opened with, or made with.</summary>
    internal string OpenedBySlot { get; private init; } = "";

    /// <summary>Makes a vault in an empty store. The header comes last, so whatever is broken off before is no vault.</summary>
    /// <param name="store">Owned by the vault from here on; disposed when this fails.</param>
    /// <param name="unlock">What will open it; the caller disposes it.</param>
    /// <param name="chunkSize">A power of two, 4 KiB to 4 MiB.</param>
    /// <exception cref="UnusableVaultException">The store is not empty, or somebody else made a vault in it meanwhile.</exception>
    public static async Task<BackupVault> CreateAsync(
        IObjectStore store, VaultUnlock unlock, int chunkSize, VaultRuntime runtime, CancellationToken cancellation)
    {
        if (chunkSize is < FormatLimits.ChunkSizeMin or > FormatLimits.ChunkSizeMax || !BitOperations.IsPow2(chunkSize))
            throw new ArgumentOutOfRangeException(nameof(chunkSize), chunkSize, "not a power of two from 4 KiB to 4 MiB");
        var dataKey = RandomNumberGenerator.GetBytes(VaultKeys.KeySize);
        try
        {
            var left = await EnsureEmptyAsync(store, cancellation).ConfigureAwait(false);
            // To the millisecond, as it is stored.
            var now = DateTimeOffset.FromUnixTimeMilliseconds(runtime.Clock.GetUtcNow().ToUnixTimeMilliseconds());
            var header = new VaultHeader(VaultId.New(), chunkSize, now);
            var keys = new VaultKeys(dataKey, header.VaultId);
            var draft = new BackupVault(store, header, keys, runtime);
            var slot = await VaultKeySlots.PutAsync(draft, unlock, cancellation).ConfigureAwait(false);
            if (!await PutHeaderAsync(store, header.Encode(keys), cancellation).ConfigureAwait(false))
            {
                await store.DeleteAsync(slot, cancellation).ConfigureAwait(false);
                throw new UnusableVaultException(
                    $"somebody else made a vault at {store.Description} at the same time: use that one, or another place");
            }
            // They were there before there was a vault, so they open none; a verification would take them for slots that were altered.
            foreach (var name in left) await store.DeleteAsync(name, cancellation).ConfigureAwait(false);
            return new(store, header, keys, runtime) { OpenedBySlot = slot };
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    /// <summary>Opens a vault: one read for the header, and for a key one more for its slot.</summary>
    /// <param name="store">Owned by the vault from here on; disposed when this fails.</param>
    /// <param name="unlock">The caller disposes it.</param>
    /// <exception cref="UnusableVaultException">It is no vault, one of another version, or the key does not open it.</exception>
    /// <exception cref="DamageException">The header or the key's slot was altered.</exception>
    public static async Task<BackupVault> OpenAsync(
        IObjectStore store, VaultUnlock unlock, VaultRuntime runtime, CancellationToken cancellation)
    {
        store = DamageTellingStore.Around(store);
        byte[]? dataKey = null;
        try
        {
            var bytes = await ReadHeaderAsync(store, cancellation).ConfigureAwait(false);
            var header = VaultHeader.Decode(bytes);
            if (await VaultKeySlots.UnwrapAsync(store, header.VaultId, unlock, cancellation).ConfigureAwait(false) is not { } slot)
            {
                // The right key would be told the same, and its owner go and look for another.
                if (!await VaultKeySlots.AnyAsync(store, cancellation).ConfigureAwait(false))
                    throw new DamageException(ObjectNames.Keys,
                        "there is no key slot, so that no key opens the vault: bring the folder back from a copy");
                throw new UnusableVaultException(
                    $"this {unlock.Noun} does not open the vault at {store.Description}: give the one that it was made with, "
                    + "or its recovery key");
            }
            dataKey = slot.DataKey;
            var keys = new VaultKeys(dataKey, header.VaultId);
            VaultHeader.Verify(bytes, keys);
            return new(store, header, keys, runtime) { OpenedBySlot = slot.Name };
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    private static async Task<byte[]> ReadHeaderAsync(IObjectStore store, CancellationToken cancellation)
    {
        // One byte more than a header has: a longer object is some other thing, and is told so.
        var bytes = new byte[VaultHeader.Size + 1];
        try
        {
            var length = await store.ReadAsync(ObjectNames.Header, 0, bytes, cancellation).ConfigureAwait(false);
            return bytes[..length];
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            // With points it was one, and making a new one in its place would be the worst that its owner could do.
            await foreach (var _ in store.ListAsync(ObjectNames.Points, cancellation).ConfigureAwait(false))
                throw new DamageException(ObjectNames.Header, "is gone, and nothing can be read without it: bring it back from a copy");
            throw new UnusableVaultException(
                $"{store.Description} is not a vault: check the location, or make one there with 'vbackup vault init'");
        }
    }

    /// <summary>What a creation left that was broken off, a key slot and a probe, is in nobody's way.</summary>
    /// <returns>Such key slots. They go when this creation is the one that makes the vault, where that is certain.</returns>
    private static async Task<IReadOnlyList<string>> EnsureEmptyAsync(IObjectStore store, CancellationToken cancellation)
    {
        List<string> left = [];
        if (await store.ExistsAsync(ObjectNames.Header, cancellation).ConfigureAwait(false))
            throw new UnusableVaultException($"there is a vault at {store.Description} already");
        await foreach (var entry in store.ListAsync("", cancellation).ConfigureAwait(false))
        {
            if (entry.Name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal)) left.Add(entry.Name);
            else if (!entry.Name.StartsWith("probe/", StringComparison.Ordinal))
                throw new UnusableVaultException(
                    $"{store.Description} is not empty (it holds {entry.Name}): a vault needs a place of its own");
        }
        // Without it two could make a header each, and each take the other's slot for one that was left.
        return left.Count > 0 && await store.CanCreateOnceAsync(cancellation).ConfigureAwait(false) ? left : [];
    }

    private static async Task<bool> PutHeaderAsync(IObjectStore store, byte[] header, CancellationToken cancellation)
    {
        if (await store.CanCreateOnceAsync(cancellation).ConfigureAwait(false))
            return await store.CreateOnceAsync(ObjectNames.Header, header, cancellation).ConfigureAwait(false);
        if (await store.ExistsAsync(ObjectNames.Header, cancellation).ConfigureAwait(false)) return false;
        await store.PutAsync(ObjectNames.Header, header, cancellation).ConfigureAwait(false);
        return true;
    }
}
