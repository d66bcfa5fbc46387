using System.Net.Sockets;
using System.Text;
using VBackup.Vault.Stores.Faults;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class RetryTests
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    static readonly RetryLimits Limits = new()
    {
        AttemptsMax = 5, DelayFirst = TimeSpan.FromSeconds(1), DelayMax = TimeSpan.FromSeconds(5),
        Deadline = TimeSpan.FromMinutes(1),
    };

    static StoreException Failure(StoreFailure kind, Exception? cause = null) =>
        new(kind, "put", "points/p", "it did not work", cause);

    static Task<bool> RunFailing(RetryPolicy policy, StoreException failure, Action? onAttempt = null) =>
        policy.RunAsync<bool>((_, _) =>
        {
            onAttempt?.Invoke();
            return Task.FromException<bool>(failure);
        }, Token);

    [Theory]
    [InlineData(StoreFailure.NotFound)]
    [InlineData(StoreFailure.Unreachable)]
    [InlineData(StoreFailure.Refused)]
    [InlineData(StoreFailure.Full)]
    [InlineData(StoreFailure.Mismatch)]
    [InlineData(StoreFailure.Other)]
    public async Task What_is_not_transient_is_tried_once(StoreFailure kind)
    {
        int attempts = 0;
        var clock = new RushingClock();
        var failure = Failure(kind);
        var thrown = await Assert.ThrowsAsync<StoreException>(
            () => RunFailing(new RetryPolicy(Limits, clock, 1), failure, () => attempts++));
        Assert.Same(failure, thrown);
        Assert.Equal(1, attempts);
        Assert.Empty(clock.Delays);
    }

    [Fact]
    public async Task A_transient_failure_is_tried_up_to_the_limit_and_its_last_cause_is_kept()
    {
        int attempts = 0;
        var failure = Failure(StoreFailure.Transient);
        var thrown = await Assert.ThrowsAsync<StoreException>(
            () => RunFailing(new RetryPolicy(Limits, new RushingClock(), 1), failure, () => attempts++));
        Assert.Equal(5, attempts);
        Assert.Equal(StoreFailure.Transient, thrown.Failure);
        Assert.Same(failure, thrown.InnerException);
        Assert.Contains("gave up after 5 attempts", thrown.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_never_answered_is_unreachable_in_the_end()
    {
        foreach (Exception cause in new Exception[]
                 {
                     new SocketException((int)SocketError.ConnectionRefused), new TimeoutException(),
                     new HttpRequestException(HttpRequestError.NameResolutionError),
                     new InvalidOperationException("outer", new SocketException((int)SocketError.HostNotFound)),
                 })
        {
            var thrown = await Assert.ThrowsAsync<StoreException>(() => RunFailing(
                new RetryPolicy(Limits, new RushingClock(), 1), Failure(StoreFailure.Transient, cause)));
            Assert.Equal(StoreFailure.Unreachable, thrown.Failure);
        }
    }

    [Fact]
    public async Task Delays_are_drawn_from_zero_to_a_ceiling_that_doubles_up_to_its_limit()
    {
        double[] ceilings = [1, 2, 4, 5];
        double[] longest = new double[4], shortest = [9, 9, 9, 9];
        for (int seed = 0; seed < 300; seed++)
        {
            var clock = new RushingClock();
            await Assert.ThrowsAsync<StoreException>(
                () => RunFailing(new RetryPolicy(Limits, clock, seed), Failure(StoreFailure.Transient)));
            if (clock.Delays.Count < 4)
                continue; // One was drawn below a millisecond, for which no timer is set.
            for (int i = 0; i < 4; i++)
            {
                double delay = clock.Delays[i].TotalSeconds;
                Assert.InRange(delay, 0, ceilings[i]);
                longest[i] = Math.Max(longest[i], delay / ceilings[i]);
                shortest[i] = Math.Min(shortest[i], delay / ceilings[i]);
            }
        }
        Assert.All(longest, share => Assert.InRange(share, 0.95, 1));
        Assert.All(shortest, share => Assert.InRange(share, 0, 0.05));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_delays()
    {
        RushingClock first = new(), second = new();
        foreach (var clock in new[] { first, second })
        {
            await Assert.ThrowsAsync<StoreException>(
                () => RunFailing(new RetryPolicy(Limits, clock, 42), Failure(StoreFailure.Transient)));
        }
        Assert.Equal(first.Delays, second.Delays);
    }

    [Fact]
    public async Task No_attempt_starts_after_the_deadline()
    {
        var clock = new RushingClock();
        var limits = Limits with { AttemptsMax = int.MaxValue, Deadline = TimeSpan.FromSeconds(20) };
        await Assert.ThrowsAsync<StoreException>(
            () => RunFailing(new RetryPolicy(limits, clock, 3), Failure(StoreFailure.Transient)));
        Assert.InRange(clock.Delays.Sum(d => d.TotalSeconds), 10, 20);
    }

    [Fact]
    public async Task Patient_limits_outlive_a_minute_whatever_is_drawn_and_end_within_their_deadline()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var clock = new RushingClock();
            var policy = new RetryPolicy(RetryLimits.Patient, clock, seed);
            Assert.True(await policy.RunAsync((_, _) => Task.FromResult(true), Token));
            long start = clock.GetTimestamp();
            // Attempts that fail at once, as when nobody listens: the delays alone must fill the time.
            Assert.True(await policy.RunAsync((_, _) => clock.GetElapsedTime(start) < TimeSpan.FromMinutes(1)
                ? Task.FromException<bool>(Failure(StoreFailure.Transient)) : Task.FromResult(true), Token));
            start = clock.GetTimestamp();
            await Assert.ThrowsAsync<StoreException>(() => RunFailing(policy, Failure(StoreFailure.Transient)));
            Assert.InRange(clock.GetElapsedTime(start), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
        }
    }

    [Fact]
    public async Task Patience_begins_with_the_first_answer_even_if_it_is_that_there_is_no_such_object()
    {
        foreach (bool answered in new[] { false, true })
        {
            var clock = new RushingClock();
            var policy = new RetryPolicy(RetryLimits.Patient, clock, 1);
            if (answered)
                await Assert.ThrowsAsync<StoreException>(() => RunFailing(policy, Failure(StoreFailure.NotFound)));
            await Assert.ThrowsAsync<StoreException>(() => RunFailing(policy, Failure(StoreFailure.Transient)));
            Assert.Equal(answered, clock.Delays.Sum(delay => delay.TotalSeconds) > RetryLimits.Brief.Deadline.TotalSeconds);
        }
    }

    [Fact]
    public async Task A_caller_who_cancels_does_not_wait_for_the_delay_to_end()
    {
        using var cancel = new CancellationTokenSource();
        var policy = new RetryPolicy(Limits, new Microsoft.Extensions.Time.Testing.FakeTimeProvider(), 1);
        var running = policy.RunAsync<bool>(
            (_, _) => Task.FromException<bool>(Failure(StoreFailure.Transient)), cancel.Token);
        Assert.False(running.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task What_an_inner_policy_gave_up_is_not_tried_again_by_an_outer_one()
    {
        int attempts = 0;
        var inner = new RetryPolicy(Limits, new RushingClock(), 1);
        var outer = new RetryPolicy(Limits, new RushingClock(), 2);
        await Assert.ThrowsAsync<StoreException>(() => outer.RunAsync(
            (_, _) => RunFailing(inner, Failure(StoreFailure.Transient), () => attempts++), Token));
        Assert.Equal(5, attempts);
    }

    static (RetryingStore Store, FaultyStore Faulty, MemoryStore Memory) StoreWith(params PlannedFault[] faults)
    {
        var memory = new MemoryStore();
        var faulty = new FaultyStore(memory, FaultPlan.Of(faults));
        return (new RetryingStore(faulty, new RetryPolicy(Limits, new RushingClock(), 1)), faulty, memory);
    }

    [Fact]
    public async Task A_creation_that_was_applied_but_reported_as_failed_is_known_as_our_own()
    {
        var (store, faulty, memory) = StoreWith(
            new PlannedFault(StoreOperation.CreateOnce, 1, FaultKind.AppliedButReportedFailed));
        Assert.True(await store.CreateOnceAsync("sessions/s.decision", "ours"u8.ToArray(), Token));
        Assert.Equal("ours", Encoding.UTF8.GetString(await memory.GetAsync("sessions/s.decision", 10, Token)));
        faulty.AssertEveryPlannedFaultFired();
    }

    [Theory]
    [InlineData("oursx")]
    [InlineData("our")]
    [InlineData("Ours")]
    public async Task A_retried_creation_that_meets_somebody_elses_object_lost(string theirs)
    {
        var (store, faulty, memory) = StoreWith(new PlannedFault(StoreOperation.CreateOnce, 1, FaultKind.FailTransient));
        await memory.PutAsync("sessions/s.decision", Encoding.UTF8.GetBytes(theirs), Token);
        Assert.False(await store.CreateOnceAsync("sessions/s.decision", "ours"u8.ToArray(), Token));
        faulty.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task A_creation_that_never_failed_does_not_take_equal_content_for_its_own()
    {
        var (store, _, memory) = StoreWith();
        await memory.PutAsync("sessions/s.decision", "ours"u8.ToArray(), Token);
        Assert.False(await store.CreateOnceAsync("sessions/s.decision", "ours"u8.ToArray(), Token));
    }

    [Fact]
    public async Task Reading_back_after_an_ambiguous_creation_is_itself_tried_again()
    {
        var (store, faulty, _) = StoreWith(
            new PlannedFault(StoreOperation.CreateOnce, 1, FaultKind.AppliedButReportedFailed),
            new PlannedFault(StoreOperation.Read, 1, FaultKind.FailTransient));
        Assert.True(await store.CreateOnceAsync("sessions/s.decision", "ours"u8.ToArray(), Token));
        faulty.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task A_broken_listing_goes_on_behind_the_last_name()
    {
        var (store, faulty, memory) = StoreWith(
            new PlannedFault(StoreOperation.List, 1, FaultKind.FailTransient),
            new PlannedFault(StoreOperation.List, 4, FaultKind.FailTransient),
            new PlannedFault(StoreOperation.List, 9, FaultKind.AppliedButReportedFailed));
        string[] names = [.. Enumerable.Range(0, 9).Select(i => $"points/{i}")];
        foreach (string name in names)
            await memory.PutAsync(name, "x"u8.ToArray(), Token);
        List<string> listed = [];
        await foreach (var entry in store.ListAsync("points/", Token))
            listed.Add(entry.Name);
        Assert.Equal(names, listed);
        faulty.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task Appends_and_commits_are_tried_again_without_doubling_a_piece()
    {
        var (store, faulty, memory) = StoreWith(
            new PlannedFault(StoreOperation.Append, 2, FaultKind.FailTransient),
            new PlannedFault(StoreOperation.Commit, 1, FaultKind.AppliedButReportedFailed));
        await using (var writer = await store.OpenWriterAsync("packs/ab/p", Token))
        {
            foreach (string piece in new[] { "one ", "two ", "three" })
                await writer.AppendAsync(Encoding.UTF8.GetBytes(piece), Token);
            await writer.CommitAsync(Token);
        }
        Assert.Equal("one two three", Encoding.UTF8.GetString(await memory.GetAsync("packs/ab/p", 20, Token)));
        faulty.AssertEveryPlannedFaultFired();
    }
}
