using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.Crashes;

/// <summary>The guest of the one server: writes to its volumes while it runs and is not frozen, and knows what they are to hold.</summary>
sealed class SimulatedGuest(
    IHypervisor hypervisor, string server, IReadOnlyList<string> volumes, Func<string, string> pathOf, TimeProvider clock)
{
    /// <summary>A watchdog beside the hypervisor lets a guest go that was held for longer.</summary>
    public static readonly TimeSpan HeldMax = TimeSpan.FromSeconds(5);

    const int PageSize = 4096;
    DateTimeOffset? _frozenAt;
    Dictionary<string, byte[]>? _known;

    public bool IsRunning => _known is not null;

    public bool IsFrozen => _frozenAt is { } since && clock.GetUtcNow() - since < HeldMax;

    /// <summary>What its volumes held when it was started last.</summary>
    public IReadOnlyDictionary<string, byte[]>? Started { get; private set; }

    /// <returns>Null when it does not run.</returns>
    public int? Freeze()
    {
        if (!IsRunning) return null;
        _frozenAt = clock.GetUtcNow();
        return volumes.Count;
    }

    public int Thaw()
    {
        var was = IsFrozen ? volumes.Count : 0;
        _frozenAt = null;
        return was;
    }

    /// <summary>Its hypervisor may have started or ended it.</summary>
    public async Task LookAsync()
    {
        var runs = await hypervisor.FindAsync(server, default) is { State: ServerState.Running };
        if (runs == IsRunning) return;
        (_known, _frozenAt) = (runs ? Contents() : null, null);
        if (_known is not null) Started = Contents();
    }

    public Dictionary<string, byte[]> Contents() => volumes.ToDictionary(volume => volume, volume => File.ReadAllBytes(pathOf(volume)));

    /// <summary>Writes some pages, unless it is held still.</summary>
    public void Write(Random random)
    {
        if (_known is null || IsFrozen) return;
        RequireUndisturbed();
        for (var left = random.Next(1, 5); left > 0; left--)
        {
            var volume = volumes[random.Next(volumes.Count)];
            var content = _known[volume];
            var page = content.AsSpan(random.Next(content.Length / PageSize) * PageSize, PageSize);
            random.NextBytes(page);
            File.WriteAllBytes(pathOf(volume), content);
        }
    }

    /// <summary>Of a server that runs, nobody else writes the volumes.</summary>
    public void RequireUndisturbed()
    {
        foreach (var (volume, content) in _known ?? [])
            if (!File.ReadAllBytes(pathOf(volume)).AsSpan().SequenceEqual(content))
                throw new SimulationFailure($"somebody has written to {volume} while its server runs");
    }
}

/// <summary>Something holds that must not.</summary>
sealed class SimulationFailure(string message, Exception? cause = null) : Exception(message, cause);
