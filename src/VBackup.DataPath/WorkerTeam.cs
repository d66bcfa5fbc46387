namespace VBackup.DataPath;

/// <summary>Runs the same loop in several workers until all have ended or one has failed.</summary>
internal static class WorkerTeam
{
    /// <summary>With one worker, everything runs on the caller's thread between awaits, so that a simulation can order it.</summary>
    public static async Task RunAsync(int workers, Func<int, CancellationToken, Task> work, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = new Task[workers];
        for (var i = 0; i < workers; i++)
        {
            var worker = i;
            running[i] = workers == 1 ? GuardAsync(worker) : Task.Run(() => GuardAsync(worker), CancellationToken.None);
        }
        try
        {
            await Task.WhenAll(running).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The others were stopped because one failed: that one's error is the one to see.
            foreach (var task in running)
                if (task.IsFaulted) await task.ConfigureAwait(false);
            throw;
        }

        async Task GuardAsync(int worker)
        {
            try
            {
                await work(worker, stop.Token).ConfigureAwait(false);
            }
            catch
            {
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}
