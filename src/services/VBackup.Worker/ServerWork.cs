using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;

namespace VBackup.Worker;

/// <summary>Servers are stopped for a restore in place, and started after it.</summary>
static class ServerWork
{
    static readonly TimeSpan s_stopPatience = TimeSpan.FromMinutes(2);

    /// <summary>Not where what it is stopped for could not begin: volumes are missing, are others or have other sizes now, or may not be
    /// written.</summary>
    /// <param name="tellItRuns">Returns when whoever gave the task knows, and it is still to be done.</param>
    public static async Task<ServerResult> StopAsync(
        EdgeCloud cloud, VaultOpening vaults, ServerOrder order, WorkSecrets secrets, Func<Task> tellItRuns,
        CancellationToken cancellation)
    {
        if (order.ToRestore is { } restore)
            await ImportWork.RequirePossibleAsync(cloud, vaults, restore, secrets, cancellation).ConfigureAwait(false);
        var server = await FindAsync(cloud, order, cancellation).ConfigureAwait(false);
        if (server.State == ServerState.Shutdown) return new(WasRunning: false);
        // A service of an earlier version names the disks alone.
        foreach (var disk in server.Disks.Where(disk => order.ToRestore is null && order.ToOverwrite?.Contains(disk.Name) == true))
            await InPlaceWriting.RequireWritableAsync(cloud, disk.Volume, cancellation).ConfigureAwait(false);
        await tellItRuns().ConfigureAwait(false);
        await cloud.Hypervisor.StopAsync(server.Name, s_stopPatience, cancellation).ConfigureAwait(false);
        return new(WasRunning: true);
    }

    public static async Task<ServerResult> StartAsync(EdgeCloud cloud, ServerOrder order, CancellationToken cancellation)
    {
        var server = await FindAsync(cloud, order, cancellation).ConfigureAwait(false);
        // The restore left it shut down: it is on because somebody else has started it, and a pause is his, too.
        if (server.State is ServerState.Running or ServerState.Paused) return new(WasRunning: true);
        await RequireFreeAsync(cloud, server, order, cancellation).ConfigureAwait(false);
        await RequireWholeAsync(cloud, server, cancellation).ConfigureAwait(false);
        return new(WasRunning: !await cloud.Hypervisor.StartAsync(server.Name, cancellation).ConfigureAwait(false));
    }

    // Since the volumes were written, another restore may have begun: no server starts on what that one writes. A volume that was not
    // overwritten is to be free too.
    static async Task RequireFreeAsync(EdgeCloud cloud, Server server, ServerOrder order, CancellationToken cancellation)
    {
        VolumeId[] overwritten = [.. (order.Overwritten ?? []).Select(volume => new VolumeId(volume))];
        await InPlaceWriting.RequireFreeNowAsync(cloud, overwritten, order.Claim, cancellation).ConfigureAwait(false);
        await InPlaceWriting.RequireFreeNowAsync(
            cloud, server.Disks.Select(disk => disk.Volume).Except(overwritten), claim: null, cancellation).ConfigureAwait(false);
    }

    // Another restore, or a roll back, may have died in mid-write while this one had the server stopped.
    static async Task RequireWholeAsync(EdgeCloud cloud, Server server, CancellationToken cancellation)
    {
        var unfinished = await UnfinishedRestores.FindAsync(cloud.Storage, server.Disks.Select(disk => disk.Volume), cancellation)
            .ConfigureAwait(false);
        if (unfinished.Count > 0) throw new RefusedException($"{UnfinishedRestores.Describe(unfinished)}: restore again, or roll back");
    }

    static async Task<Server> FindAsync(EdgeCloud cloud, ServerOrder order, CancellationToken cancellation) =>
        await cloud.FindServerAsync(order.Server.Id, cancellation).ConfigureAwait(false)
        ?? throw new RefusedException($"the server {order.ServerName} is gone");

    /// <summary>All servers as they are now.</summary>
    public static async Task<IReadOnlyList<ServerView>> ListAsync(EdgeCloud cloud, CancellationToken cancellation)
    {
        List<ServerView> views = [];
        var volumes = await ListedVolumes.BeginAsync(cloud.Storage, cancellation).ConfigureAwait(false);
        foreach (var server in await cloud.Hypervisor.ListAsync(cancellation).ConfigureAwait(false))
        {
            List<DiskView> disks = [];
            foreach (var disk in server.Disks)
            {
                var size = await volumes.LookAsync(storage => storage.FindSizeAsync(disk.Volume, cancellation), leftOut: null)
                    .ConfigureAwait(false);
                disks.Add(new(disk.Name, disk.Volume.Value, size?.LengthBytes, size?.AllocatedBytes));
            }
            views.Add(new(server.Id, server.Name, ServerStateName.Of(server.State), disks));
        }
        volumes.RequireSome();
        return views;
    }
}
