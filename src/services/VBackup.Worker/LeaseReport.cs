using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge.Running;

namespace VBackup.Worker;

/// <summary>What a task has done so far, for whoever gave it. Thread-safe.</summary>
sealed class LeaseReport : IRunReport
{
    readonly Lock _lock = new();
    readonly List<string> _notes = [];
    long _doneBytes, _totalBytes;

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
            lock (_lock) return new(_doneBytes, _totalBytes, 0);
        }
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
        long _done;

        public void Report(TransferProgress value)
        {
            lock (report._lock)
            {
                if (value.DoneBytes <= _done) return;
                report._doneBytes += value.DoneBytes - _done;
                _done = value.DoneBytes;
            }
        }

        public void Dispose()
        {
            // What was done stays done.
        }
    }
}
