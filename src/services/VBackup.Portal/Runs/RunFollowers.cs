using System.Threading.RateLimiting;
using VBackup.Contracts.Ids;

namespace VBackup.Portal.Runs;

/// <summary>How many streams of events each user has in this replica. Each asks the database once a second for a quarter of an hour, so
/// nobody has any number of them, whatever tokens he makes. Thread-safe.</summary>
sealed class RunFollowers : IDisposable
{
    public const int OfUserMax = 20;

    readonly PartitionedRateLimiter<UserId> _streams = PartitionedRateLimiter.Create<UserId, UserId>(user =>
        RateLimitPartition.GetConcurrencyLimiter(user, _ => new() { PermitLimit = OfUserMax, QueueLimit = 0 }));

    /// <returns>To be disposed of when the stream ends; null when he has as many as he may have.</returns>
    public IDisposable? Enter(UserId user)
    {
        var place = _streams.AttemptAcquire(user);
        if (place.IsAcquired) return place;
        place.Dispose();
        return null;
    }

    public void Dispose() => _streams.Dispose();
}
