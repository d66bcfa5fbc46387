using System.Collections.Concurrent;

namespace VBackup.Vault.Stores.Tests;

/// <summary>A clock on which every delay passes at once, is remembered, and moves the time on.</summary>
sealed class RushingClock : TimeProvider
{
    readonly ConcurrentQueue<TimeSpan> delays = new();
    long nowTicks;

    public IReadOnlyList<TimeSpan> Delays => [.. delays];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref nowTicks);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        delays.Enqueue(dueTime);
        Interlocked.Add(ref nowTicks, dueTime.Ticks);
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
