using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>A store with room for so many bytes, those of unfinished objects included.</summary>
internal sealed class QuotaStore(IObjectStore inner) : DecoratingStore(inner)
{
    private readonly Dictionary<string, long> _unfinished = [];

    public long QuotaBytes { get; set; } = long.MaxValue;

    public async Task<long> UsedBytesAsync()
    {
        var used = _unfinished.Values.Sum();
        await foreach (var entry in Inner.ListAsync("", default)) used += entry.LengthBytes;
        return used;
    }

    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        if (operation is StoreOperation.Put or StoreOperation.Append or StoreOperation.CreateOnce
            && await UsedBytesAsync() + sentBytes > QuotaBytes)
        {
            // Whoever is told so discards what it had begun.
            _unfinished.Remove(name);
            throw new StoreException(StoreFailure.Full, "write", name, "no space left");
        }
        var result = await run(cancellation);
        if (operation == StoreOperation.Append) _unfinished[name] = _unfinished.GetValueOrDefault(name) + sentBytes;
        else if (operation == StoreOperation.Commit) _unfinished.Remove(name);
        return result;
    }
}
