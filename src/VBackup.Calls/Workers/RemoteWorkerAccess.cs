using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using VBackup.Calls.Calling;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;

namespace VBackup.Calls.Workers;

/// <summary>Which workers the vBackup service lets in, from another process.</summary>
sealed class RemoteWorkerAccess(CallChannel channel, CallInvoker calls) : IWorkerAccess
{
    readonly V1.Workers.WorkersClient _service = new(calls);

    public async Task<EnrolmentToken> MakeTokenAsync(string region, TimeSpan lifetime, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.MakeTokenAsync, new V1.MakeTokenRequest
        { Region = region, Lifetime = Duration.FromTimeSpan(lifetime) }, cancellation).ConfigureAwait(false);
        return CallChannel.Read(() => new EnrolmentToken(Fields.Id<EnrolmentId>(reply.Enrolment), reply.Token,
            Fields.Instant(Fields.Required(reply.ExpiresAt, "when a token expires"))!.Value));
    }

    public async Task<IReadOnlyList<WorkerView>> ListAsync(CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.ListAsync, new V1.ListWorkersRequest(), cancellation).ConfigureAwait(false);
        return CallChannel.Read<IReadOnlyList<WorkerView>>(() => [.. reply.Workers.Select(worker => new WorkerView(
            Fields.Id<WorkerId>(worker.Id), worker.Region, worker.Name, Fields.Instant(worker.SeenAt), worker.IsDraining,
            worker.IsRevoked))]);
    }

    public async Task<bool> DrainAsync(WorkerId worker, bool drains, CancellationToken cancellation) =>
        (await channel.AskAsync(_service.DrainAsync, new V1.DrainWorkerRequest { Worker = Fields.Of(worker), Drains = drains },
            cancellation).ConfigureAwait(false)).Found;

    public async Task<bool> RevokeAsync(WorkerId worker, CancellationToken cancellation) =>
        (await channel.AskAsync(_service.RevokeAsync, new V1.RevokeWorkerRequest { Worker = Fields.Of(worker) }, cancellation)
            .ConfigureAwait(false)).Found;
}
