using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge.Running;

namespace VBackup.Worker;

/// <summary>What a task has done so far, for whoever gave it. Thread-safe.</summary>
sealed class LeaseReport : IRunReport
{
    readonly Lock _lock = new();
    readonly List<string> _notes = [];
    long _doneBytes, _totalBytes, _storedBytes;
    bool _serverRuns, _isLost;

    public IReadOnlyList<string> Notes
    {
        get
        {
            lock (_lock) return [.. _notes];
        }
    }

    /// <summary>Bytes of all volumes that were begun.</summary>
    public WorkProgress Progress
    {
        get
        {
            lock (_lock) return new(_doneBytes, _totalBytes, _storedBytes, _serverRuns);
        }
    }

    /// <summary>The task is somebody else's by now.</summary>
    public bool IsLost
    {
        get
        {
            lock (_lock) return _isLost;
        }
    }

    public void Loses()
    {
        lock (_lock) _isLost = true;
    }

    public void ServerRuns()
    {
        lock (_lock) _serverRuns = true;
    }

    public void Note(string text)
    {
        lock (_lock) _notes.Add(text);
    }

    public void Detail(string text)
    {
        // The run's notes are for what was not asked for.
    }

    public ITransferMeter Follow(string what, long totalBytes)
    {
        lock (_lock) _totalBytes += totalBytes;
        return new Meter(this);
    }

    sealed class Meter(LeaseReport report) : ITransferMeter
    {
        long _done, _stored;

        public void Report(TransferProgress value)
        {
            lock (report._lock)
            {
                // Several at once work on a volume: what comes late changes nothing.
                report._doneBytes += Math.Max(0, value.DoneBytes - _done);
                report._storedBytes += Math.Max(0, value.StoredBytes - _stored);
                (_done, _stored) = (Math.Max(_done, value.DoneBytes), Math.Max(_stored, value.StoredBytes));
            }
        }

        public void Dispose()
        {
            // What was done stays done.
        }
    }
}
