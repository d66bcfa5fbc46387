using System.CommandLine;
using VBackup.Cli.Demo.Real;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo;

/// <summary><c>vbackup demo</c></summary>
static class RunDemo
{
    // Volumes, snapshots, what is restored, and the vault.
    const long SpaceNeededBytes = 4L << 30;

    static readonly Option<string> s_keep =
        new("--keep") { HelpName = "DIR", Description = "Work in this folder, which must be empty or new, and leave all there." };

    static readonly Option<bool> s_real = new("--real")
    { Description = "On real components: a running server on Ceph, and a vault in S3. Needs root on Debian; starts all of it, and "
        + "removes it." };

    static readonly Option<string> s_lab =
        new("--lab") { HelpName = "DIR", Description = "With --real: use the lab that 'lab/edge up DIR' started." };

    public static Command Define()
    {
        var command = new Command("demo", "Back up a server of two volumes while it writes, change it, back it up again, restore, compare.")
        { s_real, s_lab, s_keep };
        command.SetAction((parsed, stop) => (parsed.GetValue(s_real), parsed.GetValue(s_lab), parsed.GetValue(s_keep)) switch
        {
            (false, not null, _) => throw new UsageException("--lab goes with --real"),
            (true, not null, not null) => throw new UsageException("--keep keeps a lab that the demo starts: leave out --lab"),
            (true, var lab, var keep) => RunRealDemo.HandleAsync(lab, keep, Screen.Of(parsed), stop),
            (false, null, var keep) => HandleAsync(keep, Screen.Of(parsed), stop),
        });
        return command;
    }

    static async Task<int> HandleAsync(string? keep, Screen screen, CancellationToken stop)
    {
        _ = ExternalProgram.Find("mke2fs", "e2fsprogs");
        _ = ExternalProgram.Find("debugfs", "e2fsprogs");
        var folder = MakeFolder(keep);
        try
        {
            var free = new DriveInfo(folder).AvailableFreeSpace;
            if (free < SpaceNeededBytes)
                throw new RefusedException($"{folder} has {Units.Size(free)} free and the demo needs {Units.Size(SpaceNeededBytes)}: "
                    + "name another folder with --keep DIR, or with TMPDIR");
            var report = new DemoReport(screen);
            var server = new DemoServer(folder);
            await using (server.ConfigureAwait(false))
                await new DemoRun(folder, server, screen, report, stop).RunAsync().ConfigureAwait(false);
            report.Show();
            if (keep is not null)
                screen.Line($"everything is left in {folder}: "
                    + $"'vbackup server list --cloud {Path.Combine(folder, DemoRun.CloudFile)}' shows the servers");
            return ExitStatus.Done;
        }
        finally
        {
            if (keep is null) Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The folder to work in: the one that is to be kept, or a new one.</summary>
    internal static string MakeFolder(string? keep, string prefix = "vbackup-demo-")
    {
        if (keep is null) return Directory.CreateTempSubdirectory(prefix).FullName;
        if (File.Exists(keep)) throw new UsageException($"--keep {keep} is a file: name a folder");
        var folder = Directory.CreateDirectory(keep).FullName;
        return Directory.EnumerateFileSystemEntries(folder).Any()
            ? throw new UsageException($"--keep {keep} is not empty: name an empty or new folder")
            : folder;
    }
}
