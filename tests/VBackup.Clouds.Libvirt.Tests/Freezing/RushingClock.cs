namespace VBackup.Clouds.Libvirt.Tests.Freezing;

/// <summary>A clock on which every delay passes at once and moves the time on. Its timers tell a test that they
/// ring.</summary>
sealed class RushingClock : TimeProvider
{
    long nowTicks;

    /// <summary>Called with the time that has passed whenever a delay has.</summary>
    public Action<TimeSpan> OnPassed { get; set; } = _ => { };

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref nowTicks);

    public void Pass(TimeSpan time) => OnPassed(new TimeSpan(Interlocked.Add(ref nowTicks, time.Ticks)));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Pass(dueTime);
        callback(state);
        return new Rung();
    }

    sealed class Rung : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => false;
        public void Dispose() { }
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
