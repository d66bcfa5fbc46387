using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.World;

/// <summary>A worker's line to the service, on which somebody listens to what is said about how far a task is.</summary>
sealed class HeardAnswers(IWorkSource source, Action<WorkProgress, WorkAnswer> heard) : IWorkSource
{
    public Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation) => source.AcquireAsync(worker, cancellation);

    public async Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation)
    {
        var answer = await source.ReportAsync(task, epoch, progress, cancellation);
        heard(progress, answer);
        return answer;
    }

    public Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
        source.CompleteAsync(task, epoch, result, cancellation);

    public Task<bool> FailAsync(WorkTaskId task, int epoch, string error, bool mayPass, CancellationToken cancellation) =>
        source.FailAsync(task, epoch, error, mayPass, cancellation);

    public Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        source.ReportServersAsync(worker, servers, cancellation);
}
