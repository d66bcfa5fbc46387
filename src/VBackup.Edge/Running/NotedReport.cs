using VBackup.DataPath;

namespace VBackup.Edge.Running;

/// <summary>Keeps what is noted, for whoever asks later. Thread-safe.</summary>
public sealed class NotedReport : IRunReport
{
    readonly List<string> _notes = [];

    public IReadOnlyList<string> Notes
    {
        get
        {
            lock (_notes) return [.. _notes];
        }
    }

    public void Note(string text)
    {
        lock (_notes) _notes.Add(text);
    }

    public void Detail(string text)
    {
        // Nobody asked for more.
    }

    public ITransferMeter Follow(string what, long totalBytes) => new NoMeter();

    sealed class NoMeter : ITransferMeter
    {
        public void Report(TransferProgress value)
        {
            // Nobody watches.
        }

        public void Dispose()
        {
            // There is nothing to end.
        }
    }
}
