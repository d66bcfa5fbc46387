using Grpc.Core;
using VBackup.Calls.Calling;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Calls.Work;

/// <summary>The vBackup service's tasks, from another process.</summary>
sealed class RemoteWorkSource(CallChannel channel, CallInvoker calls) : IWorkSource
{
    readonly V1.Work.WorkClient _service = new(calls);

    public async Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.AcquireAsync, new V1.AcquireRequest { Worker = Fields.Of(worker) }, cancellation)
            .ConfigureAwait(false);
        return reply.Lease is { } lease ? CallChannel.Read(() => WorkMessages.Lease(lease)) : null;
    }

    public async Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.ReportAsync, new V1.ReportRequest
        { Task = Fields.Of(task), Epoch = epoch, Progress = WorkMessages.Of(progress) }, cancellation).ConfigureAwait(false);
        return CallChannel.Read(() => WorkMessages.Answer(reply));
    }

    public async Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation) =>
        (await channel.AskAsync(_service.CompleteAsync, new V1.CompleteRequest { Task = Fields.Of(task), Epoch = epoch, Result = result },
            cancellation).ConfigureAwait(false)).Heard;

    public async Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation) =>
        (await channel.AskAsync(_service.FailAsync, new V1.FailRequest
        {
            Task = Fields.Of(task),
            Epoch = epoch,
            Error = failure.Error,
            MayPass = failure.MayPass,
            OverwroteNothing = failure.OverwroteNothing,
        }, cancellation).ConfigureAwait(false)).Heard;

    public async Task<bool> GiveBackAsync(WorkTaskId task, int epoch, string reason, CancellationToken cancellation) =>
        (await channel.AskAsync(_service.GiveBackAsync, new V1.GiveBackRequest { Task = Fields.Of(task), Epoch = epoch, Reason = reason },
            cancellation).ConfigureAwait(false)).Heard;

    public Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        channel.AskAsync(_service.ReportServersAsync, new V1.ReportServersRequest
        { Worker = Fields.Of(worker), Servers = { servers.Select(WorkMessages.Of) } }, cancellation);
}
