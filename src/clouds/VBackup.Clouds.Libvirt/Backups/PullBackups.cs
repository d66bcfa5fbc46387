using System.Collections.Concurrent;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>
/// The backup jobs of running servers, at most one of each, and the checkpoints that they leave. Whoever has begun a job holds
/// its server's lock; one whose lock is free was left by a process that died. Thread-safe.
/// </summary>
internal sealed class PullBackups(LibvirtHypervisor hypervisor, StateFolder state, TimeProvider clock) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, (FileLock Lock, string Server)> _held = new();
    private readonly ConcurrentDictionary<(string ServerId, string Checkpoint), string> _lost = new();

    /// <summary>Begins a job and makes a checkpoint, both at one instant of all the disks.</summary>
    /// <exception cref="CloudException">The server is being backed up already.</exception>
    public async Task<PullJob> TakeAsync(
        string name, DomainFiles server, IReadOnlyList<DomainFile> files, CancellationToken cancellation)
    {
        var isOurs = _held.ContainsKey(server.Id);
        var held = isOurs ? null : FileLock.TryHold(state.JobLock(server.Id), isExclusive: true)
            ?? throw new CloudException(CloudFailure.InUse, "take", server.Name, "another backup of this server is under way");
        try
        {
            var job = await FindAnyAsync(server, cancellation).ConfigureAwait(false);
            if (job is not null && job.Instant == name)
            {
                if (!job.Disks.Select(disk => disk.Disk).ToHashSet().SetEquals(files.Select(file => file.Disk)))
                    throw new CloudException(CloudFailure.Exists, "take", name, "it has other volumes");
            }
            else
            {
                if (job is not null && isOurs)
                    throw new CloudException(CloudFailure.InUse, "take", server.Name,
                        $"its snapshot {job.Instant} is still there to be read, and QEMU shows one at a time: remove it first");
                // Left by a process that died: it would go on filling its scratch files.
                if (job is not null) await hypervisor.EndBackupAsync(server.Name, cancellation).ConfigureAwait(false);
                job = await BeginAsync(name, server, files, cancellation).ConfigureAwait(false);
            }
            if (held is not null) _held[server.Id] = (held, server.Name);
            return job;
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    private async Task<PullJob> BeginAsync(
        string name, DomainFiles server, IReadOnlyList<DomainFile> files, CancellationToken cancellation)
    {
        var checkpoints = await ListAsync(server, cancellation).ConfigureAwait(false);
        if (checkpoints.Exists(checkpoint => checkpoint.Name == name))
            throw new CloudException(CloudFailure.Exists, "take", name, "it was taken before, and is only a base by now");
        var tracked = files.Where(file => VolumeFile.ByFormat(new(file.Path), file.Format).WhyNotTracked is null).Select(file => file.Disk)
            .ToHashSet();
        string[] others = [.. server.Others, .. server.Files.Except(files).Select(file => file.Disk)];
        var folder = state.MakeJobFolder(server.Id);
        // Of whole milliseconds, as it is written down, and never before one that was taken earlier.
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var takenAt = DateTimeOffset.FromUnixTimeMilliseconds(
            checkpoints is [.., var newest] ? Math.Max(now, newest.TakenAt.ToUnixTimeMilliseconds() + 1) : now);
        var checkpoint = tracked.Count == 0 ? null
            : new Checkpoint(name, takenAt, [.. tracked]).ToXml([.. others,
                .. files.Select(file => file.Disk).Where(disk => !tracked.Contains(disk))]);
        while (true)
        {
            // Which base will be asked for is not known yet. The oldest tells of every change since any of the others.
            var job = new PullJob(name, takenAt, Path.Combine(folder, "nbd"), [.. files.Select(file =>
                checkpoints.Find(one => tracked.Contains(file.Disk) && one.Disks.Contains(file.Disk)) is { } basis
                    ? new PullDisk(file.Disk, basis.Name, "vbackup-" + file.Disk) : new PullDisk(file.Disk, null, null))]);
            var broken = await hypervisor.BeginBackupAsync(server.Name, job.ToXml(others, folder), checkpoint, cancellation)
                .ConfigureAwait(false);
            if (broken is null) return job;
            var bases = job.Disks.Select(disk => disk.Base).OfType<string>().ToHashSet();
            if (bases.Count == 0) throw new CloudException(CloudFailure.Other, "take", server.Name, broken);
            var named = bases.Where(basis => broken.Contains($"'{basis}'", StringComparison.Ordinal)).ToHashSet();
            foreach (var basis in named.Count > 0 ? named : bases)
            {
                _lost[(server.Id, basis)] = $"the record of changes since {basis} is lost, as when QEMU ends without closing its images "
                    + $"({broken})";
                await hypervisor.DeleteCheckpointAsync(server.Name, basis, cancellation).ConfigureAwait(false);
                checkpoints.RemoveAll(one => one.Name == basis);
            }
        }
    }

    /// <summary>Why changes since a checkpoint cannot be told any more, where it was seen here.</summary>
    public string? WhyLost(DomainFiles server, string checkpoint) => _lost.GetValueOrDefault((server.Id, checkpoint));

    /// <summary>The server's job, if it is one of ours; null when there is none.</summary>
    public async Task<PullJob?> FindAsync(DomainFiles server, CancellationToken cancellation) =>
        server.IsActive && await hypervisor.ReadBackupAsync(server.Name, cancellation).ConfigureAwait(false) is { } xml
            && PullJob.Parse(xml, server.Name) is { } job && IsHere(job, server) ? job : null;

    /// <exception cref="CloudException">A job of another program is under way.</exception>
    private async Task<PullJob?> FindAnyAsync(DomainFiles server, CancellationToken cancellation)
    {
        if (await hypervisor.ReadBackupAsync(server.Name, cancellation).ConfigureAwait(false) is not { } xml) return null;
        return PullJob.Parse(xml, server.Name) is { } job && IsHere(job, server) ? job : throw new CloudException(
            CloudFailure.InUse, "take", server.Name, "a backup job of another program is under way: 'virsh domjobinfo' shows it");
    }

    private bool IsHere(PullJob job, DomainFiles server) => Path.GetDirectoryName(job.SocketPath) == state.JobFolder(server.Id);

    /// <summary>Our checkpoints of a server, oldest first.</summary>
    public async Task<List<Checkpoint>> ListAsync(DomainFiles server, CancellationToken cancellation) =>
        [.. (await hypervisor.ListCheckpointsAsync(server.Name, cancellation).ConfigureAwait(false))
            .Select(xml => Checkpoint.Parse(xml, server.Name)).OfType<Checkpoint>().OrderBy(checkpoint => checkpoint.TakenAt)];

    /// <summary>Ends the server's job of that name; its checkpoint stays.</summary>
    public async Task EndAsync(string name, DomainFiles server, CancellationToken cancellation)
    {
        if ((await FindAsync(server, cancellation).ConfigureAwait(false))?.Instant == name)
        {
            await hypervisor.EndBackupAsync(server.Name, cancellation).ConfigureAwait(false);
            state.RemoveJobFolder(server.Id);
            LetGo(server.Id);
        }
        // The server was shut down meanwhile, and the job with it.
        else if (!server.IsActive) LetGo(server.Id);
    }

    /// <summary>Removes a checkpoint. Its bitmaps go too, if need be by way of the images.</summary>
    public async Task RemoveAsync(Checkpoint checkpoint, DomainFiles server, CancellationToken cancellation)
    {
        if (await hypervisor.DeleteCheckpointAsync(server.Name, checkpoint.Name, cancellation).ConfigureAwait(false) || server.IsActive)
            return;
        foreach (var file in server.Files.Where(file => file.Format == "qcow2" && checkpoint.Disks.Contains(file.Disk)))
        {
            try
            {
                await QemuProgram.RunImageToolAsync("remove a bitmap", file.Path, ImageOpening.RequestLimit, clock, cancellation,
                    "bitmap", "--remove", "-f", "qcow2", file.Path, checkpoint.Name).ConfigureAwait(false);
            }
            catch (CloudException none) when (none.Message.Contains("not found", StringComparison.OrdinalIgnoreCase))
            {
                // Lost before, or the image is another one by now: there is nothing to remove.
            }
        }
    }

    private void LetGo(string serverId)
    {
        if (_held.TryRemove(serverId, out var held)) held.Lock.Dispose();
    }

    /// <summary>Ends the jobs that were begun here. A server that cannot be reached is left to the next backup.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_held.IsEmpty) return;
        try
        {
            foreach (var server in await hypervisor.ListFilesAsync(CancellationToken.None).ConfigureAwait(false))
                if (_held.ContainsKey(server.Id) && await FindAsync(server, CancellationToken.None).ConfigureAwait(false) is { } job)
                    await EndAsync(job.Instant, server, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CloudException)
        {
            // The next backup of the server ends what is left, as after a process that was killed.
        }
        finally
        {
            foreach (var server in _held.Keys) LetGo(server);
        }
    }
}
