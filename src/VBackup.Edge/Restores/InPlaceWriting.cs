using System.Security.Cryptography;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Vault.Format;

namespace VBackup.Edge.Restores;

/// <summary>One of a point's volumes, and the volume that it is written to.</summary>
public sealed record RestoreTargetVolume(VolumeDocument Volume, VolumeId Target);

/// <summary>
/// Rewrites a server's own volumes: they are checked, whoever else had them is shut out, they are written, and nobody has taken them
/// over at the end. REQUIRES: before the writing, the server stands still, and there is a snapshot to go back to.
/// </summary>
public sealed class InPlaceWriting
{
    // Whoever takes a snapshot has a volume for a moment. A client that died is watched for half a minute longer.
    const int LooksBefore = 20, LooksAfter = 80;
    // What was shut out and secured longer ago may have run and been written to since.
    static readonly TimeSpan s_claimAgeMax = TimeSpan.FromMinutes(10);
    static readonly TimeSpan s_patienceAfterFailure = TimeSpan.FromSeconds(5), s_lookDelay = TimeSpan.FromMilliseconds(500);

    readonly EdgeCloud _cloud;
    readonly StillServer _server;
    readonly IReadOnlyList<RestoreTargetVolume> _targets;
    // Who had taken each of them over last when this was begun.
    readonly Dictionary<VolumeId, string?> _claimsBefore;
    readonly RunAttempt? _attempt;
    readonly string _claim;
    long _claimedAt;

    InPlaceWriting(EdgeCloud cloud, Server server, IReadOnlyList<RestoreTargetVolume> targets, Dictionary<VolumeId, string?> claims,
        RunAttempt? attempt)
    {
        (_cloud, _server, _targets, _claimsBefore, _attempt) = (cloud, new(cloud, server.Name), targets, claims, attempt);
        _claim = attempt?.Claim ?? RandomNumberGenerator.GetHexString(16, lowercase: true);
    }

    /// <summary>What is rewritten.</summary>
    public IReadOnlyList<VolumeId> Volumes => [.. _targets.Select(item => item.Target)];

    /// <summary>By which the storage knows who has taken the volumes over, until somebody else does.</summary>
    public string Claim => _claim;

    /// <summary>Whether a byte may have been overwritten.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether everything was written and read back.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Volumes that are missing, were replaced, have another size now, or may not be written are refused by name. Nothing is
    /// changed, and the server may run.</summary>
    /// <param name="attempt">Null when there is one attempt only.</param>
    public static async Task<InPlaceWriting> CheckAsync(EdgeCloud cloud, Server server, EdgeDocument edge,
        IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation, RunAttempt? attempt = null)
    {
        List<RestoreTargetVolume> targets = [];
        foreach (var volume in volumes)
        {
            var target = new VolumeId(edge.Volumes[volume.Name]);
            if (!server.Disks.Any(disk => disk.Name == volume.Name && disk.Volume == target))
                throw new RefusedException($"server {server.Name} has no disk {volume.Name} on {target} any more: restore --to new-volume");
            var length = await cloud.Storage.FindLengthAsync(target, cancellation).ConfigureAwait(false)
                ?? throw new RefusedException($"the volume {target} is gone: restore --to new-volume");
            if (length != volume.LengthBytes)
                throw new RefusedException($"the volume {target} has {length} bytes now and had {volume.LengthBytes}: restore --to "
                    + "new-volume");
            if (edge.Identities?.GetValueOrDefault(volume.Name) is { } identity
                && await cloud.Storage.FindIdentityAsync(target, cancellation).ConfigureAwait(false) != identity)
                throw new RefusedException($"the volume {target} is another than the one that was backed up: restore --to new-volume");
            await RequireWritableAsync(cloud, target, cancellation).ConfigureAwait(false);
            targets.Add(new(volume, target));
        }
        foreach (var place in await SharedRoom.FindAsync(cloud.Storage, targets, cancellation).ConfigureAwait(false))
            if (place.Room.FreeBytes < place.LengthBytes)
                throw new RefusedException($"the {place.Room.Place} of {place.Targets} has {Units.Size(place.Room.FreeBytes)} left, "
                    + $"and a safety snapshot may come to need {Units.Size(place.LengthBytes)}: make room, or restore to new volumes "
                    + "elsewhere");
        Dictionary<VolumeId, string?> claims = [];
        foreach (var (_, target) in targets)
            claims[target] = await cloud.Storage.FindClaimAsync(target, cancellation).ConfigureAwait(false);
        return new(cloud, server, targets, claims, attempt);
    }

    /// <exception cref="RefusedException">It may not be written with these credentials.</exception>
    public static async Task RequireWritableAsync(EdgeCloud cloud, VolumeId target, CancellationToken cancellation)
    {
        try
        {
            await cloud.Storage.RequireWritableAsync(target, cancellation).ConfigureAwait(false);
        }
        catch (CloudException refused) when (refused.Failure == CloudFailure.NotAllowed)
        {
            throw new RefusedException($"the volume {target} may not be written with these credentials ({refused.Message}): nothing was "
                + "changed");
        }
    }

