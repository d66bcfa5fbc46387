using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.World;

/// <summary>A worker's line to the service that hands everything on: a test says what is different on it.</summary>
abstract class RelayingSource(IWorkSource source) : IWorkSource
{
    public virtual Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation) =>
        source.AcquireAsync(worker, cancellation);

    public virtual Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation) =>
        source.ReportAsync(task, epoch, progress, cancellation);

    public virtual Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
        source.CompleteAsync(task, epoch, result, cancellation);

    public virtual Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation) =>
        source.FailAsync(task, epoch, failure, cancellation);

    public virtual Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        source.ReportServersAsync(worker, servers, cancellation);
}
