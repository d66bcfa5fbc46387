namespace VBackup.Vault.Stores;

/// <summary>Why a store failed. Only the retry policy looks at <see cref="Transient"/>.</summary>
public enum StoreFailure
{
    /// <summary>No such object.</summary>
    NotFound,
    /// <summary>May work when tried again: a time-out, a broken connection, "slow down", a server error.</summary>
    Transient,
    /// <summary>The store could not be reached at all, after retries.</summary>
    Unreachable,
    /// <summary>The store refuses: credentials, permissions, a lock.</summary>
    Refused,
    /// <summary>No space left, or a quota is used up.</summary>
    Full,
    /// <summary>The object is not as large as it should be, or its checksum differs from what was sent.</summary>
    Mismatch,
    /// <summary>The object is longer than its reader can take.</summary>
    TooLong,
    /// <summary>The object is there, and what it holds cannot be had: a bad sector, a checksum of the file system that is wrong, or
    /// something else than a file in its place. Only of the reading of one object. Other objects may be all right.</summary>
    Unreadable,
    /// <summary>The store holds the object, for everybody, until a time that the reason names. Only of deleting. The object is there and
    /// stays, and no delete of it is on its way.</summary>
    Held,
    /// <summary>Anything else; trying again would not help.</summary>
    Other,
}

/// <summary>A store could not do what it was asked to do.</summary>
public sealed class StoreException(
    StoreFailure failure, string operation, string objectName, string reason, Exception? cause = null)
    : Exception($"{operation} {objectName}: {reason}", cause)
{
    /// <summary>The kind of failure.</summary>
    public StoreFailure Failure { get; } = failure;

    /// <summary>What was asked: put, create, read, list, delete, …</summary>
    public string Operation { get; } = operation;

    /// <summary>The object, or the listing's prefix.</summary>
    public string ObjectName { get; } = objectName;

    /// <summary>What went wrong, in one line, without the operation and the object.</summary>
    public string Reason { get; } = reason;

    /// <summary>
    /// A retry policy has given up on this already, so an outer one does not start over. The failure stays what it was:
    /// a <see cref="StoreFailure.Transient"/> one may be gone in an hour.
    /// </summary>
    public bool Exhausted { get; init; }
}
