using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>Creates an object as often as it is asked to, as Ceph does in a bucket that keeps versions.</summary>
internal sealed class ForgetfulStore(IObjectStore inner) : DecoratingStore(inner)
{
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        run(cancellation);

    public override async Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await Inner.PutAsync(name, content, cancellation);
        return true;
    }

    public override Task<bool> CanCreateOnceAsync(CancellationToken cancellation) => Task.FromResult(false);
}
