using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Work;

/// <summary>A task that a worker has for a time.</summary>
/// <param name="Epoch">Higher than that of whoever had it before. What is said with an older one is not heard.</param>
/// <param name="Order">JSON of what <paramref name="Kind"/> takes.</param>
/// <param name="Until">A worker that could not prolong it by then has stopped already.</param>
/// <param name="Secrets">Never written down, and never shown.</param>
public sealed record WorkLease(WorkTaskId Task, int Epoch, WorkKind Kind, string Order, TimeSpan Until, WorkSecrets Secrets);

/// <summary>What opens a vault.</summary>
/// <param name="VaultKey">32 bytes.</param>
/// <param name="PreviousVaultKey">What opens a vault that has not heard of the project's new key yet; null when there was none
/// before.</param>
/// <param name="LockedKey"><paramref name="VaultKey"/> under the master key, where a vault is to have a copy of that.</param>
public sealed record WorkSecrets(
    byte[]? VaultKey, string? AccessKey, string? SecretKey, byte[]? PreviousVaultKey = null, LockedKey? LockedKey = null)
{
    public override string ToString() => "secrets";
}

/// <summary>How far a task is.</summary>
/// <param name="TotalBytes">What is to be done, as far as is known.</param>
/// <param name="ServerRuns">Of a server that is to be stopped: it runs. Said before it is stopped, since another attempt would find it
/// stopped and not know why.</param>
/// <param name="CheckedBytes">Of what was written, what was read back too. It is to come to the total as well.</param>
public readonly record struct WorkProgress(
    long DoneBytes, long TotalBytes, long StoredBytes, bool ServerRuns = false, long CheckedBytes = 0);

/// <summary>How an attempt at a task failed.</summary>
/// <param name="MayPass">Another attempt may fare better.</param>
/// <param name="OverwroteNothing">Of a restore in place: this attempt has overwritten nothing, for certain, and nobody else has its volumes
/// now. Whoever does not know does not say so.</param>
public sealed record WorkFailure(string Error, bool MayPass, bool OverwroteNothing = false);

/// <summary>What a worker hears when it says that it is alive.</summary>
public abstract record WorkAnswer
{
    WorkAnswer() { }

    /// <summary>It has the task for that much longer.</summary>
    public sealed record GoOn(TimeSpan Until) : WorkAnswer;

    /// <summary>It is to end cleanly, leaving nothing that counts.</summary>
    public sealed record Halt(string Reason) : WorkAnswer;

    /// <summary>It does not have the task any more, and is to touch nothing.</summary>
    public sealed record Lost : WorkAnswer;
}

/// <summary>
/// Where workers get their tasks: the vBackup service, in the same process or over gRPC. Workers ask; nobody calls them. Thread-safe.
/// </summary>
public interface IWorkSource
{
    /// <summary>Takes a task of the worker's region, if there is one that may run now.</summary>
    Task<WorkLease?> AcquireAsync(WorkerId worker, CancellationToken cancellation);

    Task<WorkAnswer> ReportAsync(WorkTaskId task, int epoch, WorkProgress progress, CancellationToken cancellation);

    /// <param name="result">JSON of what the task's kind gives.</param>
    /// <returns>False: it was not heard, as the task is another's.</returns>
    Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation);

    /// <inheritdoc cref="CompleteAsync" path="/returns"/>
    Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation);

    /// <summary>The worker is to end, and another goes on with the task at once. That it was begun does not count against it.</summary>
    /// <inheritdoc cref="CompleteAsync" path="/returns"/>
    Task<bool> GiveBackAsync(WorkTaskId task, int epoch, string reason, CancellationToken cancellation) =>
        FailAsync(task, epoch, new(reason, MayPass: true), cancellation);

    /// <summary>All servers of the worker's region as they are now.</summary>
    Task ReportServersAsync(WorkerId worker, IReadOnlyList<Messages.ServerView> servers, CancellationToken cancellation);
}
