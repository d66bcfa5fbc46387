using System.Globalization;
using System.Security.Cryptography;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Vault.Format;

namespace VBackup.Cli.Edge;

/// <summary>
/// Rewrites a server's own volumes: the server stands still, the pool has room for what the safety snapshot keeps, a safety
/// snapshot is taken, only what differs is written, everything is read back. Change tracking starts anew afterwards.
/// </summary>
static class InPlaceRestore
{
    const string SafetyPrefix = "safety-";
    static readonly TimeSpan s_stopPatience = TimeSpan.FromMinutes(2), s_patienceAfterFailure = TimeSpan.FromSeconds(5);

    /// <returns>What was restored.</returns>
    public static async Task<string> RunAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, IReadOnlyList<VolumeDocument> volumes,
        IReadOnlyList<string> instants, bool stops, Screen screen, CancellationToken cancellation)
    {
        var server = (await cloud.Hypervisor.ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(one => one.Id == edge.ServerId)
            ?? throw new RefusedException($"the server {edge.Server} is gone: restore --to new-server");
        var targets = await CheckAsync(cloud, server, edge, volumes, cancellation).ConfigureAwait(false);
        var ran = server.State is not ServerState.Shutdown;
        if (ran && !stops) throw new RefusedException($"server {server.Name} runs: stop it, or give --stop");
        if (ran) await cloud.Hypervisor.StopAsync(server.Name, s_stopPatience, cancellation).ConfigureAwait(false);

        VolumeId[] all = [.. targets.Select(item => item.Target)];
        var safety = string.Create(CultureInfo.InvariantCulture,
            $"{SafetyPrefix}{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        // One that was left behind in mid-write holds the volumes' locks, and may wake up. From here on it writes nothing.
        foreach (var target in all) await (await TakeOverAsync(cloud, target, cancellation).ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        await RequireStillAsync(cloud, server, cancellation).ConfigureAwait(false);
        await cloud.Storage.Snapshots.ReduceToBasesAsync(instants, all, cancellation).ConfigureAwait(false);
        await TakeSafetyAsync(cloud, safety, all, cancellation).ConfigureAwait(false);
        try
        {
            // From the first byte on, no backup may build on what was before.
            foreach (var old in instants) await cloud.Storage.Snapshots.RemoveAsync(old, all, cancellation).ConfigureAwait(false);
            await WriteAsync(cloud, restore, targets, cancellation).ConfigureAwait(false);
            // Between the last look and now another restore may have begun: the server does not start on what that one writes.
            if (ran) foreach (var target in all) await RequireFreeAsync(cloud, target, cancellation).ConfigureAwait(false);
        }
        catch (CloudException failure) when (failure.Failure == CloudFailure.InUse)
        {
            // What the volumes hold now is another's; to roll back would undo it.
            Failure.AddAftermath(failure, $"somebody else has the volumes, and this restore writes nothing more; the snapshot {safety} has them as they were before it: "
                + $"'vbackup edge snapshots release {safety}' gives it up");
            throw;
        }
        catch (Exception failure)
        {
            Failure.AddAftermath(failure, $"the volumes are partly overwritten; the snapshot {safety} has them as they were: "
                + $"'vbackup edge snapshots rollback {safety}' brings them back");
            throw;
        }
        screen.Line($"the snapshot {safety} has the volumes as they were: 'vbackup edge snapshots release {safety}' gives it up");
        if (ran) await cloud.Hypervisor.StartAsync(server.Name, cancellation).ConfigureAwait(false);
        return $"server {server.Name}";
    }

    // Of two restores, one may have started the server again while the other had looked at it already.
    static async Task RequireStillAsync(EdgeCloud cloud, Server server, CancellationToken cancellation)
    {
        if (await cloud.Hypervisor.FindAsync(server.Name, cancellation).ConfigureAwait(false) is not { State: ServerState.Shutdown })
            throw new RefusedException($"server {server.Name} was started meanwhile: stop it, or give --stop");
    }

    static async Task RequireFreeAsync(EdgeCloud cloud, VolumeId target, CancellationToken cancellation) =>
        await (await cloud.Storage.OpenWriterAsync(target, new(), cancellation).ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);

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
                Failure.AddAftermath(failure, $"nothing was overwritten; what there is of the snapshot {safety} could not be removed "
                    + $"({second.Message}): 'vbackup edge snapshots release {safety}' does so");
            }
            throw;
        }
    }

    /// <summary>
    /// All volumes are held until the last is written and, where others may read meanwhile, read back: whoever takes over meanwhile
    /// shuts this restore out of all of them, so that two restores never leave volumes of different points.
    /// </summary>
    static async Task WriteAsync(EdgeCloud cloud, VolumeRestore restore, IReadOnlyList<(VolumeDocument Volume, VolumeId Target)> targets,
        CancellationToken cancellation)
    {
        List<IVolumeWriter> writers = [];
        try
        {
            foreach (var (_, target) in targets) writers.Add(await TakeOverAsync(cloud, target, cancellation).ConfigureAwait(false));
            for (var i = 0; i < writers.Count; i++)
                await restore.WriteAsync(targets[i].Volume, writers[i], isDelta: true, cancellation).ConfigureAwait(false);
            if (cloud.Storage.ReadsBesideWriters) await ReadBackAsync(restore, targets, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // Whoever slept hears of time-outs first, or reads what another has written meanwhile.
            var lost = failure is CloudException { Failure: CloudFailure.InUse } ? null : await FindShutOutAsync(writers).ConfigureAwait(false);
            await AbandonAsync(writers).ConfigureAwait(false);
            if (lost is null) throw;
            throw new CloudException(
                CloudFailure.InUse, "write", lost.Description, "this client was shut out, because somebody else took over", failure);
        }
        foreach (var writer in writers) await writer.DisposeAsync().ConfigureAwait(false);
        if (!cloud.Storage.ReadsBesideWriters) await ReadBackAsync(restore, targets, cancellation).ConfigureAwait(false);
    }

    // The failure is the one to see, and a storage that does not answer is not waited for once more.
    static async Task AbandonAsync(IEnumerable<IVolumeWriter> writers) =>
        await Task.WhenAll(writers.Select(writer => writer.DisposeAsync().AsTask()))
            .WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    static async Task ReadBackAsync(
        VolumeRestore restore, IReadOnlyList<(VolumeDocument Volume, VolumeId Target)> targets, CancellationToken cancellation)
    {
        foreach (var (volume, target) in targets) await restore.ReadBackAsync(volume, target, cancellation).ConfigureAwait(false);
    }

    static async Task<IVolumeWriter?> FindShutOutAsync(IReadOnlyList<IVolumeWriter> writers)
    {
        var answers = await Task.WhenAll(writers.Select(IsShutOutAsync)).ConfigureAwait(false);
        return writers.Zip(answers).FirstOrDefault(item => item.Second).First;
    }

    static async Task<bool> IsShutOutAsync(IVolumeWriter writer)
    {
        try
        {
            // Also after a cancellation: what is said to the user depends on it.
            return await writer.IsShutOutAsync(CancellationToken.None).WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is CloudException or TimeoutException)
        {
            // A cluster that does not answer is what the failure on its way up is about.
            return false;
        }
    }

    static Task<IVolumeWriter> TakeOverAsync(EdgeCloud cloud, VolumeId target, CancellationToken cancellation) =>
        cloud.Storage.OpenWriterAsync(target, new() { TakesOver = true }, cancellation);

    /// <summary>Volumes that are missing, were replaced, or have another size now are refused by name.</summary>
    static async Task<IReadOnlyList<(VolumeDocument Volume, VolumeId Target)>> CheckAsync(EdgeCloud cloud, Server server, EdgeDocument edge,
        IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        List<(VolumeDocument, VolumeId)> targets = [];
        foreach (var volume in volumes)
        {
            var target = new VolumeId(edge.Volumes[volume.Name]);
            if (!server.Disks.Any(disk => disk.Name == volume.Name && disk.Volume == target))
                throw new RefusedException($"server {server.Name} has no disk {volume.Name} on {target} any more: restore --to new-volume");
            var length = await cloud.Storage.FindLengthAsync(target, cancellation).ConfigureAwait(false)
                ?? throw new RefusedException($"the volume {target} is gone: restore --to new-volume");
            if (length != volume.LengthBytes)
                throw new RefusedException($"the volume {target} has {length} bytes now and had {volume.LengthBytes}: restore --to new-volume");
            targets.Add((volume, target));
        }
        // Of each pool or folder.
        foreach (var place in targets.GroupBy(item => Path.GetDirectoryName(item.Item2.Value)))
        {
            var needed = place.Sum(item => item.Item1.LengthBytes);
            if (await cloud.Storage.FindFreeBytesAsync(place.First().Item2, cancellation).ConfigureAwait(false) is { } free && free < needed)
                throw new RefusedException($"the storage of {string.Join(", ", place.Select(item => item.Item2))} has {Units.Size(free)} left, "
                    + $"and a safety snapshot may come to need {Units.Size(needed)}: make room, or restore to new volumes elsewhere");
        }
        return targets;
    }
}
