using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>
/// Copies of what opens a vault, locked with something that is not in it. One is wanted, in a form that its owner chooses. It has a name
/// by its content, because a store that holds objects shows the first content of a name as long as it holds that. Where points are held,
/// it is held as long as they are.
/// </summary>
public static class LockedKeys
{
    const int SizeMax = 4096;

    /// <summary>Sees to it that the vault has this copy, beside any others.</summary>
    public static async Task EnsureAsync(BackupVault vault, byte[] copy, CancellationToken cancellation)
    {
        var name = ObjectNames.LockedKeyOf(copy);
        if (await FindAsync(vault.Store, name, cancellation).ConfigureAwait(false) is not { } there || !there.AsSpan().SequenceEqual(copy))
        {
            await vault.Store.PutAsync(name, copy, cancellation).ConfigureAwait(false);
            await CatalogueHold.RequireFirstAsync(vault, name, copy, cancellation).ConfigureAwait(false);
        }
        await PointHold.HoldBesideAsync(vault, name, cancellation).ConfigureAwait(false);
    }

    /// <summary>No other copy stays, but those that the store holds. REQUIRES: it has this one.</summary>
    public static async Task DeleteOthersAsync(BackupVault vault, byte[] copy, CancellationToken cancellation)
    {
        var kept = ObjectNames.LockedKeyOf(copy);
        foreach (var name in await ListAsync(vault.Store, cancellation).ConfigureAwait(false))
            if (name != kept) await HeldObjects.TryDeleteAsync(vault.Store, name, cancellation).ConfigureAwait(false);
    }

    /// <summary>All copies, of which somebody may have put some who cannot lock any. The vault need not be opened for it.</summary>
    public static async Task<IReadOnlyList<byte[]>> ReadAllAsync(IObjectStore store, CancellationToken cancellation)
    {
        List<byte[]> copies = [];
        foreach (var name in await ListAsync(store, cancellation).ConfigureAwait(false))
            if (await FindAsync(store, name, cancellation).ConfigureAwait(false) is { } copy) copies.Add(copy);
        return copies;
    }

    internal static async Task<List<string>> ListAsync(IObjectStore store, CancellationToken cancellation)
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync(ObjectNames.Catalogues, cancellation).ConfigureAwait(false))
            if (ObjectNames.IsLockedKey(entry.Name)) names.Add(entry.Name);
        return names;
    }

    static async Task<byte[]?> FindAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            return await store.GetAsync(name, SizeMax, cancellation).ConfigureAwait(false);
        }
        catch (Exception none) when (none is StoreException { Failure: StoreFailure.NotFound or StoreFailure.TooLong } or DamageException)
        {
            return null; // There is none, or what is there is none of ours.
        }
    }
}
