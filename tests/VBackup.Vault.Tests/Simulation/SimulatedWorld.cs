using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>One store, who works on it, and what is true of it.</summary>
internal sealed class SimulatedWorld
{
    public SimulatedWorld(int seed)
    {
        Scheduler = new(seed);
        Raw = Vault(Store);
        Truth = new(Raw);
    }

    public MemoryStore Store { get; } = new();
    public Scheduler Scheduler { get; }
    public Truth Truth { get; }

    /// <summary>The vault without any simulation: everything happens at once.</summary>
    public TestVault Raw { get; }

    /// <summary>The vault over one actor's way to the store.</summary>
    public TestVault Vault(IObjectStore store) => TestVault.Over(store, with: runtime => runtime with
    {
        Clock = Scheduler.Clock,
        TemporaryFolder = s_temporaryFolder,
        PollInterval = TimeSpan.FromSeconds(20),
        RecentChunks = 64,
        // More than there are packs: a semaphore that is waited for goes on in the thread pool.
        PackCommitsInFlight = 1000,
        PackChecksAtOnce = 1,
        PacksPerIndexFlush = 2,
        PackSizeTarget = 8 * 1024,
        IndexFilterSizeMax = 8 * 1024,
        LiveFilterSizeMax = 8 * 1024,
        Identity = new("simulation", "", 0, 0),
        FillRandom = Scheduler.Random.NextBytes,
    });

    /// <summary>Every point's volume, as it was.</summary>
    public List<RepairSource> Sources() => [.. Truth.Points.Select(point => new RepairSource("disk", point.Content.Length,
        (offset, buffer, _) =>
        {
            point.Content.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
            return ValueTask.CompletedTask;
        }))];

    // Index objects are spooled to files; where memory serves as a folder, that costs next to nothing.
    private static readonly string s_temporaryFolder = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    /// <summary>Every object that was ever there, as it was last.</summary>
    public SortedDictionary<string, byte[]> Ever { get; } = new(StringComparer.Ordinal);

    public byte[]? Find(string name) => Exists(name) ? Now(Store.GetAsync(name, int.MaxValue, default)) : null;

    public bool Exists(string name) => Now(Store.ExistsAsync(name, default));

    public List<string> Names(string prefix)
    {
        List<string> names = [];
        var listing = Store.ListAsync(prefix, default).GetAsyncEnumerator();
        while (Now(listing.MoveNextAsync().AsTask())) names.Add(listing.Current.Name);
        return names;
    }

    public List<UnfinishedObject> Unfinished()
    {
        List<UnfinishedObject> found = [];
        var listing = Store.ListUnfinishedAsync(default).GetAsyncEnumerator();
        while (Now(listing.MoveNextAsync().AsTask())) found.Add(listing.Current);
        return found;
    }

    public void Put(string name, byte[] content)
    {
        Now(Store.PutAsync(name, content, default));
        WasPut(name, content);
    }

    public bool CreateOnce(string name, byte[] content)
    {
        if (!Now(Store.CreateOnceAsync(name, content, default))) return false;
        WasPut(name, content);
        return true;
    }

    public void Commit(IObjectWriter writer, string name)
    {
        Now(writer.CommitAsync(default).AsTask());
        WasPut(name, Find(name)!);
    }

    public void WasPut(string name, byte[] content)
    {
        Ever[name] = content;
        Truth.WasPut(name, content);
    }

    public void Delete(string name)
    {
        Now(Store.DeleteAsync(name, default));
        Truth.WasDeleted(name);
    }

    /// <summary>The result of work on a store in memory, which is done when it returns.</summary>
    public static T Now<T>(Task<T> task)
    {
        if (!task.IsCompleted) throw new SimulationFailure("what should be done at once is not");
        // Nobody waits: the task is done.
        var done = task.GetAwaiter();
        return done.GetResult();
    }

    public static void Now(Task task)
    {
        if (!task.IsCompleted) throw new SimulationFailure("what should be done at once is not");
        var done = task.GetAwaiter();
        done.GetResult();
    }
}
