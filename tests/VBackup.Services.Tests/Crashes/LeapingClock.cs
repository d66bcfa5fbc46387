namespace VBackup.Services.Tests.Crashes;

/// <summary>For whoever looks again and again: a wait of a few seconds is over at once, and that time has passed. Longer ones are limits,
/// and never come: nobody here takes that long.</summary>
sealed class LeapingClock(TimeProvider basis) : TimeProvider
{
    static readonly TimeSpan s_limit = TimeSpan.FromSeconds(8);
    long _leapt;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => basis.GetUtcNow().AddTicks(Interlocked.Read(ref _leapt));

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Leap(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    sealed class Leap(LeapingClock clock, TimerCallback callback, object? state) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime < TimeSpan.Zero || dueTime >= s_limit) return true;
            Interlocked.Add(ref clock._leapt, dueTime.Ticks);
            return ThreadPool.QueueUserWorkItem(_ => callback(state));
        }

        public void Dispose()
        {
            // What was to come has come.
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
