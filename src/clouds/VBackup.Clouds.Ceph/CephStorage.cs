using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Snapshots;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Ceph;

/// <summary>
/// Volumes that are RBD images. Connects when it is first used. Reading, looking and snapshots share one client of the cluster;
/// each writer has a client of its own, so that shutting one out hits nobody else. Thread-safe.
/// </summary>
public sealed class CephStorage : IVolumeStorage
{
    private readonly CephSettings _settings;
    private readonly CephSnapshots _snapshots;
    private readonly SemaphoreSlim _connecting = new(1);
    private CephConnection? _connection;
    private bool _wasReached, _isDisposed;

    public CephStorage(CephSettings settings, TimeProvider? clock = null)
    {
        _settings = settings;
        _snapshots = new(this);
        Clock = clock ?? TimeProvider.System;
        Calls = new(settings.CallTimeout, Clock, WaitingNotes.Of(settings, Clock));
    }

    public string Description => $"Ceph by {_settings.ConfigurationFile} as client.{_settings.User}";

    public IVolumeSnapshots Snapshots => _snapshots;

    internal CephSnapshots CephSnapshots => _snapshots;

    internal BoundedCalls Calls { get; }

    internal TimeProvider Clock { get; }

    /// <exception cref="CloudException">It is no volume's name, or in a pool that is not to be used.</exception>
    internal RbdPath PathOf(VolumeId volume)
    {
        var path = RbdPath.Parse(volume);
        return _settings.Pools is not { } pools || pools.Contains(path.Pool) ? path
            : throw new CloudException(CloudFailure.LeftOut, "open", path.ToString(),
                $"its pool is none of those that the cloud's configuration names: {string.Join(", ", pools)}");
    }

    public bool NamesPlaces => _settings.Pools is not null;

    public Task RequireReachableAsync(CancellationToken cancellation) => RunAsync("look for pools", Description, connection =>
    {
        foreach (var pool in _settings.Pools ?? [])
        {
            if (!connection.HasPool(pool))
                throw new CloudException(CloudFailure.NotFound, "look for", $"pool {pool}",
                    "there is no such pool in the cluster: the cloud's configuration names it");
            RequireReadable(connection, pool);
        }
        return true;
    }, cancellation);

    // What is asked for may be there or not: only a refusal says something.
    private void RequireReadable(CephConnection connection, string pool)
    {
        const string asked = "rbd_directory";
        BoundedCalls.Asks(connection, pool, "", asked);
        try
        {
            connection.HasObject(pool, "", asked);
        }
        catch (CloudException refused) when (refused.Failure == CloudFailure.NotAllowed)
        {
            throw new CloudException(CloudFailure.NotAllowed, "look into", $"pool {pool}",
                $"the Ceph user client.{_settings.User} may not read it, and the cloud's configuration names it", refused);
        }
    }

