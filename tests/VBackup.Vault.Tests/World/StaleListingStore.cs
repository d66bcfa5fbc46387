using System.Runtime.CompilerServices;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>Lists an object that it does not have until somebody deletes it, as a bucket's index does after a loss.</summary>
internal sealed class StaleListingStore(IObjectStore inner, string name) : DecoratingStore(inner)
{
    private bool _isListed = true;

    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string objectName, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        if (operation == StoreOperation.Delete && objectName == name) _isListed = false;
        return run(cancellation);
    }

    public override async IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var isDue = _isListed && name.StartsWith(prefix, StringComparison.Ordinal);
        await foreach (var entry in Inner.ListAsync(prefix, cancellation))
        {
            if (isDue && string.CompareOrdinal(name, entry.Name) < 0)
            {
                isDue = false;
                yield return new(name, 1000);
            }
            yield return entry;
        }
        if (isDue) yield return new(name, 1000);
    }
}
