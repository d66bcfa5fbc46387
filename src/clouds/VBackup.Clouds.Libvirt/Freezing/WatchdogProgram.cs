namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>How a watchdog is started: a program that hands the arguments which follow to
/// <see cref="FreezeWatchdog.RunAsync"/>.</summary>
public sealed record WatchdogProgram(string Path, IReadOnlyList<string> Arguments)
{
    /// <summary>The program that runs now. REQUIRES: it looks for <see cref="FreezeWatchdog.Verb"/> before anything
    /// else.</summary>
    public static WatchdogProgram Own()
    {
        var path = Environment.ProcessPath ?? throw new InvalidOperationException("This process does not know its program.");
        return System.IO.Path.GetFileName(path) == "dotnet"
            ? new(path, [Environment.GetCommandLineArgs()[0], FreezeWatchdog.Verb])
            : new(path, [FreezeWatchdog.Verb]);
    }
}
