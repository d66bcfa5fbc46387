using System.Net.Sockets;
using System.Security.Authentication;
using Amazon.S3;
using VBackup.Primitives;

namespace VBackup.Vault.Stores;

/// <summary>
/// What an S3 service's errors mean. Messages of a service may be empty (radosgw) or repeat what was signed, so for a
/// refusal the line is ours, made from the error's code.
/// </summary>
static class S3Failure
{
    const int ServiceTextLengthMax = 200;

    public static StoreException Of(StoreOperation operation, string name, string bucket, Exception e)
    {
        var (failure, reason) = e is AmazonS3Exception { StatusCode: not 0 } answered
            ? OfAnswer(answered, bucket)
            : OfConnection(e);
        return operation.Failed(failure, name, reason, e);
    }

    /// <summary>The service says that no multipart upload has this id (any more).</summary>
    public static bool IsNoSuchUpload(StoreException e) =>
        e.InnerException is AmazonS3Exception { ErrorCode: "NoSuchUpload" };

    static (StoreFailure, string) OfAnswer(AmazonS3Exception e, string bucket) => e.ErrorCode switch
    {
        "NoSuchBucket" => (StoreFailure.Other, $"bucket {bucket} does not exist: create it"),
        "NoSuchKey" => (StoreFailure.NotFound, "no such object"),
        "NoSuchUpload" => (StoreFailure.NotFound, "somebody discarded it before it was committed"),
        "InvalidAccessKeyId" => (StoreFailure.Refused, "the store does not know the access key"),
        "SignatureDoesNotMatch" => (StoreFailure.Refused, "the secret key is wrong"),
        "ExpiredToken" or "InvalidToken" => (StoreFailure.Refused, "the session token is not valid (any more)"),
        "RequestTimeTooSkewed" => (StoreFailure.Refused, "this machine's clock and the store's differ too much"),
        "AccessDenied" => (StoreFailure.Refused, $"the credentials do not allow this on bucket {bucket}: "
            + "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and who may use the bucket"),
        "QuotaExceeded" or "InsufficientCapacity" => (StoreFailure.Full, "a quota is used up"),
        "BadDigest" or "XAmzContentSHA256Mismatch" or "IncompleteBody" =>
            (StoreFailure.Transient, "the content was damaged on its way"),
        "SlowDown" or "Throttling" or "ThrottlingException" or "RequestLimitExceeded" or "TooManyRequests" =>
            (StoreFailure.Transient, "the store asks to slow down"),
        "RequestTimeout" or "InternalError" or "ServiceUnavailable" or "OperationAborted"
            or "ConditionalRequestConflict" => (StoreFailure.Transient, Text(e)),
        _ => OfStatus(e, bucket),
    };

    static (StoreFailure, string) OfStatus(AmazonS3Exception e, string bucket) => (int)e.StatusCode switch
    {
        404 => (StoreFailure.NotFound, "no such object"),
        401 or 403 => (StoreFailure.Refused, $"the store refuses the credentials or this use of bucket {bucket} ({Code(e)})"),
        507 => (StoreFailure.Full, "no space left"),
        501 => (StoreFailure.Other, $"the store cannot do this ({Code(e)})"),
        // Of a proxy or a balancer in front of the store: the SDK makes a text of its own for what is no answer of S3.
        502 or 504 => (StoreFailure.Transient, $"what is between here and the store does not reach it (status {(int)e.StatusCode})"),
        408 or 429 or >= 500 => (StoreFailure.Transient, Text(e)),
        _ => (StoreFailure.Other, Text(e)),
    };

    static (StoreFailure, string) OfConnection(Exception e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case ForbiddenAddressException forbidden:
                    return (StoreFailure.Refused, forbidden.Message);
                case AuthenticationException:
                    return (StoreFailure.Other, "the store's TLS certificate is not trusted");
                case SocketException socket:
                    return (StoreFailure.Transient, $"no connection: {socket.SocketErrorCode switch
                    {
                        SocketError.ConnectionRefused => "the connection was refused",
                        SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData =>
                            "the endpoint's host name is not known",
                        SocketError.ConnectionReset => "the connection was reset",
                        var other => other.ToString(),
                    }}");
                case TimeoutException or OperationCanceledException:
                    return (StoreFailure.Transient, "no answer in time");
            }
        }
        // A connection that broke off shows in many ways: as HttpRequestException, IOException, HttpIOException.
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpRequestException or IOException)
                return (StoreFailure.Transient, "the connection broke off");
        }
        return (StoreFailure.Other, $"the answer is not one of an S3 service ({e.GetType().Name})");
    }

    static string Code(AmazonS3Exception e) =>
        string.IsNullOrWhiteSpace(e.ErrorCode) ? $"status {(int)e.StatusCode}" : $"{e.ErrorCode}, status {(int)e.StatusCode}";

    static string Text(AmazonS3Exception e)
    {
        string line = string.Concat((e.Message ?? "").Take(ServiceTextLengthMax).Select(c => char.IsControl(c) ? ' ' : c));
        return string.IsNullOrWhiteSpace(line) ? $"the store failed ({Code(e)})" : $"{line.Trim()} ({Code(e)})";
    }
}
