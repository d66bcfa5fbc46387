namespace VBackup.Vault;

/// <summary>Runs asynchronous work for many items, a few at once, on the caller's own thread between awaits.</summary>
internal static class Bounded
{
    /// <summary>Awaits <paramref name="work"/> for every item, at most <paramref name="atOnce"/> at a time. The first error
    /// stops the others from starting.</summary>
    public static async Task ForEachAsync<T>(IEnumerable<T> items, int atOnce, Func<T, Task> work)
    {
        using var source = items.GetEnumerator();
        var failed = false;
        var workers = new Task[Math.Max(1, atOnce)];
        for (var i = 0; i < workers.Length; i++) workers[i] = WorkAsync();
        await Task.WhenAll(workers).ConfigureAwait(false);

        async Task WorkAsync()
        {
            while (!failed && TryTake(out var item))
            {
                try
                {
                    await work(item).ConfigureAwait(false);
                }
                catch
                {
                    failed = true;
                    throw;
                }
            }
        }

        bool TryTake(out T item)
        {
            lock (source)
            {
                var any = source.MoveNext();
                item = any ? source.Current : default!;
                return any;
            }
        }
    }
}
