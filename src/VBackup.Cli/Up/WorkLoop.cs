using Microsoft.Extensions.Logging;

namespace VBackup.Cli.Up;

/// <summary>Does a piece of work again and again, at once as long as there is more, after a pause otherwise.</summary>
/// <param name="work">Says whether there may be more now.</param>
sealed partial class WorkLoop(string name, TimeSpan pause, Func<CancellationToken, Task<bool>> work, TimeProvider clock, ILogger log)
{
    static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var next = await StepAsync(stop).ConfigureAwait(false);
            if (next > TimeSpan.Zero) await Task.Delay(next, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    async Task<TimeSpan> StepAsync(CancellationToken stop)
    {
        try
        {
            return await work(stop).ConfigureAwait(false) ? TimeSpan.Zero : pause;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return TimeSpan.Zero;
        }
        catch (Exception failure)
        {
            // A crash boundary: one piece of work that fails is told, and tried again; the others go on.
            LogFailed(name, failure);
            return s_pauseAfterFailure;
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Work} failed, and is tried again")]
    partial void LogFailed(string work, Exception failure);
}
