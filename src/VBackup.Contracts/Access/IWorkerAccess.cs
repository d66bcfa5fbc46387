using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Access;

/// <summary>What lets one worker enrol, once.</summary>
/// <param name="Text">Told once; only its digest is kept.</param>
public sealed record EnrolmentToken(EnrolmentId Id, string Text, DateTimeOffset ExpiresAt)
{
    public override string ToString() => $"enrolment {Id}";
}

/// <summary>A worker that was let in.</summary>
/// <param name="Region">Whose tasks it gets.</param>
/// <param name="Credential">What it shows with each call. Told once; only its digest is kept.</param>
public sealed record EnrolledWorker(WorkerId Worker, string Region, string Credential)
{
    public override string ToString() => $"worker {Worker}";
}

/// <summary>A worker, without what lets it in.</summary>
/// <param name="SeenAt">When it asked for work last, or told of servers; null when it never did.</param>
/// <param name="IsDraining">It gets no more tasks; what it has, it may end.</param>
/// <param name="IsRevoked">It is not let in any more.</param>
public sealed record WorkerView(WorkerId Worker, string Region, string Name, DateTimeOffset? SeenAt, bool IsDraining, bool IsRevoked);

/// <summary>Which workers there may be, for whoever runs the system. Thread-safe.</summary>
public interface IWorkerAccess
{
    /// <exception cref="Calls.CallRefusedException">The region's name or the lifetime cannot be.</exception>
    Task<EnrolmentToken> MakeTokenAsync(string region, TimeSpan lifetime, CancellationToken cancellation);

    /// <summary>All that were ever enrolled, in the order of their regions and names.</summary>
    Task<IReadOnlyList<WorkerView>> ListAsync(CancellationToken cancellation);

    /// <param name="drains">False: it gets tasks again.</param>
    /// <returns>False: there is no such worker.</returns>
    Task<bool> DrainAsync(WorkerId worker, bool drains, CancellationToken cancellation);

    /// <summary>For good. What it has goes to another when its leases run out, since nobody knows whether it has stopped.</summary>
    /// <returns>False: there is no such worker.</returns>
    Task<bool> RevokeAsync(WorkerId worker, CancellationToken cancellation);
}

/// <summary>Where a worker gets its credential, for a token. Thread-safe.</summary>
public interface IEnrolment
{
    /// <param name="token">Of <see cref="IWorkerAccess.MakeTokenAsync"/>. It is used up, whether or not the answer arrives.</param>
    /// <param name="name">Of the worker's machine, for people.</param>
    /// <returns>Null: the token is not known, was used, or its time is over.</returns>
    /// <exception cref="Calls.CallRefusedException">The name cannot be.</exception>
    Task<EnrolledWorker?> EnrolAsync(string token, string name, CancellationToken cancellation);
}

/// <summary>Who a worker is that calls, and whether it may say what it says. Asked with each call, so that revoking works at once.
/// Thread-safe.</summary>
public interface IWorkerGate
{
    /// <returns>Null: the credential is not known, or the worker was revoked.</returns>
    Task<WorkerId?> AdmitAsync(string credential, CancellationToken cancellation);

    /// <summary>Whether the task is the worker's, under that epoch. REQUIRES of who asks: an answer that is outdated a moment later does
    /// no harm, because a task that is another's by then has another epoch.</summary>
    Task<bool> HoldsAsync(WorkerId worker, WorkTaskId task, int epoch, CancellationToken cancellation);
}
