using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Spooling;
using VBackup.Vault.Writing;

namespace VBackup.Cli.Edge;

/// <summary>Makes a restore point of a server.</summary>
/// <param name="options">Those that name cloud, server and vault: see <see cref="OptionsFor"/>.</param>
sealed class ServerBackup(EdgeCloud cloud, BackupVault vault, Server server, string options, Screen screen)
{
    /// <summary>The options of a command that people are told to give.</summary>
    public static string OptionsFor(string config, Server server, VaultAccess access) =>
        $"--cloud {ShellWord.Of(config)} --server {ShellWord.Of(server.Name)} {access.Options}";

    /// <summary>From the beginning of the snapshot until the point was there.</summary>
    public TimeSpan FromSnapshotToPoint { get; private set; }

    /// <summary>Snapshots, exports, publishes, and releases the snapshots that are not needed any more.</summary>
    /// <param name="isFull">Trust no base.</param>
    /// <param name="isAsItIs">Also what a restore in place has left half written.</param>
    public async Task<PointDocument> RunAsync(bool isFull, bool isAsItIs, PackSpool? spool, CancellationToken cancellation)
    {
        var earlier = await EarlierPoints.OfAsync(vault, server.Id, cancellation).ConfigureAwait(false);
        var (basePoint, baseEdge) = isFull ? default : earlier.NewestTrusted;
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        // A storage that does not answer has nothing of this run yet, and nothing that were to be removed.
        await cloud.Storage.FindLengthAsync(volumes[0], cancellation).ConfigureAwait(false);
        // Before the snapshot: what cannot be stored need not hold a guest.
        var run = await BackupWriter.StartAsync(vault, "backup", basePoint, cancellation, spool).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            var name = BackupSnapshotName.New(TimeProvider.System.GetUtcNow(), vault.Header.VaultId);
            try
            {
                var began = TimeProvider.System.GetTimestamp();
                var (taken, halfRestored) = await TakeAsync(name, earlier.Instants, isAsItIs, cancellation).ConfigureAwait(false);
                var configuration = await cloud.Hypervisor.ReadConfigurationAsync(server.Name, cancellation).ConfigureAwait(false);
                var exported = await PointExport.ExportAsync(
                    cloud, run, server.Disks, name, run.Base is null ? null : baseEdge, screen, cancellation).ConfigureAwait(false);
                var (documents, type) = (exported.Volumes, exported.Type);
                var edge = new EdgeDocument(server.Name, server.Id, name, taken.Instant.TakenAt, taken.Consistency,
                    server.Disks.ToDictionary(disk => disk.Name, disk => disk.Volume.Value), configuration.Kind, configuration.Text,
                    exported.IsTrackingWrong ? earlier.SinceLastFull : [],
                    taken.HeldSeconds, exported.Identities, exported.SnapshotIdentities, halfRestored, taken.Kind, taken.SkewSeconds,
                    server.Size?.Processors, server.Size?.MemoryBytes);
                if (edge.Remark is { } remark) screen.Note($"the point is {remark}");
                await run.SealAsync(server.Name, type, edge.ToMetadata(), documents, cancellation).ConfigureAwait(false);
                if (run.IsSealed)
                {
                    screen.Note("everything is read and lies in the spool; the upload goes on");
                    await KeepAsBaseAsync(name, volumes, cancellation).ConfigureAwait(false);
                }
                var point = await run.PublishAsync(server.Name, type, edge.ToMetadata(), documents, cancellation).ConfigureAwait(false);
                FromSnapshotToPoint = TimeProvider.System.GetElapsedTime(began);
                // The point is there: whatever happens now is no failure of it.
                await KeepAsBaseAsync(name, volumes, CancellationToken.None).ConfigureAwait(false);
                await ReleaseAsync(earlier.Instants, volumes, CancellationToken.None).ConfigureAwait(false);
                return point;
            }
            catch (Exception failure) when (run.IsSealed)
            {
                Aftermath.Add(failure, "everything is read and lies in the spool: 'vbackup edge upload', or the next backup, finishes it");
                throw;
            }
            catch (Exception failure)
            {
                await RemoveAfterFailureAsync(name, volumes, failure, cancellation).ConfigureAwait(false);
                throw;
            }
        }
    }

    async Task<(TakenInstant Taken, IReadOnlyList<string>? HalfRestored)> TakeAsync(
        string name, IReadOnlyList<string> bases, bool isAsItIs, CancellationToken cancellation)
    {
        if (!isAsItIs)
            return (await InstantTaking.TakeForBackupAsync(cloud, server, name, bases, screen, cancellation).ConfigureAwait(false), null);
        var before = await HalfRestoredAsync(cancellation).ConfigureAwait(false);
        var taken = await InstantTaking.TakeAsync(cloud, server, name, bases, screen, cancellation).ConfigureAwait(false);
        // A restore may have begun, or ended, meanwhile.
        List<string> all = [.. before.Union(await HalfRestoredAsync(cancellation).ConfigureAwait(false))];
        return (taken, all.Count > 0 ? all : null);
    }

    /// <summary>Names of the disks.</summary>
    async Task<IEnumerable<string>> HalfRestoredAsync(CancellationToken cancellation)
    {
        var unfinished = await UnfinishedRestores.FindAsync(cloud.Storage, server.Disks.Select(disk => disk.Volume), cancellation)
            .ConfigureAwait(false);
        return server.Disks.Where(disk => unfinished.Any(one => one.Volume == disk.Volume)).Select(disk => disk.Name);
    }

    // Everything is read; what changes from now on is what the next run asks for.
    async Task KeepAsBaseAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        try
        {
            await cloud.Storage.Snapshots.KeepAsBaseAsync(name, volumes, cancellation).ConfigureAwait(false);
        }
        catch (CloudException failure)
        {
            screen.Note($"what the snapshot {name} keeps to be read could not be given up: {failure.Message}");
        }
    }

    // The point is complete; a snapshot that stays is only a nuisance, which the next run tidies.
    async Task ReleaseAsync(IReadOnlyList<string> instants, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        foreach (var old in (await ListInstantsAsync(volumes, cancellation).ConfigureAwait(false)).Where(one =>
            instants.Contains(one.Name)))
        {
            try
            {
                // With what it has of disks that were detached since, or left out this time: nobody would look for that.
                VolumeId[] all = [.. volumes.Union(old.Volumes)];
                await UnfinishedRestores.RequireNotNeededAsync(cloud.Storage, old.Name, all, cancellation).ConfigureAwait(false);
                await cloud.Storage.Snapshots.RemoveAsync(old.Name, all, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is CloudException or RefusedException)
            {
                screen.Note($"the snapshot {old.Name} is not needed any more and could not be removed: {failure.Message}");
            }
        }
    }

    async Task<IReadOnlyList<Instant>> ListInstantsAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        try
        {
            return await cloud.Storage.Snapshots.ListAsync(volumes, cancellation).ConfigureAwait(false);
        }
        catch (CloudException failure)
        {
            screen.Note($"snapshots that are not needed any more could not be looked for: {failure.Message}");
            return [];
        }
    }

    async Task RemoveAfterFailureAsync(string name, IReadOnlyList<VolumeId> volumes, Exception failure, CancellationToken stop)
    {
        try
        {
            await FailedSnapshot.RemoveAsync(cloud.Storage.Snapshots, name, volumes, failure, screen, cloud.Clock, stop)
                .ConfigureAwait(false);
        }
        catch (CloudException second)
        {
            Aftermath.Add(failure, $"the snapshot {name} may be left ({second.Message}): once the storage answers, "
                + $"'vbackup edge snapshots release {name} {options}' removes it");
        }
    }
}
