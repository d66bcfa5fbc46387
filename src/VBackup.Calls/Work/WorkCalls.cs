using Grpc.Core;
using VBackup.Calls.Serving;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;

namespace VBackup.Calls.Work;

/// <summary>Answers workers. Of a task that is not the caller's, nobody hears anything: it is as if it were another's by now.</summary>
sealed class WorkCalls(IWorkSource source, IWorkerGate gate) : V1.Work.WorkBase
{
    public override async Task<V1.AcquireReply> Acquire(V1.AcquireRequest request, ServerCallContext context) =>
        await source.AcquireAsync(CallingWorker.Require(context, request.Worker), context.CancellationToken).ConfigureAwait(false)
            is { } lease ? new() { Lease = WorkMessages.Of(lease) } : new();

    public override async Task<V1.ReportReply> Report(V1.ReportRequest request, ServerCallContext context)
    {
        var progress = WorkMessages.Progress(Fields.Required(request.Progress, "the progress"));
        return await HeldAsync(request.Task, request.Epoch, context).ConfigureAwait(false) is { } task
            ? WorkMessages.Of(await source.ReportAsync(task, request.Epoch, progress, context.CancellationToken).ConfigureAwait(false))
            : new() { Lost = new() };
    }

    public override async Task<V1.CompleteReply> Complete(V1.CompleteRequest request, ServerCallContext context) => new()
    {
        Heard = await HeldAsync(request.Task, request.Epoch, context).ConfigureAwait(false) is { } task
            && await source.CompleteAsync(task, request.Epoch, request.Result, context.CancellationToken).ConfigureAwait(false),
    };

    public override async Task<V1.FailReply> Fail(V1.FailRequest request, ServerCallContext context) => new()
    {
        Heard = await HeldAsync(request.Task, request.Epoch, context).ConfigureAwait(false) is { } task
            && await source.FailAsync(task, request.Epoch, new(request.Error, request.MayPass, request.OverwroteNothing),
                context.CancellationToken).ConfigureAwait(false),
    };

    public override async Task<V1.GiveBackReply> GiveBack(V1.GiveBackRequest request, ServerCallContext context) => new()
    {
        Heard = await HeldAsync(request.Task, request.Epoch, context).ConfigureAwait(false) is { } task
            && await source.GiveBackAsync(task, request.Epoch, request.Reason, context.CancellationToken).ConfigureAwait(false),
    };

    public override async Task<V1.ReportServersReply> ReportServers(V1.ReportServersRequest request, ServerCallContext context)
    {
        await source.ReportServersAsync(CallingWorker.Require(context, request.Worker), [.. request.Servers.Select(WorkMessages.Server)],
            context.CancellationToken).ConfigureAwait(false);
        return new();
    }

    // Epochs are counted, and no secret: only the credential says whose task it is.
    async Task<WorkTaskId?> HeldAsync(string task, int epoch, ServerCallContext context)
    {
        var id = Fields.Id<WorkTaskId>(task);
        return await gate.HoldsAsync(CallingWorker.Of(context), id, epoch, context.CancellationToken).ConfigureAwait(false) ? id : null;
    }
}
