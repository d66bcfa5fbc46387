using Grpc.Core;
using VBackup.Contracts.Access;

namespace VBackup.Calls.Workers;

/// <summary>Answers who shows a token.</summary>
sealed class EnrolmentCalls(IEnrolment enrolment) : V1.Enrolment.EnrolmentBase
{
    public override async Task<V1.EnrolReply> Enrol(V1.EnrolRequest request, ServerCallContext context) =>
        await enrolment.EnrolAsync(request.Token, request.Name, context.CancellationToken).ConfigureAwait(false) is not { } enrolled
            ? new()
            : new()
            {
                Enrolled = new() { Worker = Fields.Of(enrolled.Worker), Region = enrolled.Region, Credential = enrolled.Credential },
            };
}
