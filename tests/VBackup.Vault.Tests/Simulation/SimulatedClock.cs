namespace VBackup.Vault.Tests.Simulation;

/// <summary>Time that passes only as the scheduler lets it: a little at every step, and a leap when a timer comes due.</summary>
internal sealed class SimulatedClock(Scheduler scheduler) : TimeProvider
{
    private DateTimeOffset _now = World.TestVault.Epoch;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now.Ticks;

    public void Advance(TimeSpan by) => _now += by;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var due = _now + dueTime;
        // Before anybody acts, nobody waits: what is done then is done at once.
        if (scheduler.Current is not { } actor) return new Timer(null);
        var step = new PauseStep(actor, () =>
        {
            if (_now < due) _now = due;
            callback(state);
        });
        scheduler.Enqueue(step);
        return new Timer(step);
    }

    /// <summary>Nobody changes a delay once it runs.</summary>
    private sealed class Timer(PauseStep? step) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();
        public void Dispose() => step?.Actor.Waiting.Remove(step);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
