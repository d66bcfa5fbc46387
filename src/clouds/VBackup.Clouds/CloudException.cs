namespace VBackup.Clouds;

/// <summary>Why a cloud could not do what it was asked for.</summary>
public enum CloudFailure
{
    /// <summary>There is no such server, volume or snapshot.</summary>
    NotFound,
    /// <summary>There is one of that name already.</summary>
    Exists,
    /// <summary>Somebody uses it: a running server, another writer, another group.</summary>
    InUse,
    /// <summary>The credentials do not allow it.</summary>
    NotAllowed,
    /// <summary>The cloud's configuration leaves it out, whatever the credentials allow.</summary>
    LeftOut,
    /// <summary>No room is left.</summary>
    Full,
    /// <summary>No answer within the time limit.</summary>
    TimedOut,
    /// <summary>It cannot do that at all, such as a storage without snapshots.</summary>
    NotSupported,
    /// <summary>Anything else; the message says what.</summary>
    Other,
}

/// <summary>A call to a cloud failed. The message names the operation, the thing, and what to do where that is known.</summary>
public sealed class CloudException : IOException
{
    /// <param name="operation">What was tried, such as <c>open</c> or the name of the library's call.</param>
    /// <param name="subject">On what, as a user calls it: <c>pool/image@snapshot</c>, a server's name.</param>
    public CloudException(CloudFailure failure, string operation, string subject, string reason, Exception? inner = null)
        : base($"{subject}: {operation}: {reason}", inner)
    {
        Failure = failure;
        Operation = operation;
        Subject = subject;
    }

    public CloudFailure Failure { get; }
    public string Operation { get; }
    public string Subject { get; }
}

/// <summary>A call to a cloud was cancelled that cannot be called back: what it was to make may be there, or come to be there.</summary>
public sealed class LeftAloneException(string operation, string subject, CancellationToken cancellation)
    : OperationCanceledException($"{subject}: {operation}: cancelled, and whether it was done is not known", cancellation);
