namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>S3 is killed in the middle of a backup and comes back a while later: the backup waits, and ends well.</summary>
static class StoreGoesAway
{
    const int NewMebibytes = 8;
    static readonly TimeSpan s_away = TimeSpan.FromSeconds(5);

    public static async Task PlayAsync(Stage stage)
    {
        await stage.GuestOf(stage.Server).WriteAsync("data-away", NewMebibytes).ConfigureAwait(false);
        await stage.Report.TimeAsync("backup, S3 killed half-way", async () =>
        {
            var isAtWork = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            // Change tracking began anew with the restore. Slowed down, so that there is a half-way.
            var backup = stage.StartBackup((_, said) =>
            {
                if (BackupIsKilled.IsExporting(said)) isAtWork.TrySetResult();
            }, "--limit-rate", BackupIsKilled.SlowRate);
            await using (backup.ConfigureAwait(false))
            {
                var ended = backup.EndAsync(stage.Cancellation);
                await Task.WhenAny(isAtWork.Task, ended).ConfigureAwait(false);
                await stage.Gateway.KillAsync().ConfigureAwait(false);
                await Patience.PauseAsync(s_away, stage.Cancellation).ConfigureAwait(false);
                if (backup.HasEnded) throw Stage.Broken($"the backup ended while S3 was away: {(await ended.ConfigureAwait(false))[^1]}");
                await stage.Gateway.StartAsync(stage.Cancellation).ConfigureAwait(false);
                var result = stage.Completed(await backup.SucceedAsync(stage.Cancellation).ConfigureAwait(false), "full");
                return result with { Text = $"{result.Text}, after {s_away.TotalSeconds} s without S3", HandledBytes = 0 };
            }
        }).ConfigureAwait(false);
    }
}
