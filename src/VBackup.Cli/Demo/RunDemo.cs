using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo;

/// <summary><c>vbackup demo</c></summary>
static class RunDemo
{
    // Images, their first state, what is restored, and the vault.
    const long SpaceNeededBytes = 5L << 30;

    static readonly Option<string> s_keep =
        new("--keep") { HelpName = "DIR", Description = "Work in this folder, which must be empty or new, and leave all there." };

    public static Command Define()
    {
        var command = new Command("demo", "Back up a server of two real volumes, change it, back it up again, restore, compare.")
        { s_keep };
        command.SetAction((parsed, stop) => HandleAsync(parsed.GetValue(s_keep), Screen.Of(parsed), stop));
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
            await new DemoRun(folder, screen, report, stop).RunAsync().ConfigureAwait(false);
            report.Show();
            if (keep is not null) screen.Line($"everything is left in {folder}");
            return ExitStatus.Done;
        }
        finally
        {
            if (keep is null) Directory.Delete(folder, recursive: true);
        }
    }

    static string MakeFolder(string? keep)
    {
        if (keep is null) return Directory.CreateTempSubdirectory("vbackup-demo-").FullName;
        if (File.Exists(keep)) throw new UsageException($"--keep {keep} is a file: name a folder");
        var folder = Directory.CreateDirectory(keep).FullName;
        return Directory.EnumerateFileSystemEntries(folder).Any()
            ? throw new UsageException($"--keep {keep} is not empty: name an empty or new folder")
            : folder;
    }
}
