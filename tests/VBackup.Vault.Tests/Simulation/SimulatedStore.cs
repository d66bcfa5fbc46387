using System.Runtime.CompilerServices;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>
/// One actor's way to the store. Every operation waits for its turn. A listing takes several looks, each in a turn of its own:
/// page by page, or each name at a moment of its own.
/// </summary>
internal sealed class SimulatedStore(SimulatedWorld world, Actor actor, StoreView view) : IObjectStore
{
    private Random Random => world.Scheduler.Random;

    public string Description => "simulation";

    public Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var copy = content.ToArray();
        Announce(name);
        return TurnAsync("put", name, () =>
        {
            view.Put(name, copy);
            return "";
        });
    }

    /// <summary>A put is about to wait for its turn.</summary>
    private void Announce(string name)
    {
        if (name.StartsWith(ObjectNames.Points, StringComparison.Ordinal)) world.Truth.Expect(name, actor.Publishing);
        if (ObjectNames.TryParseSession(name, out _, out var suffix) && suffix.Length == 0
            || ObjectNames.TryParseCollector(name, out _)) actor.Registered = name;
        view.PutBegins(name);
    }

    public Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var copy = content.ToArray();
        return TurnAsync("create", name, () => view.CreateOnce(name, copy));
    }

    public Task<bool> CanCreateOnceAsync(CancellationToken cancellation) => Task.FromResult(true);

    // Nobody sees what is not committed, so opening and appending are no steps.
    public async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) =>
        new Writer(this, name, await world.Store.OpenWriterAsync(name, cancellation));

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        new(TurnAsync("read", name, () =>
        {
            var content = Found("read", name);
            var part = content.AsSpan((int)Math.Min(offset, content.Length));
            part = part[..Math.Min(part.Length, buffer.Length)];
            part.CopyTo(buffer.Span);
            return part.Length;
        }));

    public ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation) =>
        new(TurnAsync("tail", name, () =>
        {
            var content = view.FindTail(name) ?? throw Missing("read", name);
            var tail = content.AsSpan(Math.Max(0, content.Length - buffer.Length));
            tail.CopyTo(buffer.Span);
            return (tail.Length, (long)content.Length);
        }));

    public Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation) =>
        TurnAsync("get", name, () => Found("read", name));

    public Task<bool> ExistsAsync(string name, CancellationToken cancellation) =>
        TurnAsync("exists", name, () => view.Exists(name));

    public async IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        view.ListingIsWanted(prefix);
        if (Random.Next(2) == 0)
        {
            var pageSize = Random.Next(1, 4);
            var last = "";
            for (var number = 0; ; number++)
            {
                var (page, after) = (number, last);
                var entries = await TurnAsync("list", prefix, () => LookAtPage(prefix, page, after, pageSize));
                foreach (var entry in entries) yield return entry;
                if (entries.Count < pageSize) yield break;
                last = entries[^1].Name;
            }
        }
        List<ObjectEntry> all = [];
        var looks = Random.Next(1, 5);
        var salt = (uint)Random.Next();
        for (var number = 0; number < looks; number++)
        {
            var look = number;
            all.AddRange(await TurnAsync("look", prefix, () => LookAtSome(prefix, look, looks, salt)));
        }
        all.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        foreach (var entry in all) yield return entry;
    }

    private List<ObjectEntry> LookAtPage(string prefix, int page, string after, int pageSize)
    {
        if (page == 0) view.ListingBegins(prefix);
        var entries = Entries(view.Names(prefix).Where(name => string.CompareOrdinal(name, after) > 0).Take(pageSize));
        if (entries.Count < pageSize) view.ListingEnds(prefix);
        return entries;
    }

    private List<ObjectEntry> LookAtSome(string prefix, int look, int looks, uint salt)
    {
        if (look == 0) view.ListingBegins(prefix);
        var entries = Entries(view.Names(prefix).Where(name => Hash(name, salt) % (uint)looks == look));
        if (look == looks - 1) view.ListingEnds(prefix);
        return entries;
    }

    private List<ObjectEntry> Entries(IEnumerable<string> names) =>
        [.. names.Select(name => new ObjectEntry(name, view.Find(name)?.Length ?? 0))];

    // FNV-1a: the same on every run, unlike string.GetHashCode.
    private static uint Hash(string name, uint salt)
    {
        var hash = 2166136261u ^ salt;
        foreach (var letter in name) hash = (hash ^ letter) * 16777619u;
        return hash ^ hash >> 15;
    }

    public Task DeleteAsync(string name, CancellationToken cancellation) => TurnAsync("delete", name, () =>
    {
        view.Delete(name);
        return "";
    });

    public async IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var item in await TurnAsync("list", "unfinished", world.Unfinished)) yield return item;
    }

    public Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation) =>
        TurnAsync("discard", unfinished.Name, () =>
        {
            SimulatedWorld.Now(world.Store.DiscardUnfinishedAsync(unfinished, default));
            return "";
        });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<T> TurnAsync<T>(string verb, string name, Func<T> apply) => world.Scheduler.TurnAsync(actor, verb, name, apply);

    private byte[] Found(string verb, string name) =>
        view.Find(name) ?? throw Missing(verb, name);

    private static StoreException Missing(string verb, string name) => new(StoreFailure.NotFound, verb, name, "no such object");

    private sealed class Writer(SimulatedStore store, string name, IObjectWriter inner) : IObjectWriter
    {
        private bool _wasSent;

        public long Length => inner.Length;

        public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) => inner.AppendAsync(piece, cancellation);

        public async ValueTask CommitAsync(CancellationToken cancellation)
        {
            _wasSent = true;
            store.Announce(name);
            try
            {
                await store.TurnAsync("commit", name, () =>
                {
                    store.Commit(inner, name);
                    return "";
                });
            }
            catch (StoreException)
            {
                store.CommitFailed(name);
                throw;
            }
        }

        // A commit that was sent and is still on its way must find the pieces as they were.
        public ValueTask DisposeAsync() => _wasSent ? ValueTask.CompletedTask : inner.DisposeAsync();
    }

    private void Commit(IObjectWriter writer, string name) => view.Commit(writer, name);

    private void CommitFailed(string name) => view.PutFailed(name);
}
