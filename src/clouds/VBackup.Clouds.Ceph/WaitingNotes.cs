namespace VBackup.Clouds.Ceph;

/// <summary>What stands still.</summary>
/// <param name="Call">As a user calls it.</param>
/// <param name="Whom">Finds who does not answer; null when that is not known. May block.</param>
internal sealed record Waiting(string Call, Func<Task<string?>> Whom);

/// <summary>
/// Says, each time that the cluster stands still, which call waits and for whom: once, however many calls wait with it, and again only
/// when all of them went on or ended. Thread-safe.
/// </summary>
internal sealed class WaitingNotes(TimeSpan after, TimeSpan patience, TimeProvider clock, Action<string> tell)
{
    // Whoever is waited for is asked for from a monitor, which may be what does not answer.
    private static readonly TimeSpan s_askingMax = TimeSpan.FromSeconds(3);
    private int _waiting;

    /// <summary>A call that has stood still for so long waits.</summary>
    public TimeSpan After => after;

    public TimeProvider Clock => clock;

    /// <summary>Null where nobody listens.</summary>
    public static WaitingNotes? Of(CephSettings settings, TimeProvider clock) =>
        settings.OnWaiting is { } tell ? new(settings.WaitingAfter, settings.OperationTimeout, clock, tell) : null;

    /// <summary>Looks again and again, until what it returns is disposed.</summary>
    /// <param name="look">Says what stands still; null when nothing does. Called by one thread at a time.</param>
    public IDisposable Watch(TimeSpan period, Func<Waiting?> look) => new Watcher(this, period, look);

    private void Begin(Waiting waiting)
    {
        if (Interlocked.Increment(ref _waiting) == 1) _ = TellAsync(waiting);
    }

    private void End() => Interlocked.Decrement(ref _waiting);

    private async Task TellAsync(Waiting waiting)
    {
        var asking = Task.Run(waiting.Whom);
        await ((Task)asking).WaitAsync(s_askingMax, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var whom = asking.IsCompletedSuccessfully ? await asking.ConfigureAwait(false) : null;
        tell($"{waiting.Call}: no answer from {whom ?? "the cluster"} for {after.TotalSeconds:0.#} s; it is waited for, at most "
            + $"{patience.TotalSeconds:0.#} s for each operation");
    }

    private sealed class Watcher : IDisposable
    {
        private readonly WaitingNotes _notes;
        private readonly Func<Waiting?> _look;
        private readonly Lock _looking = new();
        private readonly ITimer _timer;
        private bool _waits, _isOver;

        public Watcher(WaitingNotes notes, TimeSpan period, Func<Waiting?> look)
        {
            (_notes, _look) = (notes, look);
            _timer = notes.Clock.CreateTimer(_ => Look(), null, period, period);
        }

        private void Look()
        {
            lock (_looking)
            {
                if (_isOver) return;
                var waiting = _look();
                if (waiting is not null && !_waits) _notes.Begin(waiting);
                if (waiting is null && _waits) _notes.End();
                _waits = waiting is not null;
            }
        }

        public void Dispose()
        {
            _timer.Dispose();
            lock (_looking)
            {
                if (_waits) _notes.End();
                (_waits, _isOver) = (false, true);
            }
        }
    }
}
