namespace VBackup.Clouds.Ceph;

/// <summary>
/// What a call that stands still may wait for: the objects that it has asked disks for, or the monitors. Finds out which of them gives no
/// answer by asking each once more. Thread-safe.
/// </summary>
internal sealed class AskedObjects
{
    // Each asks with threads of its own. What was asked for last is what is waited for.
    private const int CountMax = 8;
    // Whoever answers at all does so far sooner; and whoever is told of it has waited long enough.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly Lock _state = new();
    private readonly List<Place> _places = [];

    private sealed record Place(CephConnection Connection, string Pool, string Namespace, string Name);

    public void Add(CephConnection connection, string pool, string @namespace, params ReadOnlySpan<string> names)
    {
        lock (_state)
        {
            foreach (var name in names)
            {
                var place = new Place(connection, pool, @namespace, name);
                _places.Remove(place);
                _places.Add(place);
            }
            _places.RemoveRange(0, Math.Max(0, _places.Count - CountMax));
        }
    }

    /// <summary>Waits for two seconds at most.</summary>
    /// <returns>For people; null when all answer by now, or what is waited for is none of these.</returns>
    public async Task<string?> FindSilentAsync(TimeProvider clock)
    {
        Place[] places;
        lock (_state) places = [.. _places];
        // A call that has asked no disk yet connects, or looks at what the monitors know.
        if (places.Length == 0) return "the monitors";
        var asked = places.Select(place => (place.Pool, IsThere: Began(() => place.Connection.HasObject(place.Pool, place.Namespace,
            place.Name)), Disk: Began(() => place.Connection.DiskOf(place.Pool, place.Namespace, place.Name)))).ToList();
        await Task.WhenAll(asked.SelectMany(one => (Task[])[one.IsThere, one.Disk])).WaitAsync(s_patience, clock)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        SortedSet<string> silent = [];
        foreach (var (pool, isThere, disk) in asked.Where(one => !one.IsThere.IsCompleted))
        {
            var name = disk.IsCompletedSuccessfully ? await disk.ConfigureAwait(false) : "a disk";
            silent.Add($"{name} of the pool {pool}");
        }
        if (silent.Count > 0) return string.Join(" and ", silent);
        return asked.Exists(one => !one.Disk.IsCompleted) ? "the monitors" : null;
    }

    // A disk that hangs keeps the thread until its time limit.
    private static Task<T> Began<T>(Func<T> ask)
    {
        var asking = Task.Factory.StartNew(
            ask, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        // Nobody waits for one that fails late.
        _ = asking.ContinueWith(static failed => failed.Exception, CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return asking;
    }
}
