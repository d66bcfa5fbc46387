using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Holding;

/// <summary>What the store holds cannot be deleted before its time. That is an answer, and no failure: whoever tidies passes it over, as
/// if he had come too early.</summary>
internal static class HeldObjects
{
    /// <returns>False when it is held, and stays. No delete of it is in doubt then.</returns>
    public static async Task<bool> TryDeleteAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            await store.DeleteAsync(name, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (StoreException held) when (held.Failure == StoreFailure.Held)
        {
            return false;
        }
    }

    /// <summary>Those of some packs that are held now.</summary>
    public static async Task<HashSet<ObjectId>> FindPacksAsync(
        BackupVault vault, IEnumerable<ObjectId> packs, CancellationToken cancellation)
    {
        HashSet<ObjectId> held = [];
        List<ObjectId> asked = [.. packs];
        if (asked.Count == 0 || !await vault.Store.CanHoldAsync(cancellation).ConfigureAwait(false)) return held;
        var now = vault.Clock.GetUtcNow();
        await Bounded.ForEachAsync(asked, vault.Runtime.ReadsInFlight, async pack =>
        {
            if (await FindAsync(vault.Store, ObjectNames.Pack(pack), cancellation).ConfigureAwait(false) > now)
                lock (held) held.Add(pack);
        }).ConfigureAwait(false);
        return held;
    }

    /// <returns>Null for one that is not there, too.</returns>
    public static async Task<DateTimeOffset?> FindAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        try
        {
            return await store.FindHoldAsync(name, cancellation).ConfigureAwait(false);
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            return null;
        }
    }
}
