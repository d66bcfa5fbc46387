using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>Refuses whatever would change something, as a read-only mount does, or credentials that may only read.</summary>
internal sealed class ReadOnlyStore(IObjectStore inner) : DecoratingStore(inner)
{
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        operation is StoreOperation.Put or StoreOperation.CreateOnce or StoreOperation.OpenWriter or StoreOperation.Delete
            ? throw new StoreException(StoreFailure.Refused, "put", name, "may only be read")
            : run(cancellation);
}
