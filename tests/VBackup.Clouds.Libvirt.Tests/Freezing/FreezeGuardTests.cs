using VBackup.Clouds.Libvirt.Freezing;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Freezing;

public sealed class FreezeGuardTests : IAsyncDisposable
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    readonly ScriptedHypervisor hypervisor = new();
    readonly ScriptedWatchdog watchdog = new();
    readonly RushingClock clock = new();
    readonly CancellationToken none = CancellationToken.None;

    public async ValueTask DisposeAsync()
    {
        await hypervisor.DisposeAsync();
        await watchdog.DisposeAsync();
    }

    Task<FreezeGuard> HoldAsync() => FreezeGuard.HoldAsync(
        hypervisor, ScriptedHypervisor.ServerName, Limit, () => Task.FromResult<IWatchdog>(watchdog), clock, none);

    [Fact]
    public async Task A_held_guest_is_frozen_and_let_go_and_the_watchdog_released()
    {
        await using (var hold = await HoldAsync())
        {
            Assert.Equal(2, hold.FileSystems);
            Assert.Null(hold.WhyNotHeld);
            Assert.Null(hold.HeldFor);
            Assert.True(hypervisor.IsFrozen);
            clock.Pass(TimeSpan.FromSeconds(1));
            Assert.True(await hold.WasStillFrozenAsync(none));
            await hold.ThawAsync();
            Assert.False(hypervisor.IsFrozen);
            Assert.Equal(TimeSpan.FromSeconds(1), hold.HeldFor);
            Assert.False(await hold.WasStillFrozenAsync(none));
            Assert.Null(hold.WhyNotLetGo);
        }
        Assert.Equal(["release", "leave"], watchdog.Told);
        Assert.Equal(["ask", "freeze", "ask", "thaw", "ask"], hypervisor.Asked);
    }

    [Fact]
    public async Task Leaving_without_a_word_lets_the_guest_go()
    {
        await (await HoldAsync()).DisposeAsync();
        Assert.False(hypervisor.IsFrozen);
        Assert.Equal("release", watchdog.Told[0]);
    }

    [Fact]
    public async Task A_guest_without_agent_is_not_held_and_it_is_said()
    {
        hypervisor.OnFreeze = () => null;
        await using var hold = await HoldAsync();
        Assert.Null(hold.FileSystems);
        Assert.Contains("no agent", hold.WhyNotHeld, StringComparison.Ordinal);
        Assert.False(await hold.WasStillFrozenAsync(none));
        Assert.Equal(["release", "leave"], watchdog.Told);
        Assert.DoesNotContain("thaw", hypervisor.Asked);
    }

    [Fact]
    public async Task A_freeze_of_unknown_outcome_is_left_to_the_watchdog()
    {
        hypervisor.OnFreeze = () => throw ScriptedHypervisor.Silent();
        await using var hold = await HoldAsync();
        Assert.Contains("does not answer", hold.WhyNotHeld, StringComparison.Ordinal);
        Assert.DoesNotContain("release", watchdog.Told);
        Assert.Equal("leave", watchdog.Told[0]);
    }

    [Fact]
    public async Task Who_is_frozen_already_is_let_be()
    {
        hypervisor.IsFrozen = true;
        await using (var hold = await HoldAsync())
            Assert.Contains("frozen already", hold.WhyNotHeld, StringComparison.Ordinal);
        Assert.True(hypervisor.IsFrozen);
        Assert.Equal(["ask"], hypervisor.Asked);
        Assert.Empty(watchdog.Told);
    }

    [Fact]
    public async Task Without_a_watchdog_nothing_is_frozen()
    {
        await using var hold = await FreezeGuard.HoldAsync(
            hypervisor, ScriptedHypervisor.ServerName, Limit,
            () => throw new CloudException(CloudFailure.Other, "arm", "web", "no such program"), clock, none);
        Assert.Contains("no such program", hold.WhyNotHeld, StringComparison.Ordinal);
        Assert.DoesNotContain("freeze", hypervisor.Asked);
    }

    [Fact]
    public async Task A_server_that_does_not_exist_is_an_error()
    {
        hypervisor.OnAsk = () => throw new CloudException(CloudFailure.NotFound, "ask", "web", "none");
        await Assert.ThrowsAsync<CloudException>(HoldAsync);
    }

    [Fact]
    public async Task Once_the_watchdog_has_fired_the_snapshot_is_as_after_a_power_cut()
    {
        await using var hold = await HoldAsync();
        watchdog.HasFired = true;
        // Frozen by whomever.
        Assert.True(hypervisor.IsFrozen);
        Assert.False(await hold.WasStillFrozenAsync(none));
    }

    [Fact]
    public async Task Past_the_limit_nothing_counts_as_held()
    {
        await using var hold = await HoldAsync();
        clock.Pass(Limit);
        Assert.False(await hold.WasStillFrozenAsync(none));
    }

    [Fact]
    public async Task A_guest_that_thawed_meanwhile_was_not_held()
    {
        await using var hold = await HoldAsync();
        hypervisor.IsFrozen = false;
        Assert.False(await hold.WasStillFrozenAsync(none));
    }

    [Fact]
    public async Task A_question_without_answer_is_a_no()
    {
        await using var hold = await HoldAsync();
        var asks = 0;
        hypervisor.OnAsk = () =>
        {
            if (asks++ == 0) throw ScriptedHypervisor.Silent();
        };
        Assert.False(await hold.WasStillFrozenAsync(none));
        Assert.Equal(1, asks);
    }

    [Fact]
    public async Task When_the_watchdog_dies_the_guest_is_let_go_at_once()
    {
        await using var hold = await HoldAsync();
        var thawed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hypervisor.OnThaw = () => thawed.TrySetResult();
        watchdog.Die();
        await thawed.Task;
        Assert.False(await hold.WasStillFrozenAsync(none));
    }

    [Fact]
    public async Task A_thaw_that_fails_is_left_to_the_watchdog()
    {
        await using (var hold = await HoldAsync())
        {
            hypervisor.OnThaw = () => throw ScriptedHypervisor.Silent();
            await Assert.ThrowsAsync<CloudException>(hold.ThawAsync);
        }
        Assert.DoesNotContain("release", watchdog.Told);
        Assert.Equal("leave", watchdog.Told[0]);
    }

    [Fact]
    public async Task How_long_a_guest_was_held_is_not_known_before_it_says_that_it_was_let_go()
    {
        var hold = await HoldAsync();
        clock.Pass(TimeSpan.FromSeconds(1));
        // It hears, and says that it is frozen still.
        hypervisor.OnAsk = () => hypervisor.IsFrozen = true;
        await hold.DisposeAsync();
        Assert.Null(hold.HeldFor);
        Assert.Equal("the guest could not be let go (web: thaw: the guest says that it is still frozen): the watchdog goes on trying for "
            + "15 minutes; look at it: virsh domfsthaw web", hold.WhyNotLetGo);
    }

    [Fact]
    public async Task A_guest_that_nobody_can_let_go_and_nobody_watches_is_told_as_such()
    {
        var hold = await HoldAsync();
        hypervisor.OnThaw = () => throw ScriptedHypervisor.Silent();
        watchdog.Die();
        await hold.DisposeAsync();
        Assert.Null(hold.HeldFor);
        Assert.Contains("the agent does not answer", hold.WhyNotLetGo, StringComparison.Ordinal);
        Assert.Contains("nobody goes on trying; look at it: virsh domfsthaw web", hold.WhyNotLetGo, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thaw_that_fails_is_tried_again_when_the_watchdog_is_dead()
    {
        await using var hold = await HoldAsync();
        var silent = 7;
        hypervisor.OnThaw = () =>
        {
            if (silent-- > 0) throw ScriptedHypervisor.Silent();
        };
        watchdog.Die();
        await hold.ThawAsync();
        Assert.False(hypervisor.IsFrozen);
        Assert.True(silent < 0);
    }

    sealed class ScriptedWatchdog : IWatchdog
    {
        readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<string> Told { get; } = [];
        public bool HasFired { get; set; }
        public Task Ended => ended.Task;

        public void Die() => ended.TrySetResult();

        public Task ReleaseAsync()
        {
            Told.Add("release");
            Die();
            return Task.CompletedTask;
        }

        public void LeaveAlone() => Told.Add("leave");

        public ValueTask DisposeAsync()
        {
            LeaveAlone();
            return ValueTask.CompletedTask;
        }
    }
}
