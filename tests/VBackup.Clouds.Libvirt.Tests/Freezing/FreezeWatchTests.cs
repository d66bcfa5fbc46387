using VBackup.Clouds.Libvirt.Freezing;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Freezing;

public sealed class FreezeWatchTests : IAsyncDisposable
{
    static readonly WatchdogOrders Orders =
        new("test:///", ScriptedHypervisor.ServerName, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(3));

    readonly ScriptedHypervisor hypervisor = new();
    readonly RushingClock clock = new();
    readonly List<string> said = [];
    Func<Task<string?>> readLine = () => Task.FromResult<string?>(null);

    public ValueTask DisposeAsync() => hypervisor.DisposeAsync();

    Task<int> RunAsync() => new FreezeWatch(hypervisor, Orders, clock, () => readLine(), said.Add).RunAsync();

    [Fact]
    public async Task A_released_watchdog_touches_nothing()
    {
        readLine = () => Task.FromResult<string?>("release");
        Assert.Equal(0, await RunAsync());
        Assert.Equal(["armed"], said);
        Assert.Empty(hypervisor.Asked);
    }

    [Fact]
    public async Task When_the_holder_ends_the_guest_is_let_go_at_once_and_looked_at_for_a_while()
    {
        hypervisor.IsFrozen = true;
        Assert.Equal(0, await RunAsync());
        Assert.Equal(["armed", "thawing", "thawed"], said);
        Assert.Equal(["thaw", "ask"], hypervisor.Asked[..2]);
        Assert.True(hypervisor.Asked.Count > 5);
        Assert.False(hypervisor.IsFrozen);
    }

    [Fact]
    public async Task A_freeze_that_arrives_after_its_sender_died_is_undone()
    {
        var late = true;
        clock.OnPassed = now =>
        {
            if (!late || now < Orders.Limit + TimeSpan.FromSeconds(2)) return;
            late = false;
            hypervisor.IsFrozen = true;
        };
        Assert.Equal(0, await RunAsync());
        Assert.False(late);
        Assert.False(hypervisor.IsFrozen);
        Assert.Equal(2, hypervisor.Asked.Count(question => question == "thaw"));
        Assert.True(clock.GetElapsedTime(0) >= Orders.Limit + TimeSpan.FromSeconds(2) + Orders.Quiet);
    }

    [Fact]
    public async Task When_time_is_up_the_guest_is_let_go_though_the_holder_lives()
    {
        hypervisor.IsFrozen = true;
        var word = new TaskCompletionSource<string?>();
        readLine = () => word.Task;
        TimeSpan? free = null;
        clock.OnPassed = now =>
        {
            if (!hypervisor.IsFrozen) free ??= now;
            if (now > TimeSpan.FromMinutes(1)) word.TrySetResult("release");
        };
        Assert.Equal(0, await RunAsync());
        Assert.Equal(["armed", "thawing", "thawed"], said);
        Assert.False(hypervisor.IsFrozen);
        // With time to spare for a hypervisor and a guest that are slow to answer.
        Assert.True(free <= Orders.Limit - TimeSpan.FromSeconds(0.5), $"{free}");
    }

    [Fact]
    public async Task A_holder_that_slept_and_freezes_after_time_was_up_is_undone_too()
    {
        var word = new TaskCompletionSource<string?>();
        readLine = () => word.Task;
        var frozen = false;
        clock.OnPassed = now =>
        {
            if (!frozen && now > TimeSpan.FromMinutes(1)) frozen = hypervisor.IsFrozen = true;
            if (now > TimeSpan.FromMinutes(2)) word.TrySetResult("release");
        };
        Assert.Equal(0, await RunAsync());
        Assert.True(frozen);
        Assert.False(hypervisor.IsFrozen);
    }

    [Fact]
    public async Task An_agent_that_does_not_answer_is_asked_again_until_it_does()
    {
        hypervisor.IsFrozen = true;
        var silent = 20;
        hypervisor.OnThaw = () =>
        {
            if (silent-- > 0) throw ScriptedHypervisor.Silent();
        };
        // Its status does not come either.
        hypervisor.OnAsk = () =>
        {
            if (silent-- > 0) throw ScriptedHypervisor.Silent();
        };
        Assert.Equal(0, await RunAsync());
        Assert.False(hypervisor.IsFrozen);
    }

    [Fact]
    public async Task An_agent_that_never_answers_is_given_up_and_said_so()
    {
        hypervisor.IsFrozen = true;
        hypervisor.OnThaw = hypervisor.OnAsk = () => throw ScriptedHypervisor.Silent();
        Assert.Equal(1, await RunAsync());
        Assert.Equal(["armed", "thawing"], said);
        Assert.InRange(
            clock.GetElapsedTime(0), FreezeWatch.PatienceMax, FreezeWatch.PatienceMax + Orders.Limit + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_server_that_is_gone_holds_nothing()
    {
        hypervisor.OnThaw = hypervisor.OnAsk =
            () => throw new CloudException(CloudFailure.NotFound, "ask", ScriptedHypervisor.ServerName, "no such domain");
        Assert.Equal(0, await RunAsync());
    }

    [Fact]
    public async Task Without_its_server_it_does_not_arm()
    {
        hypervisor.HasServer = false;
        Assert.Equal(1, await RunAsync());
        Assert.StartsWith("failed: ", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void Orders_survive_the_command_line() =>
        Assert.Equal(Orders, WatchdogOrders.FromArguments([.. Orders.ToArguments()]));

    [Theory]
    [InlineData()]
    [InlineData("qemu:///system", "web", "5000")]
    [InlineData("qemu:///system", "web", "five", "3000")]
    [InlineData("qemu:///system", "web", "-5", "3000")]
    public void Other_arguments_are_no_orders(params string[] arguments) =>
        Assert.Null(WatchdogOrders.FromArguments(arguments));
}
