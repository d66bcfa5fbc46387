using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VBackup.DataPath;

namespace VBackup.Cli.Up;

/// <summary>Writes to the log what a cloud says while it is waited for. Thread-safe.</summary>
sealed partial class CloudLog : IRunReport
{
    volatile ILogger _log = NullLogger.Instance;

    /// <summary>What was said before is lost: nobody works with the cloud yet.</summary>
    public void WriteTo(ILogger log) => _log = log;

    public void Note(string text) => Noted(_log, text);

    public void Detail(string text)
    {
        // Nobody asked for more.
    }

    public ITransferMeter Follow(string what, long totalBytes) => throw new NotSupportedException("A cloud does not tell how far it is.");

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "{What}")]
    static partial void Noted(ILogger log, string what);
}
