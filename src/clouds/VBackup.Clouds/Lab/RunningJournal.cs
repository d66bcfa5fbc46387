using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// Keeps a <see cref="WriteOrderJournal"/> on two volumes of any storage, record after record, until it is told to stop. It
/// can be held still between two records. Thread-safe. Owns the writers that it opens.
/// </summary>
public sealed class RunningJournal : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    // Who has it may write.
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Lock _waiters = new();
    private readonly IVolumeWriter[] _volumes;
    private readonly WriteOrderJournal _journal;
    private TaskCompletionSource _next = NewSource();
    private long _written;

    private RunningJournal(IVolumeWriter[] volumes, WriteOrderJournal journal)
    {
        _volumes = volumes;
        _journal = journal;
        _written = journal.Last;
        Ended = Task.Run(RunAsync);
    }

    /// <summary>The last record that both volumes have.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>Done when it was told to stop; failed when it could not write any more.</summary>
    public Task Ended { get; }

    /// <exception cref="CloudException">A volume is missing, or somebody writes to it.</exception>
    public static Task<RunningJournal> StartAsync(
        IVolumeStorage storage, VolumeId first, VolumeId second, CancellationToken cancellation) =>
        StartAsync(volume => storage.OpenWriterAsync(volume, new(), cancellation), first, second, cancellation);

    /// <param name="openAsync">Opens a volume as a server does.</param>
    public static async Task<RunningJournal> StartAsync(
        Func<VolumeId, Task<IVolumeWriter>> openAsync, VolumeId first, VolumeId second, CancellationToken cancellation)
    {
        List<IVolumeWriter> volumes = [];
        try
        {
            foreach (var volume in (VolumeId[])[first, second]) volumes.Add(await openAsync(volume).ConfigureAwait(false));
            return new([.. volumes], await WriteOrderJournal.OpenAsync(volumes[0], volumes[1], cancellation).ConfigureAwait(false));
        }
        catch
        {
            foreach (var volume in volumes) await volume.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Returns when both volumes have a record.</summary>
    /// <exception cref="InvalidOperationException">It ended before.</exception>
    public async Task ReachAsync(long record, CancellationToken cancellation)
    {
        while (true)
        {
            Task next;
            lock (_waiters)
            {
                if (_written >= record) return;
                next = _next.Task;
            }
            await next.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Returns when both volumes have the same last record; no other is written before <see cref="Release"/>.</summary>
    public Task HoldAsync(CancellationToken cancellation) => _writing.WaitAsync(cancellation);

    /// <summary>REQUIRES: <see cref="HoldAsync"/> returned.</summary>
    public void Release() => _writing.Release();

    /// <summary>Asks it to end, and returns at once.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _writing.WaitAsync(_stopping.Token).ConfigureAwait(false);
                try
                {
                    await _journal.AppendAsync(_stopping.Token).ConfigureAwait(false);
                }
                finally
                {
                    _writing.Release();
                }
                Advance(_journal.Last);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Told to stop.
            return;
        }
        finally
        {
            foreach (var volume in _volumes) await volume.DisposeAsync().ConfigureAwait(false);
            lock (_waiters) _next.TrySetException(new InvalidOperationException("the journal is not written any more"));
        }
    }

    private void Advance(long written)
    {
        TaskCompletionSource reached;
        lock (_waiters)
        {
            _written = written;
            reached = _next;
            _next = NewSource();
        }
        reached.SetResult();
    }

    private static TaskCompletionSource NewSource()
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Nobody may be waiting when it fails.
        source.Task.ContinueWith(
            task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return source;
    }

    /// <summary>Ends it between two writes, as pulling the plug would.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        // How it ended is for who looks at Ended; here it only must have.
        await Task.WhenAny(Ended).ConfigureAwait(false);
        _writing.Dispose();
        _stopping.Dispose();
    }
}
