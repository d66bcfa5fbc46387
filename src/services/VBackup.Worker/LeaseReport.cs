using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge.Running;

namespace VBackup.Worker;

/// <summary>What a task has done so far, for whoever gave it. Thread-safe.</summary>
sealed class LeaseReport : IRunReport
{
    readonly Lock _lock = new();
    readonly List<string> _notes = [];
    long _doneBytes, _expectedBytes, _begunBytes, _storedBytes, _checkedBytes;
    bool _serverRuns, _isLost, _overwroteNothing;

    public IReadOnlyList<string> Notes
    {
        get
        {
            lock (_lock) return [.. _notes];
        }
    }

    /// <summary>The total is what was expected, or that of all volumes that were begun, if that is more.</summary>
    public WorkProgress Progress
    {
        get
        {
            lock (_lock) return new(_doneBytes, Math.Max(_expectedBytes, _begunBytes), _storedBytes, _serverRuns, _checkedBytes);
        }
    }

    /// <summary>How much there is to do in all, told before the first volume is begun.</summary>
    public void Expects(long totalBytes)
    {
        lock (_lock) _expectedBytes = totalBytes;
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

    /// <summary>Of a restore in place: it has overwritten nothing, for certain, and nobody else has its volumes. Where nobody has said so,
    /// it may have.</summary>
    public bool OverwroteNothing
    {
        get
        {
            lock (_lock) return _overwroteNothing;
        }
        set
        {
            lock (_lock) _overwroteNothing = value;
        }
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
        lock (_lock) _begunBytes += totalBytes;
        return new Meter(this, isCheck: false);
    }

    public ITransferMeter FollowCheck(string what, long totalBytes) => new Meter(this, isCheck: true);

    sealed class Meter(LeaseReport report, bool isCheck) : ITransferMeter
    {
        long _done, _stored;

        public void Report(TransferProgress value)
        {
            lock (report._lock)
            {
                // Several at once work on a volume: what comes late changes nothing.
                var more = Math.Max(0, value.DoneBytes - _done);
                if (isCheck) report._checkedBytes += more;
                else report._doneBytes += more;
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
