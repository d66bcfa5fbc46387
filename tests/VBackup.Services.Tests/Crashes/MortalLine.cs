using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.Crashes;

/// <summary>A worker's line to the vBackup service, as that is now. It breaks when either of them dies. Whoever is heard of a task is the
/// one who got it last.</summary>
sealed class MortalLine(CrashWorld world, Life life) : IWorkSource
{
    IWorkSource Source => world.Broken.Line(world, world.Backup.Source);

    public async Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation)
    {
        var number = 0;
        var lease = await SayAsync(Place.Acquire, async stop =>
        {
            var given = await Source.AcquireAsync(worker, stop);
            number = world.NextLease();
            if (given is not null) world.Epochs[given.Task] = given.Epoch;
            return given;
        }, cancellation);
        life.Holds = lease is null ? null : new(lease.Task, lease.Epoch, lease.Kind, number);
        if (lease is not null) world.Tell($"{life.Name} takes {lease.Kind} {NameOf(lease.Task)} under epoch {lease.Epoch}");
        return lease;
    }

    public Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation) =>
        SayAsync(Place.Report, async stop =>
        {
            var answer = await Source.ReportAsync(task, epoch, progress, stop);
            if (answer is not WorkAnswer.GoOn) world.Tell($"{life.Name} hears {answer}");
            return world.Broken.Hears(Heard(task, epoch, answer, answer is not WorkAnswer.Lost));
        }, cancellation);

    public Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
        SayAsync(Place.Complete, async stop =>
        {
            var isHeard = await Source.CompleteAsync(task, epoch, result, stop);
            world.Tell($"{life.Name} has done {NameOf(task)}{(isHeard ? "" : ", and is not heard")}");
            return Heard(task, epoch, isHeard, isHeard);
        }, cancellation);

    public Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation) =>
        SayAsync(Place.Fail, async stop =>
        {
            var isHeard = await Source.FailAsync(task, epoch, failure, stop);
            world.Tell($"{life.Name} has failed{(failure.MayPass ? "" : " for good")} with {NameOf(task)}"
                + $"{(isHeard ? "" : ", and is not heard")}: {failure.Error}");
            return Heard(task, epoch, isHeard, isHeard);
        }, cancellation);

    public Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        Task.CompletedTask;

    T Heard<T>(WorkTaskId task, int epoch, T answer, bool isHeard)
    {
        if (isHeard && world.Epochs[task] != epoch)
            world.Accuse($"{life.Name} is heard of {NameOf(task)} under epoch {epoch}, and epoch {world.Epochs[task]} has it");
        return answer;
    }

    static string NameOf(WorkTaskId task) => task.Value.ToString()[^6..];

    Task<T> SayAsync<T>(Place place, Func<CancellationToken, Task<T>> say, CancellationToken cancellation) =>
        life.DoAsync(place, async stop =>
        {
            try
            {
                return await say(stop);
            }
            catch (DiedException service)
            {
                throw new IOException("the vBackup service is dead", service);
            }
        }, cancellation);
}
