using Microsoft.Extensions.Time.Testing;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a program may take that works on what somebody else has made.</summary>
public sealed class ProgramLimitsTests
{
    const string Shell = "/bin/sh";

    static readonly ProgramLimits s_limits = new()
    {
        Total = TimeSpan.FromHours(1), Processor = TimeSpan.FromSeconds(7), AddressSpaceBytes = 1 << 30, FileBytes = 4096,
    };

    [Fact]
    public async Task A_program_has_the_limits_that_it_was_given()
    {
        var said = await ExternalProgram.RunAsync(
            Shell, ["-c", "ulimit -t; ulimit -v; ulimit -f; ulimit -c; echo $MALLOC_ARENA_MAX"], default, limits: s_limits);
        // Seconds, KiB, and blocks of 512 bytes.
        Assert.Equal(["7", "1048576", "8", "0", "2"], said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task One_that_needs_the_processor_for_longer_is_ended()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => ExternalProgram.TryAsync(
            Shell, ["-c", "while :; do :; done"], default, limits: s_limits with { Processor = TimeSpan.FromSeconds(1) }));
        Assert.Contains("more than 1.00 s of the processors", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_stands_still_is_ended_and_may_be_tried_again()
    {
        var clock = new FakeTimeProvider();
        var running = ExternalProgram.TryAsync("/usr/bin/tail", ["-f", "/dev/null"], default,
            limits: s_limits with { Total = TimeSpan.FromDays(10_000), Clock = clock });
        // As long as it starts, it reads.
        while (!running.IsCompleted) await PassAsync(clock, TimeSpan.FromMinutes(1));
        Assert.Contains("neither read nor wrote anything for 5 min", (await Assert.ThrowsAsync<IOException>(() => running)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_is_busy_without_end_is_ended_too()
    {
        var clock = new FakeTimeProvider();
        var running = ExternalProgram.TryAsync(Shell, ["-c", "exec cat /dev/zero > /dev/null"], default,
            limits: s_limits with { Silence = TimeSpan.FromDays(100), Clock = clock, Total = TimeSpan.FromDays(90) });
        while (!running.IsCompleted) await PassAsync(clock, TimeSpan.FromDays(10));
        Assert.Contains("was not done after", (await Assert.ThrowsAsync<RefusedException>(() => running)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void As_long_as_it_comes_forward_it_is_waited_for()
    {
        var clock = new FakeTimeProvider();
        string? moved = "0";
        using var watch = new ProgramWatch(s_limits with { Total = TimeSpan.FromDays(1), Clock = clock }, () => moved, default);
        for (var i = 1; i <= 20; i++)
        {
            clock.Advance(TimeSpan.FromMinutes(4));
            // Where nobody can tell, it counts as coming forward.
            moved = i == 10 ? null : $"{i}";
            Assert.Null(watch.Reason);
        }
        for (var i = 0; i < 6; i++) clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(watch.IsStill);
        Assert.True(watch.Over.IsCancellationRequested);
    }

    static async Task PassAsync(FakeTimeProvider clock, TimeSpan span)
    {
        clock.Advance(span);
        await Task.Yield();
    }
}
