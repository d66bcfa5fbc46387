using System.Diagnostics;
using VBackup.Clouds.Libvirt.Freezing;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

[Collection(LiveServerTests.Name)]
public sealed class LiveFreezeTests(LiveServer server)
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    readonly CancellationToken none = CancellationToken.None;

    async Task<FreezeGuard> HoldAsync(TimeSpan limit)
    {
        // The watchdog of the hold before lets the guest go once more before it ends.
        await HolderProcess.UntilNoWatchdogAsync(server.Name);
        return await FreezeGuard.HoldAsync(
            server.Hypervisor, server.Name, limit, WatchdogProgram.Own(), TimeProvider.System, none);
    }

    [Fact]
    public async Task A_guest_is_frozen_says_so_and_is_let_go()
    {
        Assert.Equal(2, await server.Hypervisor.FreezeAsync(server.Name, none));
        Assert.True(await server.IsFrozenAsync());
        Assert.Equal(2, await server.Hypervisor.ThawAsync(server.Name, none));
        Assert.False(await server.IsFrozenAsync());
        Assert.Equal(0, await server.Hypervisor.ThawAsync(server.Name, none));
    }

    [Fact]
    public async Task A_held_guest_is_frozen_until_it_is_let_go()
    {
        await using (var hold = await HoldAsync(Limit))
        {
            Assert.Equal((2, null), (hold.FileSystems, hold.WhyNotHeld));
            Assert.True(await server.IsFrozenAsync());
            Assert.True(await hold.WasStillFrozenAsync(none));
            await hold.ThawAsync();
            Assert.False(await server.IsFrozenAsync());
            Assert.InRange(hold.HeldFor!.Value, TimeSpan.FromMilliseconds(1), Limit);
        }
        await HolderProcess.UntilNoWatchdogAsync(server.Name);
    }

    [Fact]
    public async Task The_watchdog_lives_in_a_session_of_its_own_and_ignores_what_ends_its_holder()
    {
        await using var hold = await HoldAsync(Limit);
        var watchdog = HolderProcess.WatchdogOf(server.Name)!.Value;
        Assert.Equal(watchdog, HolderProcess.SessionOf(watchdog));
        using var kill = Process.Start("kill", ["-TERM", $"{watchdog}"]);
        await kill.WaitForExitAsync(none);
        Assert.True(await hold.WasStillFrozenAsync(none));
        Assert.Equal(watchdog, HolderProcess.WatchdogOf(server.Name));
    }

    [Fact]
    public async Task A_holder_that_dawdles_loses_its_hold_and_knows()
    {
        var started = TimeProvider.System.GetTimestamp();
        await using var hold = await HoldAsync(TimeSpan.FromSeconds(2));
        Assert.True(await server.IsFrozenAsync());
        await LiveServer.UntilAsync(TimeSpan.FromSeconds(10), "the watchdog lets go", async () => !await server.IsFrozenAsync());
        // Not before its time, which is a quarter of the limit early, so that the guest is free within it. How long after it depends on
        // what else the machine does.
        Assert.True(TimeProvider.System.GetElapsedTime(started) >= TimeSpan.FromSeconds(1.5));
        Assert.False(await hold.WasStillFrozenAsync(none));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_guest_whose_holder_was_killed_is_let_go_within_the_limit(int round)
    {
        server.Hypervisor.ToString();
        using var holder = HolderProcess.Start(server.Name, limitSeconds: 5);
        Assert.Equal("held", await holder.ReadLineAsync());
        Assert.True(await server.IsFrozenAsync(), $"round {round}");
        var killed = TimeProvider.System.GetTimestamp();
        holder.Kill();
        await LiveServer.UntilAsync(Limit, "the guest is let go", async () => !await server.IsFrozenAsync());
        Assert.True(TimeProvider.System.GetElapsedTime(killed) < Limit);
        await HolderProcess.UntilNoWatchdogAsync(server.Name);
        Assert.False(await server.IsFrozenAsync());
    }

    /// <summary>The moment of death is anywhere between arming and the answer to the freeze.</summary>
    [Fact]
    public async Task A_holder_killed_in_the_middle_of_freezing_leaves_no_frozen_guest()
    {
        server.Hypervisor.ToString();
        for (var delayMilliseconds = 0; delayMilliseconds < 200; delayMilliseconds += 40)
        {
            using var holder = HolderProcess.Start(server.Name, limitSeconds: 5);
            await LiveServer.UntilAsync(
                TimeSpan.FromSeconds(20), "a watchdog runs", () => Task.FromResult(HolderProcess.WatchdogOf(server.Name) is not null));
            await Task.Delay(TimeSpan.FromMilliseconds(delayMilliseconds), TimeProvider.System, none);
            holder.Kill();
            await HolderProcess.UntilNoWatchdogAsync(server.Name);
            Assert.False(await server.IsFrozenAsync(), $"killed {delayMilliseconds} ms after its watchdog was started");
        }
    }

    [Fact]
    public async Task When_the_watchdog_is_killed_the_holder_lets_go_by_itself()
    {
        server.Hypervisor.ToString();
        using var holder = HolderProcess.Start(server.Name, limitSeconds: 60);
        Assert.Equal("held", await holder.ReadLineAsync());
        using (var watchdog = Process.GetProcessById(HolderProcess.WatchdogOf(server.Name)!.Value)) watchdog.Kill();
        await LiveServer.UntilAsync(Limit, "the holder lets go", async () => !await server.IsFrozenAsync());
        holder.EndInput();
        Assert.Equal("not frozen", await holder.ReadLineAsync());
        Assert.Equal("thawed", await holder.ReadLineAsync());
    }

    [Fact]
    public async Task An_agent_that_hangs_is_a_time_out_not_a_hang()
    {
        await server.Hypervisor.IsFrozenAsync(server.Name, none);
        await server.LetAgentHangAsync(fromSeconds: 0, forSeconds: 8);
        var started = TimeProvider.System.GetTimestamp();
        var failure = await Assert.ThrowsAsync<CloudException>(async () =>
        {
            // The first answers may still come from before.
            while (TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(2)) await server.IsFrozenAsync();
            await server.Hypervisor.FreezeAsync(server.Name, none);
        });
        Assert.Equal(CloudFailure.TimedOut, failure.Failure);
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(7));
        await LiveServer.UntilAsync(TimeSpan.FromSeconds(30), "the agent answers again", AgentAnswersAsync);
        Assert.False(await server.IsFrozenAsync());
    }

    [Fact]
    public async Task A_guest_whose_agent_hangs_while_frozen_is_let_go_as_soon_as_it_answers()
    {
        await server.Hypervisor.IsFrozenAsync(server.Name, none);
        await server.LetAgentHangAsync(fromSeconds: 2, forSeconds: 16);
        await using (var hold = await HoldAsync(Limit))
        {
            Assert.Null(hold.WhyNotHeld);
            await LiveServer.UntilAsync(TimeSpan.FromSeconds(10), "the agent hangs", async () => !await AgentAnswersAsync());
            Assert.False(await hold.WasStillFrozenAsync(none));
            Assert.Equal(CloudFailure.TimedOut, (await Assert.ThrowsAsync<CloudException>(hold.ThawAsync)).Failure);
        }
        await HolderProcess.UntilNoWatchdogAsync(server.Name);
        Assert.False(await server.IsFrozenAsync());
    }

    async Task<bool> AgentAnswersAsync()
    {
        try
        {
            await server.IsFrozenAsync();
            return true;
        }
        catch (CloudException failure)
        {
            Assert.Equal(CloudFailure.TimedOut, failure.Failure);
            return false;
        }
    }
}
