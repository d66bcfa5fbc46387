using System.Collections.Concurrent;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>Calls that make something, and that somebody does not wait for to their end.</summary>
public sealed class BoundedCallTests : IDisposable
{
    const string Thing = "rbd/new";
    static readonly TimeSpan Long = TimeSpan.FromDays(1), Short = TimeSpan.FromMinutes(1);

    readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly BlockingCollection<bool> goesOn = [];
    readonly TaskCompletionSource undoing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int undone;

    public void Dispose() => goesOn.Dispose();

    /// <summary>Makes something as soon as it may go on.</summary>
    Task<string> MakeAsync(BoundedCalls calls, CancellationToken cancellation, Action? beforeTheLastStep = null) => calls.RunAsync("create",
        Thing, () =>
        {
            begun.SetResult();
            goesOn.Take();
            beforeTheLastStep?.Invoke();
            return "made";
        }, cancellation, making: new(Thing, () =>
        {
            undone++;
            undoing.SetResult();
            return Task.CompletedTask;
        }));

    [Fact]
    public async Task One_that_ends_soon_after_a_cancellation_tells_what_it_made()
    {
        using var stop = new CancellationTokenSource();
        var making = MakeAsync(new(Long, new RingingClock(TimeSpan.Zero)), stop.Token);
        await begun.Task;
        await stop.CancelAsync();
        goesOn.Add(true);
        Assert.Equal("made", await making);
        Assert.Equal(0, undone);
    }

    [Fact]
    public async Task What_a_cancelled_one_makes_late_is_undone_and_whoever_tidies_up_waits_for_that()
    {
        var calls = new BoundedCalls(Long, new RingingClock(Short));
        using var stop = new CancellationTokenSource();
        var making = MakeAsync(calls, stop.Token);
        await begun.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAsync<LeftAloneException>(() => making);
        var waiting = calls.WaitForLateAsync(Thing, "remove", default);
        Assert.False(waiting.IsCompleted);
        await calls.WaitForLateAsync("rbd/other", "remove", default);
        goesOn.Add(true);
        await waiting;
        Assert.Equal(1, undone);
        await calls.WaitForLateAsync(Thing, "remove", default);
    }

    [Fact]
    public async Task Whoever_tidies_up_waits_no_longer_than_for_any_call()
    {
        var calls = new BoundedCalls(Short, new RingingClock(Short));
        var making = MakeAsync(calls, default);
        Assert.Equal(CloudFailure.TimedOut, (await Assert.ThrowsAsync<CloudException>(() => making)).Failure);
        var late = await Assert.ThrowsAsync<CloudException>(() => calls.WaitForLateAsync(Thing, "remove", default));
        Assert.Equal((CloudFailure.TimedOut, Thing), (late.Failure, late.Subject));
        await begun.Task;
        goesOn.Add(true);
        await undoing.Task;
    }

    [Fact]
    public async Task One_that_nobody_waits_for_any_more_begins_no_further_step()
    {
        var calls = new BoundedCalls(Long, new RingingClock(Short));
        using var stop = new CancellationTokenSource();
        var making = MakeAsync(calls, stop.Token, BoundedCalls.ThrowIfLeftAlone);
        await begun.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAsync<LeftAloneException>(() => making);
        goesOn.Add(true);
        await calls.WaitForLateAsync(Thing, "remove", default);
        Assert.Equal(0, undone);
    }
}

/// <summary>A clock on which all that is waited for is over at once that is no longer than a span, and nothing else ever is.</summary>
sealed class RingingClock(TimeSpan longest) : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime >= TimeSpan.Zero && dueTime <= longest) callback(state);
        return new Rung();
    }

    sealed class Rung : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => false;
        public void Dispose() { }
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
