namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>A full and three incrementals of the running guest, which keeps writing.</summary>
static class BackUpsUnderLoad
{
    const int Incrementals = 3;
    const int FirstMebibytes = 32, MoreMebibytes = 4;

    public static async Task PlayAsync(Stage stage)
    {
        var guest = stage.GuestOf(stage.Server);
        await stage.Report.TimeAsync("the guest fills its two disks", async () =>
        {
            await guest.WriteAsync("data-0", FirstMebibytes).ConfigureAwait(false);
            return new($"{FirstMebibytes} MiB of noise each, beside its journal");
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("full backup", () => stage.BackUpAsync("full")).ConfigureAwait(false);
        for (var round = 1; round <= Incrementals; round++)
        {
            var file = $"data-{round}";
            await guest.WriteAsync(file, MoreMebibytes).ConfigureAwait(false);
            stage.Report.Say($"the guest wrote {MoreMebibytes} MiB more to each disk");
            await stage.Report.TimeAsync($"incremental backup {round}", () => stage.BackUpAsync("incremental")).ConfigureAwait(false);
        }
    }
}
