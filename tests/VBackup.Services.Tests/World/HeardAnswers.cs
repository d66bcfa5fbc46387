using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.World;

/// <summary>A worker's line to the service, on which somebody listens to what is said about how far a task is.</summary>
sealed class HeardAnswers(IWorkSource source, Action<WorkProgress, WorkAnswer> heard) : RelayingSource(source)
{
    public override async Task<WorkAnswer> ReportAsync(
        WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation)
    {
        var answer = await base.ReportAsync(task, epoch, progress, cancellation);
        heard(progress, answer);
        return answer;
    }
}
