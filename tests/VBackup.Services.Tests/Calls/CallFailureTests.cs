using VBackup.Calls;
using VBackup.Contracts.Calls;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Platform.Secrets;
using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>What goes wrong with a call is told as what goes wrong within a process.</summary>
public sealed class CallFailureTests
{
    static readonly WorkTaskId s_task = WorkTaskId.From(Guid.Parse("00000001-0000-7000-8000-000000000000"));

    public static TheoryData<string> Methods => [.. Ports.Names];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_refusal_keeps_its_type_and_its_sentence(string name)
    {
        var method = Ports.Method(name);
        var port = new ListeningPort { Gives = (_, _) => throw new CallRefusedException("thät cannot be: 100 %\n") };
        await using var served = await Ports.ServeAsync(port);
        var refused = await Assert.ThrowsAsync<CallRefusedException>(() => CallAsync(served, method));
        Assert.Equal("thät cannot be: 100 %\n", refused.Message);
        port.Gives = (_, _) => throw new WrongMasterKeyException("project key", "p-1");
        var wrong = await Assert.ThrowsAsync<WrongMasterKeyException>(() => CallAsync(served, method));
        Assert.Equal(new WrongMasterKeyException("project key", "p-1").Message, wrong.Message);
    }

    [Fact]
    public async Task Of_a_fault_of_the_service_who_calls_hears_nothing_but_that()
    {
        var port = new ListeningPort { Gives = (_, _) => throw new InvalidOperationException("the password is hunter2") };
        await using var served = await Ports.ServeAsync(port);
        var failed = await Assert.ThrowsAsync<CallFailedException>(() => CompleteAsync(served));
        Assert.DoesNotContain("hunter2", failed.ToString(), StringComparison.Ordinal);
        Assert.Contains(served.Log.Lines, line => line.Contains("hunter2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_long_refusal_is_cut()
    {
        var port = new ListeningPort { Gives = (_, _) => throw new CallRefusedException(new('é', 100_000)) };
        await using var served = await Ports.ServeAsync(port);
        var refused = await Assert.ThrowsAsync<CallRefusedException>(() => CompleteAsync(served));
        Assert.Equal(new string('é', 2000) + "…", refused.Message);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_service_that_is_gone_in_the_middle_of_a_call_is_a_broken_line(string name)
    {
        var method = Ports.Method(name);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var served = await Ports.ServeAsync(new() { Gives = (_, cancellation) => HoldAsync(reached, cancellation) });
        var calling = CallAsync(served, method);
        await reached.Task;
        await served.DieAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => calling);
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_a_broken_line()
    {
        await using var served = await Ports.ServeAsync(new());
        var channel = served.Open(Ports.WorkerCredential);
        await served.DieAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => channel.Work.CompleteAsync(s_task, 1, "{}", default));
    }

    [Fact]
    public async Task An_answer_that_does_not_come_in_time_is_a_broken_line()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var served = await Ports.ServeAsync(new() { Gives = (_, cancellation) => HoldAsync(reached, cancellation) });
        var channel = served.Open(Ports.WorkerCredential, new() { Deadline = TimeSpan.FromMilliseconds(200) });
        var late = await Assert.ThrowsAnyAsync<IOException>(() => channel.Work.CompleteAsync(s_task, 1, "{}", default));
        Assert.Equal("the service did not answer CompleteAsync in time", late.Message);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Who_gives_up_a_call_is_told_so_and_the_service_stops_too(string name)
    {
        var method = Ports.Method(name);
        var (reached, stopped) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously),
            new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var served = await Ports.ServeAsync(new()
        {
            Gives = (_, cancellation) =>
            {
                cancellation.Register(stopped.SetResult);
                return HoldAsync(reached, cancellation);
            },
        });
        using var giving = new CancellationTokenSource();
        var calling = Ports.CallAsync(served.Open(Ports.CredentialFor(method)), method, Ports.Said(method, new(1)), giving.Token);
        await reached.Task;
        await giving.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);
        Assert.Equal(giving.Token, cancelled.CancellationToken);
        await stopped.Task;
    }

    [Fact]
    public async Task A_message_that_is_too_long_is_refused_on_either_side()
    {
        var port = new ListeningPort { Gives = (_, _) => Task.FromResult<object?>(true) };
        await using var served = await Ports.ServeAsync(port, new() { RequestBytesMax = 10_000 });
        // A caller that knows the bound sends nothing; one that does not is refused.
        foreach (var max in (int[])[10_000, 1_000_000])
        {
            var line = served.Open(Ports.WorkerCredential, new() { RequestBytesMax = max }).Work;
            Assert.True(await line.CompleteAsync(s_task, 1, new('x', 9_000), default));
            await Assert.ThrowsAsync<CallRefusedException>(() => line.CompleteAsync(s_task, 1, new('x', 11_000), default));
        }
        Assert.Equal(2, port.Heard.Count);
    }

    [Fact]
    public async Task An_answer_that_is_too_long_is_refused_on_either_side()
    {
        var port = new ListeningPort { Gives = (_, _) => Task.FromResult<object?>(LeaseOf(11_000)) };
        foreach (var (serves, takes) in ((int, int)[])[(10_000, 1_000_000), (1_000_000, 10_000)])
        {
            await using var served = await Ports.ServeAsync(port, new() { ReplyBytesMax = serves });
            await Assert.ThrowsAsync<CallRefusedException>(() => served.Open(Ports.WorkerCredential, new() { ReplyBytesMax = takes })
                .Work.AcquireAsync(Samples.Worker, default));
        }
    }

    [Fact]
    public async Task The_longest_catalogue_fits_into_a_lease()
    {
        // As JSON it has 16 MiB at most, and what surrounds it is short.
        var port = new ListeningPort { Gives = (_, _) => Task.FromResult<object?>(LeaseOf(17 * 1024 * 1024)) };
        await using var served = await Ports.ServeAsync(port);
        var lease = await served.Open(Ports.WorkerCredential).Work.AcquireAsync(Samples.Worker, default);
        Assert.Equal(17 * 1024 * 1024, lease?.Order.Length);
    }

    [Fact]
    public async Task A_service_that_is_older_than_who_calls_says_so()
    {
        await using var served = await ServedCalls.StartAsync(_ => { }, isOlder: true);
        var refused = await Assert.ThrowsAsync<CallRefusedException>(
            () => served.Open(Ports.WorkerCredential).Work.CompleteAsync(s_task, 1, "{}", default));
        Assert.Equal("the service is older than this program: it does not know CompleteAsync", refused.Message);
    }

    [Fact]
    public async Task A_task_that_this_worker_is_too_old_for_reaches_it_all_the_same()
    {
        var port = new ListeningPort { Gives = (_, _) => Task.FromResult<object?>(LeaseOf(2) with { Kind = (WorkKind)1000 }) };
        await using var served = await Ports.ServeAsync(port);
        Assert.Equal((WorkKind)1000, (await served.Open(Ports.WorkerCredential).Work.AcquireAsync(Samples.Worker, default))?.Kind);
    }

    static WorkLease LeaseOf(int length) =>
        new(s_task, 1, WorkKind.SaveCatalogue, new('x', length), TimeSpan.FromSeconds(60), new(null, null, null));

    static Task<object?> CallAsync(ServedCalls served, System.Reflection.MethodInfo method) =>
        Ports.CallAsync(served.Open(Ports.CredentialFor(method)), method, Ports.Said(method, new(1)));

    static Task<bool> CompleteAsync(ServedCalls served) => served.Open(Ports.WorkerCredential).Work.CompleteAsync(s_task, 1, "{}", default);

    static async Task<object?> HoldAsync(TaskCompletionSource reached, CancellationToken cancellation)
    {
        var held = new TaskCompletionSource<object?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var ending = cancellation.Register(() => held.TrySetCanceled(cancellation));
        reached.TrySetResult();
        return await held.Task;
    }
}