    /// <summary>Whether somebody else has taken a volume over since this was begun, and may be writing to it.</summary>
    /// <exception cref="CloudException">The storage did not say.</exception>
    public async Task<bool> WasTakenOverAsync(CancellationToken cancellation)
    {
        foreach (var target in Volumes)
            if (await _cloud.Storage.FindClaimAsync(target, cancellation).ConfigureAwait(false) is { } claim
                && claim != _claim && claim != _claimsBefore[target]) return true;
        return false;
    }

    /// <summary>The same where something has failed already: a storage that does not say so leaves it open.</summary>
    public async Task<bool> MayBeAnothersAsync()
    {
        try
        {
            return await WasTakenOverAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (CloudException)
        {
            return true;
        }
    }

    /// <summary>
    /// One that was left behind in mid-write holds the volumes' locks, and may wake up: from here on it writes nothing. Of two restores,
    /// one may have started the server again while the other had looked at it already, so the server is looked at afterwards too.
    /// </summary>
    public async Task ShutOutOthersAsync(CancellationToken cancellation)
    {
        await _server.RequireAsync(cancellation).ConfigureAwait(false);
        foreach (var target in Volumes)
            await (await OpenWithAsync(target, () => TakingOverAsync(target, cancellation), LooksBefore, cancellation)
                .ConfigureAwait(false))
                .DisposeAsync().ConfigureAwait(false);
        _claimedAt = _cloud.Clock.GetTimestamp();
        await _server.RequireAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// All volumes are held until the last is written and, where others may read meanwhile, read back: whoever takes over meanwhile
    /// shuts this restore out of all of them, so that two restores never leave volumes of different points.
    /// </summary>
    /// <param name="point">What the vault calls the point.</param>
    /// <param name="safety">The snapshot that has the volumes as they are now; null when none is known.</param>
    /// <exception cref="CloudException">Somebody has taken over since others were shut out (<see cref="CloudFailure.InUse"/>), or a
    /// storage failed.</exception>
    /// <exception cref="RefusedException">Somebody has started the server.</exception>
    public async Task WriteAsync(VolumeRestore restore, string point, string? safety, CancellationToken cancellation)
    {
        var note = new RestoreNote(point, _cloud.Clock.GetUtcNow(), safety);
        await _server.WhileAsync(stop => WriteAllAsync(restore, note, stop), cancellation).ConfigureAwait(false);
        IsComplete = true;
    }

    async Task WriteAllAsync(VolumeRestore restore, RestoreNote note, CancellationToken cancellation)
    {
        List<IVolumeWriter> writers = [];
        try
        {
            // This one may have slept since the others were shut out. Whoever has taken over meanwhile may even be done, and the server
            // may have run again: then the claim does not count any more.
            foreach (var target in Volumes)
                writers.Add(await OpenAsync(target, new() { Claim = _claim }, LooksBefore, cancellation).ConfigureAwait(false));
            await _server.RequireAsync(cancellation).ConfigureAwait(false);
            if (_cloud.Clock.GetElapsedTime(_claimedAt) > s_claimAgeMax)
                throw new RefusedException("this restore stood still for too long: what it took over and secured may be another now; "
                    + "start it again");
            await _server.DropSavedMemoryAsync(restore.Report, cancellation).ConfigureAwait(false);
            // A note alone already keeps backups away: whoever fails here leaves nothing that counts as untouched.
            HasBegun = true;
            await NoteAsync(writers, note, cancellation).ConfigureAwait(false);
            for (var i = 0; i < writers.Count; i++)
                await restore.WriteAsync(_targets[i].Volume, writers[i], isDelta: true, cancellation).ConfigureAwait(false);
            if (_cloud.Storage.ReadsBesideWriters)
            {
                await ReadBackAsync(restore, cancellation).ConfigureAwait(false);
                foreach (var writer in writers) await writer.NoteRestoreAsync(null, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            // Whoever slept hears of time-outs first, or reads what another has written meanwhile.
            var lost = await FindShutOutAsync(writers).ConfigureAwait(false);
            await AbandonAsync(writers).ConfigureAwait(false);
            if (lost is null) throw;
            // A storage may shut out whom nobody takes over from: an operator of Ceph does so to a host that is to write nothing.
            var reason = await MayBeAnothersAsync().ConfigureAwait(false) ? "this client was shut out, because somebody else took over"
                : $"the storage has shut this client out, and nobody has taken over from it ({failure.Message})";
            throw new CloudException(CloudFailure.InUse, "write", lost.Description, reason, failure);
        }
        foreach (var writer in writers) await writer.DisposeAsync().ConfigureAwait(false);
        if (_cloud.Storage.ReadsBesideWriters) return;
        await ReadBackAloneAsync(restore, cancellation).ConfigureAwait(false);
        foreach (var target in Volumes)
        {
            var writer = await OpenAsync(target, new() { Claim = _claim }, LooksBefore, cancellation).ConfigureAwait(false);
            await using var closing = writer.ConfigureAwait(false);
            await writer.NoteRestoreAsync(null, cancellation).ConfigureAwait(false);
        }
    }

    // Before the first byte of any volume. One that is half written already has a snapshot to go back to from before that: the new
    // snapshot has what is half written.
    async Task NoteAsync(List<IVolumeWriter> writers, RestoreNote note, CancellationToken cancellation)
    {
        for (var i = 0; i < writers.Count; i++)
        {
            var earlier = await _cloud.Storage.FindRestoreNoteAsync(_targets[i].Target, cancellation).ConfigureAwait(false);
            await writers[i].NoteRestoreAsync(
                earlier is null ? note : note with { SafetySnapshot = earlier.SafetySnapshot, NewestWhole = earlier.NewestWhole },
                cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Another restore may have begun meanwhile: no server starts on what that one writes. A backup that only takes a snapshot
    /// has a volume for a moment, and is waited for.</summary>
    public async Task RequireFreeAsync(CancellationToken cancellation)
    {
        foreach (var target in Volumes)
            await (await OpenAsync(target, new() { Claim = _claim }, LooksAfter, cancellation).ConfigureAwait(false)).DisposeAsync()
                .ConfigureAwait(false);
    }

    /// <summary>The same once, without waiting, for whoever was told the volumes and the claim by another process.</summary>
    /// <param name="claim">Null when nobody has taken them over for this.</param>
    /// <exception cref="CloudException">Somebody has one of them, or has taken it over since (<see
    /// cref="CloudFailure.InUse"/>).</exception>
    public static async Task RequireFreeNowAsync(EdgeCloud cloud, IEnumerable<VolumeId> volumes, string? claim,
        CancellationToken cancellation)
    {
        foreach (var volume in volumes)
            await (await cloud.Storage.OpenWriterAsync(volume, new() { Claim = claim }, cancellation).ConfigureAwait(false)).DisposeAsync()
                .ConfigureAwait(false);
    }

    Task<WriterOptions> TakingOverAsync(VolumeId target, CancellationToken cancellation) =>
        _attempt?.TakingOverAsync(_cloud.Storage, target, isNew: false, cancellation)
        ?? Task.FromResult(new WriterOptions { TakesOver = true, Claim = _claim });

    Task<IVolumeWriter> OpenAsync(VolumeId target, WriterOptions options, int looksMax, CancellationToken cancellation) =>
        OpenWithAsync(target, () => Task.FromResult(options), looksMax, cancellation);

    // Whoever was overtaken looks, and asks, anew.
    async Task<IVolumeWriter> OpenWithAsync(
        VolumeId target, Func<Task<WriterOptions>> options, int looksMax, CancellationToken cancellation)
    {
        for (var look = 1; ; look++)
        {
            try
            {
                return await _cloud.Storage.OpenWriterAsync(target, await options().ConfigureAwait(false), cancellation)
                    .ConfigureAwait(false);
            }
            catch (CloudException taken) when (taken.Failure == CloudFailure.InUse && look < looksMax)
            {
                await Task.Delay(s_lookDelay, _cloud.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    // The failure is the one to see, and a storage that does not answer is not waited for once more.
    static async Task AbandonAsync(IEnumerable<IVolumeWriter> writers) =>
        await Task.WhenAll(writers.Select(writer => writer.DisposeAsync().AsTask()))
            .WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // What is read may be another's, who has begun since the writers were closed.
    async Task ReadBackAloneAsync(VolumeRestore restore, CancellationToken cancellation)
    {
        try
        {
            await ReadBackAsync(restore, cancellation).ConfigureAwait(false);
        }
        catch (CloudException failure)
        {
            await RequireUndisturbedAsync(failure, cancellation).ConfigureAwait(false);
            throw;
        }
    }

    async Task RequireUndisturbedAsync(CloudException failure, CancellationToken cancellation)
    {
        try
        {
            await RequireFreeAsync(cancellation).ConfigureAwait(false);
        }
        catch (CloudException taken) when (taken.Failure == CloudFailure.InUse)
        {
            throw new CloudException(CloudFailure.InUse, "read back", taken.Subject, $"somebody else has it now ({taken.Message})",
                failure);
        }
        catch (CloudException)
        {
            // A storage that does not answer is what the failure on its way up is about.
        }
    }

    async Task ReadBackAsync(VolumeRestore restore, CancellationToken cancellation)
    {
        foreach (var (volume, target) in _targets) await restore.ReadBackAsync(volume, target, cancellation).ConfigureAwait(false);
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
            return await writer.IsShutOutAsync(CancellationToken.None)
                .WaitAsync(s_patienceAfterFailure, TimeProvider.System, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is CloudException or TimeoutException)
        {
            // A cluster that does not answer is what the failure on its way up is about.
            return false;
        }
    }
}
