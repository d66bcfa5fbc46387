namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>Both disks of every point come back as of one instant, at which the guest was frozen; disks of two instants are told
/// apart.</summary>
static class EveryPointIsOneInstant
{
    static readonly string[] s_disks = ["vda", "vdb"];

    /// <summary>Looks at the points that were not looked at yet.</summary>
    public static async Task PlayAsync(Stage stage)
    {
        foreach (var point in stage.Points.Where(point => point.Journal is null).ToList())
            await stage.Report.TimeAsync($"restore and check point {stage.Points.IndexOf(point) + 1}", () => CheckAsync(stage, point))
                .ConfigureAwait(false);
        for (var i = 1; i < stage.Points.Count; i++)
            if (stage.Points[i].Journal!.NewestOfA <= stage.Points[i - 1].Journal!.NewestOfA)
                throw Stage.Broken($"point {i + 1} is not newer than the one before");
    }

    /// <summary>One disk of the first point and the other of the last: the check must tell.</summary>
    public static Task PlayControlAsync(Stage stage) => stage.Report.TimeAsync("disks of two instants", async () =>
    {
        var images = s_disks.Select(disk => stage.FileFor($"{disk}.raw")).ToList();
        await RestoreAsync(stage, stage.Points[0], s_disks[0], images[0]).ConfigureAwait(false);
        await RestoreAsync(stage, stage.Points[^1], s_disks[1], images[1]).ConfigureAwait(false);
        var journal = await stage.Lab.CheckJournalAsync(images[0], images[1]).ConfigureAwait(false);
        images.ForEach(File.Delete);
        return journal.IsInOrder ? throw Stage.Broken("disks of two instants passed for one") : new("ORDER-BROKEN, as it must be");
    });

    static async Task<StepResult> CheckAsync(Stage stage, StoryPoint point)
    {
        var images = s_disks.Select(disk => stage.FileFor($"{disk}.raw")).ToList();
        long bytes = 0;
        for (var i = 0; i < s_disks.Length; i++) bytes += await RestoreAsync(stage, point, s_disks[i], images[i]).ConfigureAwait(false);
        point.Journal = await stage.Lab.CheckJournalAsync(images[0], images[1]).ConfigureAwait(false);
        images.ForEach(File.Delete);
        if (!point.Journal.IsInOrder) throw Stage.Broken($"point {point.Id} is of no one instant: {point.Journal.Problems}");
        if (!point.Journal.IsFrozen) throw Stage.Broken($"point {point.Id} was taken of a guest that was not frozen");
        return new($"ORDER-OK FROZEN at record {point.Journal.NewestOfA}", bytes);
    }

    static async Task<long> RestoreAsync(Stage stage, StoryPoint point, string disk, string image) =>
        (await stage.OnVaultAsync("restore", point.Id, "--volume", disk, "--target", image).ConfigureAwait(false))
            .GetProperty("writtenBytes").GetInt64();
}
