using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>Refuses whatever would change something, as a read-only mount does, credentials that may only read, or a full
/// disk.</summary>
internal sealed class ReadOnlyStore(IObjectStore inner, StoreFailure failure = StoreFailure.Refused) : DecoratingStore(inner)
{
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        operation is StoreOperation.Put or StoreOperation.CreateOnce or StoreOperation.OpenWriter or StoreOperation.Delete
            ? throw new StoreException(failure, "put", name, "may only be read")
            : run(cancellation);
}
