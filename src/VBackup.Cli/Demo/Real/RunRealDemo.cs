using System.Security.Cryptography;
using VBackup.Cli.Demo.Real.Scenes;
using VBackup.Cli.Edge;
using VBackup.Cli.Keys;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary><c>vbackup demo --real</c>: the lab, the story, and that nothing of either stays.</summary>
static class RunRealDemo
{
    // Its sockets' paths are limited, and this stands before all of them.
    const string FolderPrefix = "vb-";
    const long SpaceNeededBytes = 3L << 30;

    /// <param name="lab">The folder of a lab that runs; null to start one.</param>
    /// <param name="keep">A folder for a lab that is left running; null to remove it.</param>
    public static async Task<int> HandleAsync(string? lab, string? keep, Screen screen, CancellationToken stop)
    {
        var checkout = Checkout.Find();
        await DebianPackages.RequireAsync(checkout, screen, stop).ConfigureAwait(false);
        var folder = RunDemo.MakeFolder(keep, FolderPrefix);
        try
        {
            var free = new DriveInfo(folder).AvailableFreeSpace;
            if (free < SpaceNeededBytes)
                throw new RefusedException($"{folder} has {Units.Size(free)} free and the demo needs {Units.Size(SpaceNeededBytes)}: "
                    + "name another folder with --keep DIR, or with TMPDIR");
            if (lab is not null)
                await OnRunningLabAsync(new(checkout, Path.GetFullPath(lab), stop), folder, screen, stop).ConfigureAwait(false);
            else await OnOwnLabAsync(new(checkout, Path.Combine(folder, "lab"), stop), folder, keep is not null, screen, stop)
                .ConfigureAwait(false);
        }
        finally
        {
            if (keep is null) Directory.Delete(folder, recursive: true);
        }
        return ExitStatus.Done;
    }

    static async Task OnOwnLabAsync(Lab lab, string folder, bool keeps, Screen screen, CancellationToken stop)
    {
        var report = new RealReport(screen);
        try
        {
            await report.TimeAsync("start the lab: Ceph with CephFS and S3, libvirt, a running server", async () =>
            {
                await lab.StartAsync(line => report.Say($"  {line}")).ConfigureAwait(false);
                return new("");
            }).ConfigureAwait(false);
            await lab.ReadSettingsAsync().ConfigureAwait(false);
            await TellAsync(lab, lab["VBACKUP_TEST_SERVER"], folder, report, stop).ConfigureAwait(false);
        }
        finally
        {
            if (keeps)
                screen.Line($"the lab runs on in {lab.Folder}: 'lab/edge down {lab.Folder}' stops it, 'lab/edge wipe {lab.Folder}' "
                    + "removes it");
            else if (Directory.Exists(lab.Folder))
            {
                screen.Line("stopping and removing the lab …");
                await lab.WipeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Others may be at work in a lab that was there before: the story has a server of its own in it.</summary>
    static async Task OnRunningLabAsync(Lab lab, string folder, Screen screen, CancellationToken stop)
    {
        var report = new RealReport(screen);
        await lab.ReadSettingsAsync().ConfigureAwait(false);
        var server = $"demo-{NewName()}";
        try
        {
            await report.TimeAsync("start a server in the lab", async () =>
            {
                await lab.MakeServerAsync(server).ConfigureAwait(false);
                return new(server);
            }).ConfigureAwait(false);
            await TellAsync(lab, server, folder, report, stop).ConfigureAwait(false);
        }
        finally
        {
            await RemoveServerAsync(lab, server, folder).ConfigureAwait(false);
        }
    }

    static async Task TellAsync(Lab lab, string server, string folder, RealReport report, CancellationToken stop)
    {
        await LabCloudFile.WriteAsync(lab, Stage.ConfigurationIn(folder), Stage.HoldLimit, stop).ConfigureAwait(false);
        KeyFile.Create(Stage.KeyIn(folder));
        var cloud = await CloudConfig.OpenAsync(Stage.ConfigurationIn(folder), report: null, stop).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        var gateway = new Gateway(lab);
        await using var ending = gateway.ConfigureAwait(false);
        await gateway.StartAsync(stop).ConfigureAwait(false);
        var bucket = $"vbackup-demo-{NewName()}";
        await gateway.MakeBucketAsync(bucket, stop).ConfigureAwait(false);
        try
        {
            var stage = new Stage(lab, server, cloud, gateway, folder, $"s3://{bucket}/vault", report, stop);
            await stage.OnVaultAsync("init").ConfigureAwait(false);
            await PlayAsync(stage).ConfigureAwait(false);
            report.Show(stage);
        }
        finally
        {
            await gateway.RemoveBucketAsync(bucket).ConfigureAwait(false);
        }
    }

    static async Task PlayAsync(Stage stage)
    {
        await BackUpsUnderLoad.PlayAsync(stage).ConfigureAwait(false);
        await EveryPointIsOneInstant.PlayAsync(stage).ConfigureAwait(false);
        await EveryPointIsOneInstant.PlayControlAsync(stage).ConfigureAwait(false);
        await NewServerBoots.PlayAsync(stage).ConfigureAwait(false);
        await DamagedDiskComesBack.PlayAsync(stage).ConfigureAwait(false);
        await StoreGoesAway.PlayAsync(stage).ConfigureAwait(false);
        await BackupIsKilled.PlayAsync(stage).ConfigureAwait(false);
        await EveryPointIsOneInstant.PlayAsync(stage).ConfigureAwait(false);
        await NothingIsLeft.PlayAsync(stage).ConfigureAwait(false);
    }

    static async Task RemoveServerAsync(Lab lab, string server, string folder)
    {
        if (!File.Exists(Stage.ConfigurationIn(folder)))
            await LabCloudFile.WriteAsync(lab, Stage.ConfigurationIn(folder), Stage.HoldLimit, CancellationToken.None)
                .ConfigureAwait(false);
        var cloud = await CloudConfig.OpenAsync(Stage.ConfigurationIn(folder), report: null, CancellationToken.None).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
            await ServerRemoval.RunAsync(cloud, server, Lab.VolumesOf(server)).ConfigureAwait(false);
    }

    static string NewName() => RandomNumberGenerator.GetHexString(6, lowercase: true);
}
