using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Rules of the services, each broken on purpose from outside: the simulation notices.</summary>
public sealed class BrokenRuleTests(ITestOutputHelper output)
{
    const int SeedsMax = 250;
    static int s_ids;

    static readonly Dictionary<string, Rule> s_rules = new()
    {
        ["what a run leaves is removed"] = new("no point's base", new() { Post = WithoutRemovals }, []),
        ["every message arrives"] = new("has not heard", new() { Post = WithoutEnds }, []),
        ["a base is kept for the next backup"] = new("no point's base", new() { Post = WithoutKeeping }, []),
        ["a message is carried out once"] = new("counts on a base that is gone", new() { Post = WithNewId },
            [.. Enumerable.Range(4, 6).Select(nth => new Fault(Place.ToBackup, Mishap.ArrivesTwice, nth))]),
        ["earlier attempts are settled"] = new("nobody knows of it", new() { Line = (_, line) => new ForgetsEarlierAttempts(line) },
            [new(Place.Complete, Mishap.DiesBefore, 1)]),
        ["nobody is heard under an old epoch"] = new("is heard of", new() { Line = (world, line) => new SpeaksUnderAnyEpoch(world, line) },
            [new(Place.CommitObject, Mishap.Sleeps, 1), new(Place.CommitObject, Mishap.Sleeps, 2)]),
        ["who was shut out writes nothing"] = new("while its server runs", new() { ShutOutWrite = true },
            [new(Place.WriteVolume, Mishap.Sleeps, 1)]),
        ["who comes later keeps what he took over"] = new("from who got its task later", new() { TakesOverFromAnybody = true },
            [new(Place.OpenWriter, Mishap.Sleeps, 1), new(Place.OpenWriter, Mishap.Sleeps, 2)]),
        ["who slept asks before he takes over"] = new("from who got its task later", new() { Hears = HearsNoLoss },
            [.. Enumerable.Range(2, 6).Select(nth => new Fault(Place.LookAtVolume, Mishap.Sleeps, nth))]),
        ["what a lost worker left half made is removed"] = new("does not say so",
            new() { Line = (_, line) => new RemovesNothing(line) }, [new(Place.FlushVolume, Mishap.DiesBefore, 1)]),
        ["who stops a server says so first"] = new("the server is Shutdown", new() { Line = (_, line) => new TellsNoStop(line) },
            [new(Place.StopServer, Mishap.DiesAfter, 1)]),
    };

    /// <param name="Found">What is said of it.</param>
    /// <param name="Faults">That go wrong in each world, besides what its seed says.</param>
    sealed record Rule(string Found, BrokenRules Broken, IReadOnlyList<Fault> Faults);

    public static TheoryData<string> Rules => [.. s_rules.Keys];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task Breaking_a_rule_is_noticed(string name)
    {
        var rule = s_rules[name];
        for (var seed = 0; seed < SeedsMax; seed++)
        {
            try
            {
                await Simulation.RunAsync(seed, new([.. rule.Faults, .. FaultPlan.Of(seed, new(seed)).Planned]), rule.Broken);
            }
            catch (SimulationFailure failure)
            {
                var what = failure.Message.Split('\n')[0];
                output.WriteLine($"after {seed + 1} seeds: {what}");
                Assert.Contains(rule.Found, what, StringComparison.Ordinal);
                return;
            }
        }
        Assert.Fail($"{name}: broken, and nothing noticed it");
    }

    static Envelope? WithoutRemovals(Envelope envelope) => envelope.Name == RemoveSnapshot.Name ? null : envelope;

    static Envelope? WithoutKeeping(Envelope envelope) => envelope.Name == KeepSnapshotAsBase.Name ? null : envelope;

    static Envelope? WithoutEnds(Envelope envelope) =>
        envelope.Name == RunChanged.Name && envelope.Body.Contains("\"succeeded\"", StringComparison.Ordinal) ? null : envelope;

    // Each time it is sent it passes for another.
    static Envelope? WithNewId(Envelope envelope) =>
        envelope with { Id = MessageId.From(new(Interlocked.Increment(ref s_ids), 0, 0, new byte[8])) };

    /// <summary>A worker that does not look whether an attempt before it has made a point.</summary>
    sealed class ForgetsEarlierAttempts(IWorkSource line) : RelayingSource(line)
    {
        public override async Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation)
        {
            var lease = await base.AcquireAsync(worker, cancellation);
            if (lease is not { Kind: WorkKind.Export }) return lease;
            var order = JsonSerializer.Deserialize(lease.Order, WorkJson.Default.ExportOrder)! with { EarlierSessions = [] };
            return lease with { Order = JsonSerializer.Serialize(order, WorkJson.Default.ExportOrder) };
        }
    }

    /// <summary>Whatever epoch somebody says, he passes for who has the task.</summary>
    sealed class SpeaksUnderAnyEpoch(CrashWorld world, IWorkSource line) : RelayingSource(line)
    {
        public override async Task<WorkAnswer> ReportAsync(
            WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation) =>
            await base.ReportAsync(task, await EpochOfAsync(task), progress, cancellation);

        public override async Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
            await base.CompleteAsync(task, await EpochOfAsync(task), result, cancellation);

        public override async Task<bool> FailAsync(
            WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation) =>
            await base.FailAsync(task, await EpochOfAsync(task), failure, cancellation);

        Task<int> EpochOfAsync(WorkTaskId task) => world.Backup.Changes.MakeAsync(
            async change => (await change.Db.Tasks.AsNoTracking().SingleAsync(one => one.Id == task)).Epoch, default);
    }

    static WorkAnswer HearsNoLoss(WorkAnswer answer) => answer is WorkAnswer.Lost ? new WorkAnswer.GoOn(TimeSpan.FromSeconds(60)) : answer;

    /// <summary>A worker that says that nothing was left, and has not looked.</summary>
    sealed class RemovesNothing(IWorkSource line) : RelayingSource(line)
    {
        public override async Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation)
        {
            var lease = await base.AcquireAsync(worker, cancellation);
            if (lease is not { Kind: WorkKind.RemoveUnfinished }) return lease;
            var result = JsonSerializer.Serialize(new UnfinishedResult([], []), WorkJson.Default.UnfinishedResult);
            await base.CompleteAsync(lease.Task, lease.Epoch, result, cancellation);
            return null;
        }
    }

    /// <summary>A worker that stops servers without a word.</summary>
    sealed class TellsNoStop(IWorkSource line) : RelayingSource(line)
    {
        public override Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation) =>
            base.ReportAsync(task, epoch, progress with { ServerRuns = false }, cancellation);
    }
}
