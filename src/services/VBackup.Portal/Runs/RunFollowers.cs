using VBackup.Contracts.Ids;

namespace VBackup.Portal.Runs;

/// <summary>How many streams of events each user has in this replica. Each asks the database once a second for a quarter of an hour, so
/// nobody has any number of them, whatever tokens he makes. Thread-safe.</summary>
sealed class RunFollowers
{
    public const int OfUserMax = 20;

    readonly Lock _lock = new();
    readonly Dictionary<UserId, int> _streams = [];

    /// <returns>To be disposed of when the stream ends; null when he has as many as he may have.</returns>
    public IDisposable? Enter(UserId user)
    {
        lock (_lock)
        {
            var before = _streams.GetValueOrDefault(user);
            if (before >= OfUserMax) return null;
            _streams[user] = before + 1;
            return new Place(this, user);
        }
    }

    void Leave(UserId user)
    {
        lock (_lock)
            if (--_streams[user] == 0) _streams.Remove(user);
    }

    sealed class Place(RunFollowers followers, UserId user) : IDisposable
    {
        int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0) followers.Leave(user);
        }
    }
}
