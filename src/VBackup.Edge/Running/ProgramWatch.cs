namespace VBackup.Edge.Running;

/// <summary>Sees that a program stands still, or has taken too long.</summary>
sealed class ProgramWatch : IDisposable
{
    const int LooksWithinSilence = 10;

    readonly ProgramLimits _limits;
    readonly Func<string?> _moved;
    readonly Lock _looking = new();
    readonly CancellationTokenSource _over;
    readonly ITimer _timer;
    readonly long _start;
    long _stillSince;
    string? _last;

    /// <param name="moved">Another text each time that the program has come forward; null where nobody can tell, which counts as that.
    /// </param>
    public ProgramWatch(ProgramLimits limits, Func<string?> moved, CancellationToken cancellation)
    {
        (_limits, _moved) = (limits, moved);
        _over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _start = _stillSince = limits.Clock.GetTimestamp();
        var period = limits.Silence / LooksWithinSilence;
        _timer = limits.Clock.CreateTimer(_ => Look(), null, period, period);
    }

    /// <summary>When it is to be ended, for this or because somebody cancelled.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>What it failed at; null as long as it may go on.</summary>
    public string? Reason { get; private set; }

    /// <summary>Whether that is that it stands still.</summary>
    public bool IsStill { get; private set; }

    void Look()
    {
        lock (_looking)
        {
            if (Reason is not null) return;
            var now = _moved();
            if (now is null || now != _last) (_last, _stillSince) = (now, _limits.Clock.GetTimestamp());
            if (_limits.Clock.GetElapsedTime(_start) >= _limits.Total)
                Reason = $"it was not done after {Units.Duration(_limits.Total)}";
            else if (_limits.Clock.GetElapsedTime(_stillSince) >= _limits.Silence)
                (IsStill, Reason) = (true, $"it neither read nor wrote anything for {Units.Duration(_limits.Silence)}");
            // Who waits for it goes on elsewhere, and not under this lock.
            if (Reason is not null) _ = _over.CancelAsync();
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        // A look that is under way ends before what it cancels is gone.
        lock (_looking) Reason ??= "it has ended";
        _over.Dispose();
    }
}
