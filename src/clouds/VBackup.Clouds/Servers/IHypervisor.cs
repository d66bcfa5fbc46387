namespace VBackup.Clouds.Servers;

/// <summary>
/// Where servers run: lists, starts, stops and defines them, and holds their file systems still. Volumes are somebody else's
/// (<see cref="Volumes.IVolumeStorage"/>). Thread-safe. Every call has a time limit of its own and fails as
/// <see cref="CloudException"/>.
/// </summary>
public interface IHypervisor : IAsyncDisposable
{
    /// <summary>What a user calls it, such as the connection's address.</summary>
    string Description { get; }

    /// <summary>All servers, ordered by name.</summary>
    Task<IReadOnlyList<Server>> ListAsync(CancellationToken cancellation);

    /// <summary>A server by its name; null when there is none.</summary>
    Task<Server?> FindAsync(string name, CancellationToken cancellation);

    /// <summary>The server's configuration, as much as it takes to define it anew.</summary>
    Task<ServerConfiguration> ReadConfigurationAsync(string name, CancellationToken cancellation);

    /// <summary>The disks of a saved configuration that could not be backed up: a new server that is defined from it lacks them.</summary>
    /// <returns>Of a configuration that is none of this hypervisor's: nothing.</returns>
    /// <exception cref="CloudException">It makes no sense.</exception>
    IReadOnlyList<LeftOutDisk> LeftOutOf(ServerConfiguration configuration) => [];

    /// <summary>Defines a new server from a saved configuration, shut down, with a new identity.</summary>
    /// <param name="configuration">As <see cref="ReadConfigurationAsync"/> gave it, perhaps long ago.</param>
    /// <param name="volumes">For each of the saved server's disks that the new one gets, by the disk's name, its volume now.</param>
    /// <exception cref="CloudException">A server of that name exists, or the configuration is none of this hypervisor's.</exception>
    Task<Server> DefineAsync(
        string name, ServerConfiguration configuration, IReadOnlyDictionary<string, Volumes.VolumeId> volumes,
            CancellationToken cancellation);

    /// <summary>Removes a server that is shut down; its volumes stay. Removing one that does not exist is no error.</summary>
    /// <param name="id">Another one that has the name, also since a moment ago, is not touched; null for whichever has it.</param>
    Task RemoveAsync(string name, CancellationToken cancellation, string? id = null);

    /// <summary>Starts a server that is shut down. One that is on already, running or paused, is let be: whoever paused it had a
    /// reason.</summary>
    /// <returns>Whether it was started; false where it was on.</returns>
    Task<bool> StartAsync(string name, CancellationToken cancellation);

    /// <summary>Asks the guest to shut down, and ends it when it has not within <paramref name="patience"/>. One that is shut
    /// down is let be.</summary>
    Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation);

    /// <summary>Throws away what was saved to disk of the memory of a server that is shut down. It belongs to the volumes as they are: the
    /// next start, whoever's it is, would go on with it over whatever they hold by then. One that is on is let be.</summary>
    /// <returns>Whether there was any.</returns>
    Task<bool> DropSavedMemoryAsync(string name, CancellationToken cancellation);

    /// <summary>Asks the guest to bring its file systems to rest and to hold them so.</summary>
    /// <returns>How many are frozen; null when the guest has no agent that answers.</returns>
    /// <exception cref="CloudException">The agent answered that it could not.</exception>
    Task<int?> FreezeAsync(string name, CancellationToken cancellation);

    /// <summary>Whether the guest says that it is frozen now.</summary>
    Task<bool> IsFrozenAsync(string name, CancellationToken cancellation);

    /// <summary>Lets the guest go on. One that is not frozen is let be.</summary>
    /// <returns>How many file systems were let go.</returns>
    Task<int> ThawAsync(string name, CancellationToken cancellation);
}
