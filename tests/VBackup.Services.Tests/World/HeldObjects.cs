using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.World;

/// <summary>What all stores of a world hold, by name, and the stores around the world's folders that keep to it.</summary>
sealed class HeldObjects(TimeProvider clock)
{
    readonly Dictionary<string, DateTimeOffset> _until = [];

    /// <summary>Whether the stores say that they can hold.</summary>
    public bool CanHold { get; set; } = true;

    /// <summary>What the stores say of who wants to hold something; null when he may.</summary>
    public string? Refusal { get; set; }

    public DateTimeOffset? Of(string name)
    {
        lock (_until) return _until.TryGetValue(name, out var until) ? until : null;
    }

    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_until) return [.. _until.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>What somebody leaves of a store's folder who deletes all that he can.</summary>
    public void DestroyOthers(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            if (!(Of(Path.GetRelativePath(folder, file)) > clock.GetUtcNow())) File.Delete(file);
    }

    public IObjectStore Around(IObjectStore store) => new Store(store, this, clock);

    sealed class Store(IObjectStore inner, HeldObjects held, TimeProvider clock) : DecoratingStore(inner)
    {
        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => run(cancellation);

        public override Task<bool> CanHoldAsync(CancellationToken cancellation) => Task.FromResult(held.CanHold);

        public override Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation) => Task.FromResult(held.Of(name));

        public override async Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation)
        {
            if (!await Inner.ExistsAsync(name, cancellation))
                throw new StoreException(StoreFailure.NotFound, "hold", name, "no such object");
            if (held.Refusal is { } refusal) throw new StoreException(StoreFailure.Refused, "hold", name, refusal);
            if (until <= clock.GetUtcNow()) return;
            lock (held._until)
                if (!held._until.TryGetValue(name, out var now) || now < until) held._until[name] = until;
        }

        public override Task DeleteAsync(string name, CancellationToken cancellation) => held.Of(name) > clock.GetUtcNow()
            ? Task.FromException(new StoreException(StoreFailure.Held, "delete", name, "it is held"))
            : Inner.DeleteAsync(name, cancellation);
    }
}
