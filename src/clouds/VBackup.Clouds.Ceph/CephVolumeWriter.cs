using VBackup.Clouds.Ceph.Images;
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
    private readonly ImageTransfers _transfers = new(image, image.Subject);
    private readonly Lock _asking = new();

    public string Description => image.Subject;
    public long LengthBytes => lengthBytes;
    public bool IsAllZero => isAllZero;

    /// <summary>REQUIRES: no transfer is under way.</summary>
    public RbdImage Image => image;

    /// <summary>Opens an image that nobody watches, and takes its lock.</summary>
    /// <exception cref="CloudException">Somebody has it open, or holds its lock.</exception>
    public static CephVolumeWriter Open(CephSettings settings, RbdPath path, WriterOptions options, BoundedCalls calls)
    {
        var connection = CephConnection.Open(settings);
        RbdImage? image = null;
        try
        {
            // Looking first is not enough: two that open at once would both see nobody. Looking again with the image open is.
            using (var look = RbdImage.Open(connection, path, isReadOnly: true)) RefuseWatched(look, connection.ClientId);
            image = RbdImage.Open(connection, path, isReadOnly: false);
            RefuseWatched(image, connection.ClientId);
            var holders = image.LockHolders();
            if (holders.Count > 0 && !options.TakesOver)
                throw new CloudException(CloudFailure.InUse, "open for writing", path.ToString(),
                    $"{holders[0].Client} at {holders[0].Address} holds its lock and may still write: open it to take over");
            foreach (var holder in holders)
            {
                // Shut out first: a holder that sleeps must find the door closed, not only the lock gone.
                connection.ShutOut(holder.Address, path.ToString());
                image.BreakLock(holder);
            }
            image.Lock();
            return new(image, connection, image.LengthBytes, options.IsNew, calls);
        }
        catch
        {
            image?.Dispose();
            connection.Dispose();
            throw;
        }
    }

    private static void RefuseWatched(RbdImage image, long ownClientId)
    {
        if (image.Watchers().Find(watcher => watcher.ClientId != ownClientId) is { } watcher)
            throw new CloudException(CloudFailure.InUse, "open for writing", image.Subject,
                $"client.{watcher.ClientId} at {watcher.Address} has it open: stop the server or program that uses it, and try again " +
                "(one that died is forgotten after half a minute)");
    }

    public IEnumerable<Extent> AllocatedExtents(long from = 0) => Allocation.Of(image, _asking, lengthBytes, from);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _transfers.ReadAsync(offset, buffer);
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _transfers.WriteAsync(offset, content);
    }

    public async ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        for (var at = range.Offset; at < range.End; at += ZeroPieceBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            await _transfers.ZeroAsync(at, Math.Min(ZeroPieceBytes, range.End - at)).ConfigureAwait(false);
        }
    }

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _transfers.FlushAsync();
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
