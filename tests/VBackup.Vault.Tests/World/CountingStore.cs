using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>Notes which ranges of which objects were read.</summary>
internal sealed class CountingStore(IObjectStore inner) : DecoratingStore(inner)
{
    private readonly Lock _lock = new();

    public List<(string Name, long Offset, int Length)> Reads { get; } = [];

    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        run(cancellation);

    public override async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        var read = await Inner.ReadAsync(name, offset, buffer, cancellation);
        lock (_lock) Reads.Add((name, offset, read));
        return read;
    }
}
