namespace VBackup.Clouds.Libvirt.Native;

/// <summary>
/// One address of a libvirtd, opened when first needed and again after it was lost. Thread-safe.
/// libvirt's calls block for as long as libvirtd pleases. So each runs on a thread of its own, and when its time is
/// over the caller goes on without it: the connection is given up, and the thread ends when libvirtd answers or the
/// keep-alive says that it is dead.
/// </summary>
internal sealed class LibvirtConnection(LibvirtSettings settings, TimeProvider clock) : IDisposable
{
    /// <summary>So many calls may hang before further ones are refused at once: each holds a thread.</summary>
    public const int CallsMax = 32;

    private const int KeepAliveSeconds = 5;
    private const uint KeepAliveCount = 3;

    private readonly Lock _lock = new();
    private ConnectionHandle? _open;
    private bool _disposed;
    private int _calls;

    /// <param name="call">Runs on a thread of its own, and returns nothing that must be disposed of.</param>
    public async Task<T> CallAsync<T>(
        string operation, string subject, TimeSpan limit, Func<ConnectionHandle, T> call, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (Interlocked.Increment(ref _calls) > CallsMax)
        {
            Interlocked.Decrement(ref _calls);
            throw new CloudException(
                CloudFailure.TimedOut, operation, subject, $"{CallsMax} earlier calls to {settings.Uri} still wait for an answer");
        }
        ConnectionHandle? used = null;
        var running = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    var connection = Open(subject);
                    Volatile.Write(ref used, connection);
                    return call(connection);
                }
                finally
                {
                    Interlocked.Decrement(ref _calls);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        try
        {
            return await running.WaitAsync(limit, clock, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException && !running.IsFaulted)
        {
            // Nobody waits for how it fails any more.
            _ = running.ContinueWith(
                static late => _ = late.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            if (failure is OperationCanceledException) throw;
            GiveUp(Volatile.Read(ref used));
            throw new CloudException(
                CloudFailure.TimedOut, operation, subject, $"no answer from {settings.Uri} within {limit.TotalSeconds:0.#} s", failure);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _open?.Dispose();
            _open = null;
        }
    }

    private ConnectionHandle Open(string subject)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_open is { IsClosed: false } open && LibvirtLibrary.virConnectIsAlive(open) == 1) return open;
            // Not disposed of: other calls may be using it. The finalizer closes it after the last of them.
            _open = null;
        }
        // Outside of the lock: opening may hang. Two callers may both open one; the first is kept, the other serves
        // its call.
        var opened = OpenNew(subject);
        // A connection within the process has nobody to keep alive, and says so: it does not hang either.
        _ = LibvirtLibrary.virConnectSetKeepAlive(opened, KeepAliveSeconds, KeepAliveCount);
        lock (_lock)
        {
            if (!_disposed)
            {
                _open ??= opened;
                return opened;
            }
        }
        opened.Dispose();
        throw new ObjectDisposedException(nameof(LibvirtConnection));
    }

    private ConnectionHandle OpenNew(string subject)
    {
        var operation = $"connect to {settings.Uri}";
        try
        {
            LibvirtRuntime.EnsureStarted();
            return LibvirtError.Check(LibvirtLibrary.virConnectOpen(settings.Uri), operation, subject);
        }
        catch (DllNotFoundException missing)
        {
            throw new CloudException(
                CloudFailure.NotSupported, operation, subject, "libvirt's library is missing: install the package libvirt0", missing);
        }
    }

    /// <summary>The next call opens a new connection. This one is closed by its finalizer, after the calls that hang
    /// in it.</summary>
    private void GiveUp(ConnectionHandle? hanging)
    {
        lock (_lock)
        {
            if (hanging is not null && ReferenceEquals(_open, hanging)) _open = null;
        }
    }
}
