using Grpc.Core;
using VBackup.Contracts.Calls;
using VBackup.Platform.Secrets;

namespace VBackup.Calls;

/// <summary>How what goes wrong is told over the wire: whoever calls gets the exception that he would get in one process.</summary>
static class Refusals
{
    /// <summary>What kind of a refusal it is, beside the sentence. Frozen by a test.</summary>
    public const string Kind = "vbackup-refusal";

    const string OfCall = "call", OfMasterKey = "master-key";
    const int SentenceMax = 2000;

    /// <returns>Null for a fault of the service, of which who calls is told nothing but that.</returns>
    public static RpcException? StatusOf(Exception failure) => failure switch
    {
        UnreadableMessageException => new(new(StatusCode.InvalidArgument, Bounded(failure.Message))),
        CallRefusedException => Refused(OfCall, failure),
        WrongMasterKeyException => Refused(OfMasterKey, failure),
        _ => null,
    };

    static RpcException Refused(string kind, Exception failure) =>
        new(new(StatusCode.FailedPrecondition, Bounded(failure.Message)), new Metadata { { Kind, kind } });

    // A status travels in a header, which has its own limits.
    static string Bounded(string sentence) => sentence.Length <= SentenceMax ? sentence : sentence[..SentenceMax] + "…";

    /// <param name="call">What it was, for people.</param>
    /// <param name="cancellation">Of who called.</param>
    public static Exception Of(RpcException failure, string call, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested) return new OperationCanceledException(cancellation);
        var (code, sentence) = (failure.StatusCode, failure.Status.Detail);
        // What was found wrong on this side of the line says with what; a status that came over it does not.
        var isOfLine = failure.Status.DebugException is not null;
        return code switch
        {
            StatusCode.FailedPrecondition => failure.Trailers.GetValue(Kind) == OfMasterKey
                ? new WrongMasterKeyException(sentence) : new CallRefusedException(sentence),
            StatusCode.InvalidArgument or StatusCode.Unauthenticated or StatusCode.PermissionDenied => new CallRefusedException(sentence),
            StatusCode.ResourceExhausted => new CallRefusedException($"{call} says more than a message may hold: {sentence}"),
            StatusCode.Unimplemented => new CallRefusedException($"the service is older than this program: it does not know {call}"),
            StatusCode.DeadlineExceeded => new IOException($"the service did not answer {call} in time", failure),
            // It is answered by nobody, or its answer is lost: what who calls does when a line breaks.
            StatusCode.Unavailable or StatusCode.Cancelled => new IOException($"the service does not answer {call}: {sentence}", failure),
            _ when isOfLine => new IOException($"the line to the service broke at {call}: {sentence}", failure),
            _ => new CallFailedException($"the service failed at {call}: its log says why", failure),
        };
    }
}
