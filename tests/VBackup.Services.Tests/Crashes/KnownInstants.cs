using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.Crashes;

/// <param name="Identity">No other one's, whatever it is called.</param>
sealed record KnownInstant(string Identity, bool WasFrozen, IReadOnlyDictionary<string, byte[]> Contents);

/// <summary>What the server's volumes held at each instant that was taken: noted at that moment, by nobody whom this tests.</summary>
sealed class KnownInstants(IVolumeStorage storage, string folder, SimulatedGuest guest)
{
    readonly Dictionary<string, KnownInstant> _known = [];

    public KnownInstant this[string instant] => _known[instant];

    /// <summary>One was taken; or it was there already, and stays what it was.</summary>
    public async Task NoteAsync(string name, VolumeId any)
    {
        var identity = await storage.Snapshots.FindIdentityAsync(name, any, default)
            ?? throw new SimulationFailure($"{name} was not taken");
        if (!_known.TryGetValue(name, out var known) || known.Identity != identity) 
            _known[name] = new(identity, guest.IsFrozen, guest.Contents());
    }

    /// <summary>Makes it what the lab cloud has when somebody died while he took or removed one.</summary>
    public void Tear(string name)
    {
        var whole = Path.Combine(folder, name, "instant.json");
        if (File.Exists(whole)) File.Move(whole, Path.Combine(folder, name, "taking.json"), overwrite: true);
    }

    /// <summary>All that the storage has, also what is torn.</summary>
    public IReadOnlyList<string> OnStorage =>
        [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public bool IsWhole(string name) => File.Exists(Path.Combine(folder, name, "instant.json"));
}