    public Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync<long?>("look at", path.ToString(), connection =>
        {
            // A pool that is not there is a mistake in the configuration, an image that is not there an answer.
            using var pool = connection.OpenPool(path.Pool, path.Namespace);
            try
            {
                using var image = RbdImage.Open(connection, path, isReadOnly: true);
                return image.LengthBytes;
            }
            catch (CloudException e) when (e.Failure == CloudFailure.NotFound)
            {
                return null;
            }
        }, cancellation);
    }

    public Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync<VolumeSize?>("look at", path.ToString(), connection =>
        {
            using var pool = connection.OpenPool(path.Pool, path.Namespace);
            try
            {
                using var image = RbdImage.Open(connection, path, isReadOnly: true);
                var length = image.LengthBytes;
                return new VolumeSize(length, Allocation.Told(image, length));
            }
            catch (CloudException e) when (e.Failure == CloudFailure.NotFound)
            {
                return null;
            }
        }, cancellation);
    }

    public Task<string?> FindIdentityAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync<string?>("look at", path.ToString(), connection =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            return image.Id();
        }, cancellation);
    }

    public Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation) =>
        FindOnAsync(volume, image => RestoreNote.Parse(image.RestoreNoted(), image.Subject), cancellation);

    public Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation) =>
        FindOnAsync(volume, image => image.ClaimedBy(), cancellation);

    /// <returns>Null, too, when there is no such volume.</returns>
    private Task<T?> FindOnAsync<T>(VolumeId volume, Func<RbdImage, T?> find, CancellationToken cancellation) where T : class
    {
        var path = PathOf(volume);
        return RunAsync("look at", path.ToString(), connection =>
        {
            try
            {
                using var image = RbdImage.Open(connection, path, isReadOnly: true);
                return find(image);
            }
            catch (CloudException e) when (e.Failure == CloudFailure.NotFound)
            {
                return null;
            }
        }, cancellation);
    }

    public async Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        var path = PathOf(volume);
        await Calls.WaitForLateAsync(path.ToString(), "create", cancellation).ConfigureAwait(false);
        // Whoever made it knows that it is his; by its name alone nobody else does.
        Func<Task> undo = claim is null ? () => RemoveNowAsync(path, CancellationToken.None)
            : () => RemoveClaimedNowAsync(path, [claim], CancellationToken.None);
        await RunAsync("create", path.ToString(), connection =>
        {
            if (claim is null) RbdImage.Create(connection, path, lengthBytes);
            else ClaimedImage.Create(connection, path, lengthBytes, claim);
            return true;
        }, cancellation, new(path.ToString(), undo)).ConfigureAwait(false);
    }

    public async Task RemoveAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        await Calls.WaitForLateAsync(path.ToString(), "remove", cancellation).ConfigureAwait(false);
        await RemoveNowAsync(path, cancellation).ConfigureAwait(false);
    }

    private Task<bool> RemoveNowAsync(RbdPath path, CancellationToken cancellation) => RunAsync("remove", path.ToString(), connection =>
    {
        RbdImage.Remove(connection, path);
        return true;
    }, cancellation);

    public async Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        await Calls.WaitForLateAsync(path.ToString(), "remove", cancellation).ConfigureAwait(false);
        return await RemoveClaimedNowAsync(path, claims, cancellation).ConfigureAwait(false);
    }

    private async Task<bool> RemoveClaimedNowAsync(RbdPath path, IReadOnlyList<string> claims, CancellationToken cancellation)
    {
        var volume = path.Volume;
        if (await FindClaimAsync(volume, cancellation).ConfigureAwait(false) is not { } claim || !claims.Contains(claim)) return false;
        var options = new WriterOptions { TakesOver = true, Claim = claim, Seen = new(claim) };
        try
        {
            var writer = await OpenRbdWriterAsync(path, options, cancellation, isToRemove: true).ConfigureAwait(false);
            await writer.RemoveImageAsync().ConfigureAwait(false);
            return true;
        }
        catch (CloudException gone) when (gone.Failure == CloudFailure.NotFound)
        {
            return false;
        }
        catch (CloudException taken) when (taken.HResult == CephFailure.ShutOut)
        {
            // By who has taken it over; or by an administrator, and then it is there still.
            if (await FindClaimAsync(volume, cancellation).ConfigureAwait(false) != claim) return false;
            throw;
        }
    }

    public async Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        await Calls.WaitForLateAsync(path.ToString(), "remove", cancellation).ConfigureAwait(false);
        return await RunAsync("remove", path.ToString(), connection => ClaimedImage.RemoveUnfinished(connection, path, owner),
            cancellation).ConfigureAwait(false);
    }

    public Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        var path = PathOf(volume);
        return RunAsync("resize", path.ToString(), connection =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: false);
            image.Resize(lengthBytes);
            return true;
        }, cancellation);
    }

    public Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync<StorageRoom?>("look for room", path.ToString(), connection =>
        {
            var pool = DataPoolOf(connection, path);
            return new($"pool {pool}", connection.FreeBytes(pool));
        }, cancellation);
    }

    // The header needs next to nothing. What is written, and what a snapshot keeps of it, goes to the pool that has the data.
    private static string DataPoolOf(CephConnection connection, RbdPath path)
    {
        try
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            return connection.PoolName(image.DataPoolId());
        }
        catch (CloudException none) when (none.Failure == CloudFailure.NotFound)
        {
            return RbdImage.DataPoolOfNew(connection, path);
        }
    }

    public Task RequireWritableAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync("ask whether it may be written", path.ToString(), connection =>
        {
            using var image = RbdImage.Open(connection, path, isReadOnly: true);
            WriteProbe.Require(connection, image);
            return true;
        }, cancellation);
    }

    public Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation)
    {
        var path = PathOf(volume);
        return RunAsync<IVolumeReader>("open", path.ToString(), connection =>
        {
            var image = RbdImage.Open(connection, path, isReadOnly: true);
            try
            {
                return new CephVolumeReader(image, path.ToString(), image.LengthBytes, Calls);
            }
            catch
            {
                image.Dispose();
                throw;
            }
        }, cancellation);
    }

    public async Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation) =>
        await OpenRbdWriterAsync(PathOf(volume), options, cancellation).ConfigureAwait(false);

    internal Task<CephVolumeWriter> OpenRbdWriterAsync(
        RbdPath path, WriterOptions options, CancellationToken cancellation, bool isToRemove = false) => Calls.RunAsync(
            "open for writing", path.ToString(), () => CephVolumeWriter.Open(_settings, path, options, Calls, isToRemove), cancellation);

    /// <summary>Runs what blocks, within the time limit, on the shared connection.</summary>
    internal async Task<T> RunAsync<T>(string operation, string subject, Func<CephConnection, T> work, CancellationToken cancellation,
        Making? making = null)
    {
        var connection = await ConnectAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Calls.RunAsync(operation, subject, () => work(connection), cancellation, making: making).ConfigureAwait(false);
        }
        catch (CloudException e) when (e.HResult == CephFailure.ShutOut)
        {
            // This client will never be let in again; the next call comes as a new one.
            await ForgetAsync(connection).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The same for what may be begun anew wherever it was cut short: whoever was shut out comes once more, as a new
    /// client.</summary>
    internal async Task<T> RunAnewAsync<T>(
        string operation, string subject, Func<CephConnection, T> work, CancellationToken cancellation)
    {
        try
        {
            return await RunAsync(operation, subject, work, cancellation).ConfigureAwait(false);
        }
        catch (CloudException e) when (e.HResult == CephFailure.ShutOut)
        {
            return await RunAsync(operation, subject, work, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<CephConnection> ConnectAsync(CancellationToken cancellation)
    {
        await _connecting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_connection is { } open) return open;
            // Where it answered once, it is worth waiting for; where it never did, the addresses or the network are wrong.
            var patience = _wasReached ? _settings.OperationTimeout : _settings.ConnectTimeout;
            _connection = await Calls.RunAsync("connect", Description, () => CephConnection.Open(_settings, patience), cancellation,
                CephConnection.LongestOpening(patience)).ConfigureAwait(false);
            _wasReached = true;
            return _connection;
        }
        finally
        {
            _connecting.Release();
        }
    }

    private async Task ForgetAsync(CephConnection connection)
    {
        await _connecting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_connection != connection) return;
            _connection = null;
        }
        finally
        {
            _connecting.Release();
        }
        await Calls.RunAsync("rados_shutdown", Description, connection.Dispose, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Readers that are still open stay usable; the client goes with the last of them.</summary>
    public async ValueTask DisposeAsync()
    {
        await _connecting.WaitAsync().ConfigureAwait(false);
        var connection = _connection;
        _connection = null;
        _isDisposed = true;
        _connecting.Release();
        if (connection is not null)
            await Calls.RunAsync("rados_shutdown", Description, connection.Dispose, CancellationToken.None).ConfigureAwait(false);
    }
}
