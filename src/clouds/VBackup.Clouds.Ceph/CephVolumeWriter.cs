using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Native;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph;

/// <summary>
/// An image that is being written, by a client of its own: whoever takes over shuts out that client, and with it this writer
/// and nobody else. It holds the image's lock until it is disposed. Owns the image and the connection.
/// </summary>
internal sealed class CephVolumeWriter(
    RbdImage image, CephConnection connection, long lengthBytes, bool isAllZero, BoundedCalls calls) : IVolumeWriter
{
    // librbd begins with all objects of a range at once.
    private const long ZeroPieceBytes = 256L << 20;
    private readonly ImageTransfers _transfers = new(image, image.Subject, calls.Notes);
    private readonly Lock _asking = new();
    private long _lengthBytes = lengthBytes;
    private bool _hasZeroed;

    public string Description => image.Subject;
    public long LengthBytes => _lengthBytes;
    public bool IsAllZero => isAllZero;

    /// <summary>REQUIRES: no transfer is under way.</summary>
    public RbdImage Image => image;

    /// <summary>Nobody else uses it. REQUIRES: it is not disposed.</summary>
    public CephConnection Connection => connection;

    /// <summary>Opens an image that nobody watches, and takes its lock.</summary>
    /// <param name="isToRemove">Its image is not only written: see <see cref="RemoveImageAsync"/>.</param>
    /// <exception cref="CloudException">Somebody has it open, or holds its lock.</exception>
    public static CephVolumeWriter Open(CephSettings settings, RbdPath path, WriterOptions options, BoundedCalls calls, bool isToRemove)
    {
        var connection = CephConnection.Open(settings);
        RbdImage? image = null;
        HashSet<string> shutOut = [];
        try
        {
            // Looking first is not enough: two that open at once would both see nobody. Looking again with the image open is.
            Watcher? signer = null;
            using (var look = RbdImage.Open(connection, path, isReadOnly: true))
            {
                if (options.TakesOver) signer = look.SignedBy();
                var watchers = RefuseWatched(look, connection.ClientId, signer);
                // Looked at after those who are to go: who has come since it was seen is not among them, or is seen now.
                RequireNobodySince(look, options);
                // A holder that sleeps must find the door closed, not only the lock gone.
                foreach (var watcher in watchers) ShutOut(watcher.Address);
            }
            image = RbdImage.Open(connection, path, isReadOnly: false);
            RefuseWatched(image, connection.ClientId, signer);
            var holders = image.LockHolders();
            if (holders.Count > 0 && !options.TakesOver)
                throw new CloudException(CloudFailure.InUse, "open for writing", path.ToString(),
                    $"{holders[0].Client} at {holders[0].Address} holds its lock and may still write: open it to take over");
            RequireNobodySince(image, options);
            foreach (var holder in holders)
            {
                ShutOut(holder.Address);
                image.BreakLock(holder);
            }
            image.Lock();
            // With the lock nobody else gets here; who was shut out meanwhile writes no claim any more.
            RequireNobodySince(image, options);
            // One that sleeps and has nothing open may be about to remove it: with the lock nobody else signs any more.
            if (options.TakesOver && image.SignedBy() is { } last && last.ClientId != connection.ClientId) ShutOut(last.Address);
            if (options.TakesOver) image.Claim(VolumeClaim.TextOf(options));
            else if (options.Claim is { } claim) VolumeClaim.RequireSame(image.ClaimedBy(), claim, path.ToString());
            var self = image.Watchers().Find(watcher => watcher.ClientId == connection.ClientId)
                ?? throw new CloudException(CloudFailure.TimedOut, "open for writing", path.ToString(),
                    "Ceph has given this client up already: its disks have not heard of it for half a minute");
            image.Sign(self, stays: isToRemove);
            return new(image, connection, image.LengthBytes, options.IsNew, calls);
        }
        catch
        {
            image?.Dispose();
            connection.Dispose();
            throw;
        }

        // One client may watch, hold the lock and have signed; each time takes the monitors a while.
        void ShutOut(string address)
        {
            if (shutOut.Add(address)) connection.ShutOut(address, path.ToString());
        }
    }

    private static void RequireNobodySince(RbdImage image, WriterOptions options)
    {
        if (options.TakesOver) VolumeClaim.RequireNobodySince(image.ClaimedBy(), options, image.Subject);
    }

    // Another writer of ours may be taken over from; a server, or anybody else, may not.
    /// <returns>Those who watch it and may be taken over from.</returns>
    private static List<Watcher> RefuseWatched(RbdImage image, long ownClientId, Watcher? signer)
    {
        var watchers = image.Watchers();
        if (watchers.Find(watcher => watcher.ClientId != ownClientId && watcher.ClientId != signer?.ClientId) is { } watcher)
            throw new CloudException(CloudFailure.InUse, "open for writing", image.Subject,
                $"client.{watcher.ClientId} at {watcher.Address} has it open: stop the server or program that uses it, and try again " +
                "(one that died is forgotten after half a minute)");
        return watchers.FindAll(watcher => watcher.ClientId == signer?.ClientId);
    }

    public IEnumerable<Extent> AllocatedExtents(long from = 0) =>
        Allocation.Of(image, _asking, _lengthBytes, from, () => Volatile.Read(ref _hasZeroed));

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        FreedMemory.Moved(buffer.Length);
        return _transfers.ReadAsync(offset, buffer);
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        CheckWithin(new(offset, content.Length));
        FreedMemory.Moved(content.Length);
        return _transfers.WriteAsync(offset, content);
    }

    public async ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        CheckWithin(range);
        Volatile.Write(ref _hasZeroed, true);
        for (var at = range.Offset; at < range.End; at += ZeroPieceBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            await _transfers.ZeroAsync(at, Math.Min(ZeroPieceBytes, range.End - at)).ConfigureAwait(false);
        }
    }

    /// <summary>Makes it longer or shorter. Blocks. REQUIRES: no transfer is under way.</summary>
    public void Resize(long newLengthBytes)
    {
        if (newLengthBytes == _lengthBytes) return;
        image.Resize(newLengthBytes);
        _lengthBytes = newLengthBytes;
    }

    // librbd leaves out what lies past the end, and says nothing.
    private void CheckWithin(Extent range)
    {
        if (range.Offset < 0 || range.Length > _lengthBytes - range.Offset)
            throw new CloudException(CloudFailure.Other, "write", image.Subject,
                $"{range.Length} bytes at {range.Offset} reach past its end at {_lengthBytes}");
    }

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _transfers.FlushAsync();
    }

    public Task NoteRestoreAsync(RestoreNote? note, CancellationToken cancellation) =>
        calls.RunAsync("note", image.Subject, () => image.NoteRestore(note?.ToText()), cancellation);

    public async Task<bool> IsShutOutAsync(CancellationToken cancellation)
    {
        try
        {
            var signer = await calls.RunAsync("rbd_metadata_get", image.Subject, image.SignedBy, cancellation).ConfigureAwait(false);
            return signer?.ClientId != connection.ClientId;
        }
        catch (CloudException e) when (e.HResult == CephFailure.ShutOut)
        {
            return true;
        }
    }

    /// <summary>Removes the image, which has to be closed for that. By what is written on it whoever takes it over meanwhile shuts this
    /// client out all the same, however long it sleeps between the two. To be called instead of <see cref="DisposeAsync"/>.</summary>
    /// <exception cref="CloudException">It has snapshots, or this client was shut out.</exception>
    public async Task RemoveImageAsync()
    {
        await _transfers.CloseAsync().ConfigureAwait(false);
        await calls.RunAsync("remove", image.Subject, () =>
        {
            using var closing = connection;
            image.Dispose();
            RbdImage.Remove(connection, image.Path);
        }, CancellationToken.None).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _transfers.CloseAsync().ConfigureAwait(false);
        await calls.RunAsync("rbd_close", image.Subject, () =>
        {
            image.Dispose();
            connection.Dispose();
        }, CancellationToken.None).ConfigureAwait(false);
    }
}
