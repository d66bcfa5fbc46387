using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Libvirt.Nbd;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>Finds how a volume's bytes lie in its file.</summary>
internal delegate VolumeFile FileFinder(VolumeId volume, IReadOnlyList<DomainFiles> servers);

/// <summary>
/// Instants of volumes that are files. Of a server that runs, an instant is a backup job of libvirt, which can be read as long
/// as it runs; what stays of it is a checkpoint, a base. Of volumes that nobody has open, it is a copy of each file.
/// </summary>
internal sealed class FileSnapshots(
    LibvirtHypervisor hypervisor, StateFolder state, ImageOpening opening, FileFinder find, TimeProvider clock)
    : IVolumeSnapshots, IAsyncDisposable
{
    private readonly PullBackups _jobs = new(hypervisor, state, clock);
    private readonly FileCopies _copies = new(hypervisor, state, opening, find, clock);

    public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("take", name, cancellation).RunAsync(async () =>
        {
            InstantName.Check(name, "take");
            List<VolumeId> wanted = [.. volumes.Distinct()];
            if (wanted.Count == 0) throw new CloudException(CloudFailure.Other, "take", name, "an instant has at least one volume");
            if (CopiedInstant.Find(state, name) is { } copied)
                return await _copies.TakeAgainAsync(copied, wanted, cancellation).ConfigureAwait(false);
            foreach (var volume in wanted)
                if (FileIdentity.Of(volume.Value) is null)
                    throw new CloudException(CloudFailure.NotFound, "take", volume.Value, "there is no such file");
            var servers = await hypervisor.ListFilesAsync(cancellation).ConfigureAwait(false);
            var users = servers.Where(server => server.IsActive && wanted.Exists(volume => server.Find(volume) is not null)).ToList();
            if (users.Count == 0) return await _copies.TakeAsync(name, wanted, cancellation).ConfigureAwait(false);
            if (users is not [var user] || wanted.Exists(volume => user.Find(volume) is null))
                throw new CloudException(CloudFailure.NotSupported, "take", name,
                    "one instant of several servers, or of one that runs and of volumes that it has not, cannot be had of files");
            var job = await _jobs.TakeAsync(name, user, [.. wanted.Select(volume => user.Find(volume)!)], cancellation)
                .ConfigureAwait(false);
            return ToInstant(job, user);
        });

    public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("list", state.VolumeFolder, cancellation).RunAsync<IReadOnlyList<Instant>>(async () =>
        {
            List<Instant> found = [.. CopiedInstant.ListOf(state).Select(copied => copied.ToInstant())];
            foreach (var server in await UsersAsync(volumes, cancellation).ConfigureAwait(false))
            {
                var job = await _jobs.FindAsync(server, cancellation).ConfigureAwait(false);
                if (job is not null) found.Add(ToInstant(job, server));
                found.AddRange(from checkpoint in await _jobs.ListAsync(server, cancellation).ConfigureAwait(false)
                    where checkpoint.Name != job?.Instant
                    select InstantOf(checkpoint.Name, checkpoint.TakenAt, server, checkpoint.Disks) with { IsReadable = false });
            }
            return [.. found.Where(instant => instant.Volumes.Any(volumes.Contains)).OrderBy(instant => instant.TakenAt)];
        });

    public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("remove", name, cancellation).RunAsync(async () =>
        {
            await _copies.RemoveAsync(name, volumes, cancellation).ConfigureAwait(false);
            foreach (var server in await UsersAsync(volumes, cancellation).ConfigureAwait(false))
            {
                await _jobs.EndAsync(name, server, cancellation).ConfigureAwait(false);
                var checkpoints = await _jobs.ListAsync(server, cancellation).ConfigureAwait(false);
                if (checkpoints.Find(one => one.Name == name) is { } checkpoint)
                    await _jobs.RemoveAsync(checkpoint, server, cancellation).ConfigureAwait(false);
            }
            return true;
        });

    /// <inheritdoc/>
    /// <remarks>The backup job ends, and its checkpoint stays. Copies go: what changed since cannot be told of them.</remarks>
    public Task KeepAsBaseAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        new FileCall("give up", name, cancellation).RunAsync(async () =>
        {
            await _copies.RemoveAsync(name, volumes, cancellation).ConfigureAwait(false);
            foreach (var server in await UsersAsync(volumes, cancellation).ConfigureAwait(false))
                await _jobs.EndAsync(name, server, cancellation).ConfigureAwait(false);
            return true;
        });

    public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
        new FileCall("open", $"{volume}@{name}", cancellation).RunAsync(async () =>
        {
            if (CopiedInstant.Find(state, name) is { } copied && copied.Has(volume))
                return await _copies.OpenAsync(copied, volume, cancellation).ConfigureAwait(false);
            var (job, disk, _) = await RequireAsync(name, volume, "open", cancellation).ConfigureAwait(false);
            var address = AddressOf(job, disk, volume);
            var session = await Task.Run(() => NbdSession.Open(address, context: null, ImageOpening.RequestLimit), cancellation)
                .ConfigureAwait(false);
            try
            {
                var map = await Task.Run(
                    () => NbdMap.Open(address, NbdWire.AllocationContext, ImageOpening.RequestLimit), cancellation).ConfigureAwait(false);
                return new NbdReader(new(session, ImageOpening.RequestLimit, clock), map, address.Subject, owned: null);
            }
            catch
            {
                session.Dispose();
                throw;
            }
        });

    public Task<ChangeAnswer> FindChangesAsync(
        VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
        new FileCall("find changes", $"{volume}@{toInstant}", cancellation).RunAsync<ChangeAnswer>(async () =>
        {
            if (CopiedInstant.Find(state, toInstant) is { } copied && copied.Has(volume))
                return new ChangeAnswer.Lost("the server was shut down, and changes are tracked while it runs");
            var (job, disk, server) = await RequireAsync(toInstant, volume, "find changes", cancellation).ConfigureAwait(false);
            if (VolumeFile.ByFormat(volume, server.Find(volume)!.Format).WhyNotTracked is { } reason) return new ChangeAnswer.Lost(reason);
            var checkpoints = await _jobs.ListAsync(server, cancellation).ConfigureAwait(false);
            var from = checkpoints.Find(one => one.Name == fromInstant && one.Disks.Contains(disk.Disk));
            if (from is null)
                return new ChangeAnswer.Lost(_jobs.WhyLost(server, fromInstant)
                    ?? $"there is no record of what changed since {fromInstant}");
            // The job tells of changes since the oldest checkpoint that it found, which is this one or before it.
            if (checkpoints.Find(one => one.Name == disk.Base) is not { } told || told.TakenAt > from.TakenAt || disk.Bitmap is null)
                return new ChangeAnswer.Lost($"the backup job does not tell of changes since {fromInstant}");
            return new ChangeAnswer.Known(await ReadBitmapAsync(AddressOf(job, disk, volume), disk.Bitmap, cancellation)
                .ConfigureAwait(false));
        });

    public Task RollBackAsync(
        string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null) =>
        new FileCall("roll back", name, cancellation).RunAsync(async () =>
        {
            if (CopiedInstant.Find(state, name) is { } copied)
            {
                await _copies.RollBackAsync(copied, volumes, note, cancellation).ConfigureAwait(false);
                return true;
            }
            var known = await ListAsync(volumes, cancellation).ConfigureAwait(false);
            throw known.Any(instant => instant.Name == name)
                ? new CloudException(CloudFailure.NotSupported, "roll back", name,
                    "it is of a server that ran: only what changed since is kept of it")
                : NoSuch("roll back", name);
        });

    private static Task<Extents> ReadBitmapAsync(NbdAddress address, string bitmap, CancellationToken cancellation) => Task.Run(() =>
    {
        using var map = NbdMap.Open(address, NbdWire.DirtyBitmapPrefix + bitmap, ImageOpening.RequestLimit);
        List<Extent> changed = [];
        foreach (var range in map.Where(NbdWire.IsDirty, NbdWire.IsDirty, from: 0))
        {
            cancellation.ThrowIfCancellationRequested();
            changed.Add(range);
        }
        return Extents.Checked(changed, map.LengthBytes);
    }, cancellation);

    private async Task<(PullJob Job, PullDisk Disk, DomainFiles Server)> RequireAsync(
        string name, VolumeId volume, string operation, CancellationToken cancellation)
    {
        foreach (var server in await UsersAsync([volume], cancellation).ConfigureAwait(false))
        {
            var job = await _jobs.FindAsync(server, cancellation).ConfigureAwait(false);
            if (job?.Instant == name && job.Disks.FirstOrDefault(one => one.Disk == server.Find(volume)!.Disk) is { } disk)
                return (job, disk, server);
            if ((await _jobs.ListAsync(server, cancellation).ConfigureAwait(false)).Exists(one => one.Name == name))
                throw new CloudException(CloudFailure.NotSupported, operation, $"{volume}@{name}",
                    "only what changed since it is known: of a disk that is a file, the bytes can be read while the backup runs");
        }
        throw NoSuch(operation, $"{volume}@{name}");
    }

    private static CloudException NoSuch(string operation, string subject) =>
        new(CloudFailure.NotFound, operation, subject, "there is no such snapshot");

    private async Task<IReadOnlyList<DomainFiles>> UsersAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        [.. (await hypervisor.ListFilesAsync(cancellation).ConfigureAwait(false)).Where(server =>
            volumes.Any(volume => server.Find(volume) is not null))];

    private static NbdAddress AddressOf(PullJob job, PullDisk disk, VolumeId volume) =>
        new(job.SocketPath, job.ExportOf(disk), $"{volume}@{job.Instant}");

    private static Instant ToInstant(PullJob job, DomainFiles server) =>
        InstantOf(job.Instant, job.TakenAt, server, [.. job.Disks.Select(disk => disk.Disk)]);

    private static Instant InstantOf(string name, DateTimeOffset takenAt, DomainFiles server, IReadOnlyList<string> disks) => new(
        name, disks.Count == 1 ? InstantKind.OneVolume : InstantKind.Group, takenAt,
        [.. server.Files.Where(file => disks.Contains(file.Disk)).Select(file => new VolumeId(file.Path))], IsComplete: true);

    public ValueTask DisposeAsync() => _jobs.DisposeAsync();
}
