using System.Globalization;
using System.Security.Cryptography;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Vault.Format;

namespace VBackup.Cli.Edge;

/// <summary>
/// Rewrites a server's own volumes: the server stands still, the pool has room for what the safety snapshot keeps, a safety
/// snapshot is taken, only what differs is written, everything is read back. Change tracking starts anew afterwards.
/// </summary>
static class InPlaceRestore
{
    const string SafetyPrefix = "safety-";
    static readonly TimeSpan s_stopPatience = TimeSpan.FromMinutes(2);

    /// <returns>What was restored.</returns>
    public static async Task<string> RunAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, IReadOnlyList<VolumeDocument> volumes,
        IReadOnlyList<string> instants, bool stops, Screen screen, CancellationToken cancellation)
    {
        var server = await cloud.FindServerAsync(edge.ServerId, cancellation).ConfigureAwait(false)
            ?? throw new RefusedException($"the server {edge.Server} is gone: restore --to new-server");
        var targets = await InPlaceWriting.CheckAsync(cloud, server, edge, volumes, cancellation).ConfigureAwait(false);
        var ran = server.State is not ServerState.Shutdown;
        if (ran && !stops) throw new RefusedException($"server {server.Name} runs: stop it, or give --stop");
        if (ran) await cloud.Hypervisor.StopAsync(server.Name, s_stopPatience, cancellation).ConfigureAwait(false);

        VolumeId[] all = [.. targets.Select(item => item.Target)];
        var safety = string.Create(CultureInfo.InvariantCulture,
            $"{SafetyPrefix}{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        try
        {
            await InPlaceWriting.ShutOutOthersAsync(cloud, targets, cancellation).ConfigureAwait(false);
            await InPlaceWriting.RequireStillAsync(cloud, server, cancellation).ConfigureAwait(false);
            await cloud.Storage.Snapshots.ReduceToBasesAsync(instants, all, cancellation).ConfigureAwait(false);
            await TakeSafetyAsync(cloud, safety, all, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (ran)
        {
            // Whoever was shut out may have left half of a disk: nobody starts the server on that.
            Aftermath.Add(failure, $"this restore has overwritten nothing; server {server.Name} was stopped for it, and is off");
            throw;
        }
        try
        {
            // From the first byte on, no backup may build on what was before.
            foreach (var old in instants) await cloud.Storage.Snapshots.RemoveAsync(old, all, cancellation).ConfigureAwait(false);
            await InPlaceWriting.WriteAsync(cloud, restore, targets, cancellation).ConfigureAwait(false);
            // Between the last look and now another restore may have begun: the server does not start on what that one writes.
            if (ran) await InPlaceWriting.RequireFreeAsync(cloud, targets, cancellation).ConfigureAwait(false);
        }
        catch (CloudException failure) when (failure.Failure == CloudFailure.InUse)
        {
            // What the volumes hold now is another's; to roll back would undo it.
            Aftermath.Add(failure, $"somebody else has the volumes, and this restore writes nothing more; the snapshot {safety} has them as they were before it: "
                + $"'vbackup edge snapshots release {safety}' gives it up");
            if (ran) Aftermath.Add(failure, $"server {server.Name} was stopped for this restore");
            throw;
        }
        catch (Exception failure)
        {
            Aftermath.Add(failure, $"the volumes are partly overwritten; the snapshot {safety} has them as they were: "
                + $"'vbackup edge snapshots rollback {safety}' brings them back");
            if (ran) Aftermath.Add(failure, $"server {server.Name} was stopped for this restore");
            throw;
        }
        screen.Line($"the snapshot {safety} has the volumes as they were: 'vbackup edge snapshots release {safety}' gives it up");
        if (ran) await cloud.Hypervisor.StartAsync(server.Name, cancellation).ConfigureAwait(false);
        return $"server {server.Name}";
    }

    static async Task TakeSafetyAsync(EdgeCloud cloud, string safety, IReadOnlyList<VolumeId> all, CancellationToken cancellation)
    {
        try
        {
            await cloud.Storage.Snapshots.TakeAsync(safety, all, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            try
            {
                await cloud.Storage.Snapshots.RemoveAsync(safety, all, CancellationToken.None).ConfigureAwait(false);
            }
            catch (CloudException second)
            {
                Aftermath.Add(failure, $"nothing was overwritten; what there is of the snapshot {safety} could not be removed "
                    + $"({second.Message}): 'vbackup edge snapshots release {safety}' does so");
            }
            throw;
        }
    }
}
