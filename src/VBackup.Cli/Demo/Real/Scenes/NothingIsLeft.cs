using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>All data of the vault is sound, and of the snapshots only the next backup's base is there.</summary>
static class NothingIsLeft
{
    public static async Task PlayAsync(Stage stage)
    {
        await stage.Report.TimeAsync("verify all data", async () =>
        {
            var verified = await stage.OnVaultAsync("verify", "--all-data").ConfigureAwait(false);
            if (verified.GetProperty("points").GetInt32() != stage.Points.Count)
                throw Stage.Broken($"{verified.GetProperty("points")} points were verified, and {stage.Points.Count} were made");
            var bytes = verified.GetProperty("checkedBytes").GetInt64();
            return new($"{Units.Count(stage.Points.Count, "point")}, {Units.Size(bytes)}: all sound", bytes);
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("look for snapshots left over", async () =>
        {
            stage.OrphanSnapshots = (await stage.SnapshotsAsync("orphans").ConfigureAwait(false)).Length;
            var all = await stage.SnapshotsAsync("list").ConfigureAwait(false);
            if (stage.OrphanSnapshots > 0 || all.Length != 1)
                throw Stage.Broken($"only the newest point's snapshot should be there, and there are {string.Join(", ", all)}");
            return new("none; the newest point's stays as the next base");
        }).ConfigureAwait(false);
    }
}
