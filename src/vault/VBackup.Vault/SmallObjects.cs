using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>Reads objects that are read whole.</summary>
internal static class SmallObjects
{
    /// <exception cref="DamageException">It is longer than such objects can be: nobody stored it so.</exception>
    public static async Task<byte[]> GetAsync(IObjectStore store, string name, int lengthMax, CancellationToken cancellation)
    {
        try
        {
            return await store.GetAsync(name, lengthMax, cancellation).ConfigureAwait(false);
        }
        catch (StoreException tooLong) when (tooLong.Failure == StoreFailure.TooLong)
        {
            throw new DamageException(name, tooLong.Reason, tooLong);
        }
    }
}
