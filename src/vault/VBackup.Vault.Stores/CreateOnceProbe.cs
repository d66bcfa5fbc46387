using System.Security.Cryptography;

namespace VBackup.Vault.Stores;

/// <summary>Finds out whether a store honours create-once: the second of two creations must be refused.</summary>
static class CreateOnceProbe
{
    public static async Task<bool> RunAsync(IObjectStore store, CancellationToken cancellation)
    {
        string name = $"probe/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
        try
        {
            bool first = await store.CreateOnceAsync(name, "first"u8.ToArray(), cancellation).ConfigureAwait(false);
            return first
                && !await store.CreateOnceAsync(name, "second"u8.ToArray(), cancellation).ConfigureAwait(false)
                && (await store.GetAsync(name, 16, cancellation).ConfigureAwait(false)).AsSpan().SequenceEqual("first"u8);
        }
        catch (NotSupportedException)
        {
            return false;
        }
        finally
        {
            await store.DeleteAsync(name, cancellation).ConfigureAwait(false);
        }
    }
}
