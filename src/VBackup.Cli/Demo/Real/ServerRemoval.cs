using VBackup.Cli.Edge;
using VBackup.Clouds.Volumes;
using VBackup.Edge;

namespace VBackup.Cli.Demo.Real;

/// <summary>Removes a server that the demo made, with its volumes and their snapshots.</summary>
static class ServerRemoval
{
    static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(20);

    /// <summary>What is not there is passed over. It goes to its end also when the demo was stopped.</summary>
    public static async Task RunAsync(EdgeCloud cloud, string server, IReadOnlyList<VolumeId> volumes)
    {
        await cloud.Hypervisor.StopAsync(server, s_stopLimit, CancellationToken.None).ConfigureAwait(false);
        await cloud.Hypervisor.RemoveAsync(server, CancellationToken.None).ConfigureAwait(false);
        List<VolumeId> there = [];
        foreach (var volume in volumes)
            if (await cloud.Storage.FindLengthAsync(volume, CancellationToken.None).ConfigureAwait(false) is not null) there.Add(volume);
        foreach (var instant in await cloud.Storage.Snapshots.ListAsync(there, CancellationToken.None).ConfigureAwait(false))
            await cloud.Storage.Snapshots.RemoveAsync(instant.Name, instant.Volumes, CancellationToken.None).ConfigureAwait(false);
        foreach (var volume in there) await cloud.Storage.RemoveAsync(volume, CancellationToken.None).ConfigureAwait(false);
    }
}
