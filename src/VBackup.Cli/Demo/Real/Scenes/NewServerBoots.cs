namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>The newest point becomes a new server, which boots and goes on where its journal stood.</summary>
static class NewServerBoots
{
    public static async Task PlayAsync(Stage stage)
    {
        var copy = $"{stage.Server}-copy";
        var point = stage.Points[^1];
        try
        {
            await stage.Report.TimeAsync("restore to a new server", async () =>
            {
                var restored = await stage.OnEdgeAsync("restore", point.Id, "--to", "new-server", copy).ConfigureAwait(false);
                return new($"{copy}, everything read back", restored.GetProperty("writtenBytes").GetInt64());
            }).ConfigureAwait(false);
            await stage.Report.TimeAsync("boot the new server", () => BootAsync(stage, copy, point)).ConfigureAwait(false);
        }
        finally
        {
            // Whatever ended the scene, nothing of it stays.
            if (await stage.Cloud.Hypervisor.FindAsync(copy, CancellationToken.None).ConfigureAwait(false) is { } made)
                await ServerRemoval.RunAsync(stage.Cloud, copy, [.. made.Disks.Select(disk => disk.Volume)]).ConfigureAwait(false);
        }
    }

    /// <summary>Starts a server and holds its journal against what its point says.</summary>
    public static async Task<StepResult> BootAsync(Stage stage, string server, StoryPoint point)
    {
        await stage.Cloud.Hypervisor.StartAsync(server, stage.Cancellation).ConfigureAwait(false);
        var start = await stage.GuestOf(server).StartedAsync().ConfigureAwait(false);
        var (a, b) = (point.Journal!.NewestOfA, point.Journal.NewestOfB);
        if (start != new JournalStart(a, b, "ORDER-OK", a + 1))
            throw Stage.Broken($"{server} was restored from a point with records {a} and {b}, and says: {start}");
        return new($"its journal goes on with record {start.WritesFrom}");
    }
}
