using System.Globalization;
using VBackup.Clouds.Ceph;
using VBackup.Clouds.Libvirt;
using VBackup.Clouds.Volumes;

namespace VBackup.Bench;

/// <summary>What holding a guest is made of, each part alone: the agent's freeze and thaw with nothing between, and the snapshot of its
/// volumes while the guest goes on. A line of JSON a round, in milliseconds.</summary>
internal static class HoldPartsBench
{
    public static async Task<int> RunAsync(string uri, string server, CephSettings ceph, int rounds)
    {
        await using var hypervisor = new LibvirtHypervisor(new LibvirtSettings(uri), TimeProvider.System);
        await using var storage = new CephStorage(ceph);
        var found = await hypervisor.FindAsync(server, default) ?? throw new ArgumentException($"there is no server {server}");
        VolumeId[] volumes = [.. found.Disks.Select(disk => disk.Volume)];
        // The first round warms up and is not told.
        for (var round = 0; round <= rounds; round++)
        {
            var freeze = await TimedAsync(() => hypervisor.FreezeAsync(server, default));
            var thaw = await TimedAsync(() => hypervisor.ThawAsync(server, default));
            var name = string.Create(CultureInfo.InvariantCulture, $"bench-{Environment.ProcessId}-{round}");
            var prepared = await storage.Snapshots.PrepareAsync(name, volumes, default);
            try
            {
                var snapshot = await TimedAsync(() => prepared.TakeAsync(default));
                if (round > 0)
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"{{\"freeze\":{freeze:f1},\"snapshot\":{snapshot:f1},\"thaw\":{thaw:f1}}}"));
            }
            finally
            {
                await storage.Snapshots.RemoveAsync(name, volumes, default);
            }
        }
        return 0;
    }

    private static async Task<double> TimedAsync(Func<Task> work)
    {
        var start = TimeProvider.System.GetTimestamp();
        await work();
        return TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
    }
}
