using VBackup.DataPath;

namespace VBackup.Edge.Running;

/// <summary>What a run says while it is at work: to a terminal, or to whoever gave the task. Thread-safe.</summary>
public interface IRunReport
{
    /// <summary>Something that was not asked for, and should be known.</summary>
    void Note(string text);

    /// <summary>For those who want to know more.</summary>
    void Detail(string text);

    /// <summary>Follows bytes on their way. Dispose it when they have arrived.</summary>
    ITransferMeter Follow(string what, long totalBytes);

    /// <summary>Follows bytes that were written, and are read back.</summary>
    ITransferMeter FollowCheck(string what, long totalBytes) => Follow($"{what} read back", totalBytes);
}

/// <summary>Is told how far a transfer is, from several threads.</summary>
public interface ITransferMeter : IProgress<TransferProgress>, IDisposable;
