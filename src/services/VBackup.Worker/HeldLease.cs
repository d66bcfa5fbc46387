using VBackup.Contracts.Work;

namespace VBackup.Worker;

/// <summary>
/// Keeps a lease as long as the work goes on, and stops the work before the lease is over: by a clock of its own that nobody sets,
/// counted from before each question was asked.
/// </summary>
sealed class HeldLease : IAsyncDisposable
{
    readonly IWorkSource _source;
    readonly WorkLease _lease;
    readonly LeaseReport _report;
    readonly TimeProvider _clock;
    readonly TimeSpan _reportEvery;
    readonly CancellationTokenSource _work;
    readonly CancellationTokenSource _over = new();
    readonly Task _prolonging;

    public HeldLease(IWorkSource source, WorkLease lease, LeaseReport report, long askedAt, TimeSpan reportEvery, TimeProvider clock,
        CancellationToken stop)
    {
        (_source, _lease, _report, _reportEvery, _clock) = (source, lease, report, reportEvery, clock);
        _work = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _prolonging = ProlongAsync(askedAt, lease.Until);
    }

    /// <summary>Cancelled when the task is to be stopped, or is somebody else's.</summary>
    public CancellationToken Token => _work.Token;

    /// <summary>Why it is to be stopped; null when the lease was lost, or nothing was said.</summary>
    public string? StopReason { get; private set; }

    /// <summary>Nobody would hear what is said of the task.</summary>
    public bool IsLost => _report.IsLost;

    /// <summary>Asks at once whether the task is still held, before what nobody may do who has slept past the end of his lease.</summary>
    /// <exception cref="OperationCanceledException">It is not, or it is to be stopped.</exception>
    public async Task RequireAsync(CancellationToken cancellation)
    {
        var answer = await _source.ReportAsync(_lease.Task, _lease.Epoch, _report.Progress, cancellation).ConfigureAwait(false);
        if (answer is WorkAnswer.GoOn) return;
        if (answer is WorkAnswer.Halt halt) StopReason = halt.Reason;
        else _report.Loses();
        await _work.CancelAsync().ConfigureAwait(false);
        throw new OperationCanceledException(_work.Token);
    }

    async Task ProlongAsync(long askedAt, TimeSpan until)
    {
        try
        {
            var pause = PauseWithin(until);
            while (true)
            {
                await Task.Delay(pause, _clock, _over.Token).ConfigureAwait(false);
                var asked = _clock.GetTimestamp();
                // An answer that comes too late is none.
                var patience = until * 0.75 - _clock.GetElapsedTime(askedAt);
                var answer = patience > TimeSpan.Zero ? await AskAsync(patience).ConfigureAwait(false) : new WorkAnswer.Lost();
                pause = PauseWithin(until);
                switch (answer)
                {
                    case null:
                        // It is asked again, as long as there is time.
                        pause = TimeSpan.FromTicks(Math.Clamp((patience - _clock.GetElapsedTime(asked)).Ticks, 0, (until / 16).Ticks));
                        break;
                    case WorkAnswer.GoOn goOn:
                        (askedAt, until) = (asked, goOn.Until);
                        break;
                    case WorkAnswer.Halt halt:
                        StopReason = halt.Reason;
                        await _work.CancelAsync().ConfigureAwait(false);
                        // It is still held: the end of it has to be told.
                        (askedAt, until) = (asked, _lease.Until);
                        break;
                    default:
                        _report.Loses();
                        await _work.CancelAsync().ConfigureAwait(false);
                        return;
                }
            }
        }
        catch (Exception) when (_over.IsCancellationRequested)
        {
            // The work is over.
        }
    }

    // What is asked often tells how far it is; a lease that is short is asked for in time all the same.
    TimeSpan PauseWithin(TimeSpan until) => _reportEvery < until / 4 ? _reportEvery : until / 4;

    /// <returns>Null when there was no answer.</returns>
    async Task<WorkAnswer?> AskAsync(TimeSpan patience)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        using var timer = _clock.CreateTimer(_ => late.Cancel(), null, patience, Timeout.InfiniteTimeSpan);
        try
        {
            return await _source.ReportAsync(_lease.Task, _lease.Epoch, _report.Progress, late.Token).ConfigureAwait(false);
        }
        catch (Exception) when (!_over.IsCancellationRequested)
        {
            // A crash boundary: whatever the line fails with, the work is stopped in time unless somebody answers.
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync().ConfigureAwait(false);
        await _prolonging.ConfigureAwait(false);
        _over.Dispose();
        _work.Dispose();
    }
}
