using Grpc.Core;
using VBackup.Calls.Calling;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;

namespace VBackup.Calls.Workers;

/// <summary>Where a worker in another process gets its credential.</summary>
sealed class RemoteEnrolment(CallChannel channel, CallInvoker calls) : IEnrolment
{
    readonly V1.Enrolment.EnrolmentClient _service = new(calls);

    public async Task<EnrolledWorker?> EnrolAsync(string token, string name, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.EnrolAsync, new V1.EnrolRequest { Token = token, Name = name }, cancellation)
            .ConfigureAwait(false);
        return reply.Enrolled is not { } enrolled ? null : CallChannel.Read(() =>
            new EnrolledWorker(Fields.Id<WorkerId>(enrolled.Worker), enrolled.Region, enrolled.Credential));
    }
}
