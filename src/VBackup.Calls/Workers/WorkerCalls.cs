using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;

namespace VBackup.Calls.Workers;

/// <summary>Answers who says which workers there may be.</summary>
sealed class WorkerCalls(IWorkerAccess access) : V1.Workers.WorkersBase
{
    public override async Task<V1.MakeTokenReply> MakeToken(V1.MakeTokenRequest request, ServerCallContext context)
    {
        var made = await access.MakeTokenAsync(request.Region, Fields.Span(request.Lifetime), context.CancellationToken)
            .ConfigureAwait(false);
        return new() { Enrolment = Fields.Of(made.Id), Token = made.Text, ExpiresAt = Timestamp.FromDateTimeOffset(made.ExpiresAt) };
    }

    public override async Task<V1.ListWorkersReply> List(V1.ListWorkersRequest request, ServerCallContext context) => new()
    {
        Workers =
        {
            (await access.ListAsync(context.CancellationToken).ConfigureAwait(false)).Select(worker => new V1.Worker
            {
                Id = Fields.Of(worker.Worker),
                Region = worker.Region,
                Name = worker.Name,
                SeenAt = Fields.Of(worker.SeenAt),
                IsDraining = worker.IsDraining,
                IsRevoked = worker.IsRevoked,
            }),
        },
    };

    public override async Task<V1.DrainWorkerReply> Drain(V1.DrainWorkerRequest request, ServerCallContext context) => new()
    {
        Found = await access.DrainAsync(Fields.Id<WorkerId>(request.Worker), request.Drains, context.CancellationToken)
            .ConfigureAwait(false),
    };

    public override async Task<V1.RevokeWorkerReply> Revoke(V1.RevokeWorkerRequest request, ServerCallContext context) => new()
    {
        Found = await access.RevokeAsync(Fields.Id<WorkerId>(request.Worker), context.CancellationToken).ConfigureAwait(false),
    };
}
