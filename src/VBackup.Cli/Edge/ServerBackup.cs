using System.Globalization;
using System.Security.Cryptography;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Spooling;
using VBackup.Vault.Writing;

namespace VBackup.Cli.Edge;

/// <summary>Makes a restore point of a server.</summary>
sealed class ServerBackup(EdgeCloud cloud, BackupVault vault, Server server, Screen screen)
{
    /// <summary>What --verbose says when the guest is frozen, and how it begins what it says when the guest goes on.</summary>
    public const string HeldNote = "the guest is held still for the snapshot", LetGoNote = "the guest was let go";

    /// <summary>From the beginning of the snapshot until the point was there.</summary>
    public TimeSpan FromSnapshotToPoint { get; private set; }

    /// <summary>Snapshots, exports, publishes, and releases the snapshots that are not needed any more.</summary>
    public async Task<PointDocument> RunAsync(bool isFull, PackSpool? spool, CancellationToken cancellation)
    {
        var earlier = await EarlierPoints.OfAsync(vault, server.Id, cancellation).ConfigureAwait(false);
        var (basePoint, baseEdge) = isFull ? default : earlier.NewestTrusted;
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        // Before the snapshot: what cannot be stored need not hold a guest.
        var run = await BackupWriter.StartAsync(vault, "backup", basePoint, cancellation, spool).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            var name = NewName();
            try
            {
                var began = TimeProvider.System.GetTimestamp();
                // A disk that was attached or detached since, or left out by --volumes, makes it another group.
                await cloud.Storage.Snapshots.ReduceToBasesAsync(earlier.Instants, volumes, cancellation).ConfigureAwait(false);
                var (instant, consistency, held) = await TakeAsync(name, volumes, cancellation).ConfigureAwait(false);
                var configuration = await cloud.Hypervisor.ReadConfigurationAsync(server.Name, cancellation).ConfigureAwait(false);
                var (documents, isTrackingWrong) = await ExportAsync(
                    run, name, run.Base is null ? null : baseEdge, cancellation).ConfigureAwait(false);
                var edge = new EdgeDocument(server.Name, server.Id, name, instant.TakenAt, consistency,
                    server.Disks.ToDictionary(disk => disk.Name, disk => disk.Volume.Value), configuration.Kind, configuration.Text,
                    isTrackingWrong ? earlier.SinceLastFull : [], held is { } time ? Math.Round(time.TotalSeconds, 4) : null);
                var type = documents.Exists(volume => volume.Type == PointType.Incremental) ? PointType.Incremental : PointType.Full;
                await run.SealAsync(server.Name, type, edge.ToMetadata(), documents, cancellation).ConfigureAwait(false);
                if (run.IsSealed)
                {
                    screen.Note("everything is read and lies in the spool; the upload goes on");
                    await KeepAsBaseAsync(name, volumes, cancellation).ConfigureAwait(false);
                }
                var point = await run.PublishAsync(server.Name, type, edge.ToMetadata(), documents, cancellation).ConfigureAwait(false);
                FromSnapshotToPoint = TimeProvider.System.GetElapsedTime(began);
                await KeepAsBaseAsync(name, volumes, cancellation).ConfigureAwait(false);
                await ReleaseAsync(earlier.Instants, volumes, cancellation).ConfigureAwait(false);
                return point;
            }
            catch (Exception failure) when (run.IsSealed)
            {
                Failure.AddAftermath(failure, "everything is read and lies in the spool: 'vbackup edge upload', or the next backup, finishes it");
                throw;
            }
            catch (Exception failure)
            {
                await RemoveAfterFailureAsync(name, volumes, failure).ConfigureAwait(false);
                throw;
            }
        }
    }

    static string NewName() => string.Create(CultureInfo.InvariantCulture,
        $"{EarlierPoints.NamePrefix}{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");

    async Task<(Instant Instant, string Consistency, TimeSpan? Held)> TakeAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        var prepared = await cloud.Storage.Snapshots.PrepareAsync(name, volumes, cancellation).ConfigureAwait(false);
        var state = await LookAgainAsync(cancellation).ConfigureAwait(false);
        var (wasHeld, held) = (false, (TimeSpan?)null);
        // How a guest that does not run was ended, nobody knows.
        if (state is not ServerState.Running) await prepared.TakeAsync(cancellation).ConfigureAwait(false);
        else (wasHeld, held) = await TakeHeldAsync(prepared, volumes, cancellation).ConfigureAwait(false);
        return (await prepared.FinishAsync(cancellation).ConfigureAwait(false), wasHeld ? "filesystem" : "crash", held);
    }

    // Since it was looked at first, an earlier run may have been finished from the spool, which can take an hour.
    async Task<ServerState> LookAgainAsync(CancellationToken cancellation)
    {
        var now = await cloud.Hypervisor.FindAsync(server.Name, cancellation).ConfigureAwait(false);
        return now is not null && now.Id == server.Id && server.Disks.All(now.Disks.Contains) ? now.State
            : throw new RefusedException($"server {server.Name} was replaced, or its disks were changed, since this backup began: back it up again");
    }

    async Task<(bool WasHeld, TimeSpan? Held)> TakeHeldAsync(
        IPreparedInstant prepared, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        bool wasHeld;
        var hold = await cloud.HoldAsync(server.Name, cancellation).ConfigureAwait(false);
        await using (hold.ConfigureAwait(false))
        {
            if (hold.WhyNotHeld is null) screen.Detail(HeldNote);
            else await NoteNotHeldAsync(hold.WhyNotHeld, volumes, cancellation).ConfigureAwait(false);
            await prepared.TakeAsync(cancellation).ConfigureAwait(false);
            wasHeld = await hold.WasStillFrozenAsync(cancellation).ConfigureAwait(false);
            if (hold.WhyNotHeld is null && !wasHeld) screen.Note("the guest was let go before the snapshot was complete: crash consistency");
        }
        if (hold.HeldFor is { } held) screen.Detail($"{LetGoNote} after {Units.Duration(held)}");
        return (wasHeld, hold.HeldFor);
    }

    async Task NoteNotHeldAsync(string reason, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
    {
        screen.Note($"the guest is not frozen for the snapshot: {reason}");
        if (!await cloud.Storage.Snapshots.HoldsStillAsync(volumes, cancellation).ConfigureAwait(false))
            throw new RefusedException($"the volumes of {server.Name} cannot be held still by the storage, and the guest cannot be frozen: "
                + "the point would be of no one instant. Give the volumes exclusive-lock, install the guest agent, or stop the server");
    }

    async Task<(List<VolumeDocument> Documents, bool IsTrackingWrong)> ExportAsync(
        BackupWriter run, string instant, EdgeDocument? baseEdge, CancellationToken cancellation)
    {
        var random = new Random(RandomNumberGenerator.GetInt32(int.MaxValue));
        using var export = new TrackedExport(run, cloud.Storage, DataPathOptions.OfDistantVolumes, random);
        var plan = await export.PlanAsync(
            server.Disks.Select(disk => Tracked(run, disk, instant, baseEdge)), cancellation).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            List<VolumeDocument> documents = [];
            foreach (var volume in plan.Volumes)
            {
                var name = volume.Volume.Name;
                if (volume.FullBecause is { } reason) screen.Note($"volume {name} becomes full: {reason}");
                using var progress = screen.Follow(name, volume.Source.LengthBytes);
                documents.Add(await export.ExportAsync(volume, progress, cancellation).ConfigureAwait(false));
            }
            return (documents, plan.IsTrackingWrong);
        }
    }

    static TrackedVolume Tracked(BackupWriter run, ServerDisk disk, string instant, EdgeDocument? baseEdge)
    {
        var basis = baseEdge is null || baseEdge.Volumes.GetValueOrDefault(disk.Name) != disk.Volume.Value
            ? null : run.Base?.Volumes.FirstOrDefault(volume => volume.Name == disk.Name);
        return new(disk.Name, disk.Volume, instant, basis is null ? null : baseEdge!.Instant, basis);
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
        foreach (var old in (await ListInstantsAsync(volumes, cancellation).ConfigureAwait(false)).Where(one => instants.Contains(one.Name)))
        {
            try
            {
                // With what it has of disks that were detached since, or left out this time: nobody would look for that.
                await cloud.Storage.Snapshots.RemoveAsync(old.Name, [.. volumes.Union(old.Volumes)], cancellation).ConfigureAwait(false);
            }
            catch (CloudException failure)
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

    async Task RemoveAfterFailureAsync(string name, IReadOnlyList<VolumeId> volumes, Exception failure)
    {
        try
        {
            await cloud.Storage.Snapshots.RemoveAsync(name, volumes, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CloudException second)
        {
            Failure.AddAftermath(failure, $"the snapshot {name} is left ({second.Message}): 'vbackup edge snapshots release' removes it");
        }
    }
}
