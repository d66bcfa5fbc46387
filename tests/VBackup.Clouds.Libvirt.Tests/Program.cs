using System.Globalization;
using VBackup.Clouds.Libvirt.Freezing;
using VBackup.Clouds.Libvirt.Tests.Live;
using Xunit.Runner.InProc.SystemConsole;

namespace VBackup.Clouds.Libvirt.Tests;

static class Program
{
    public const string HoldVerb = "hold";

    /// <summary>Runs the tests, or is one of the processes that they start.</summary>
    static Task<int> Main(string[] args) => args switch
    {
        [FreezeWatchdog.Verb, .. var orders] => FreezeWatchdog.RunAsync(orders),
        [HoldVerb, var uri, var server, var limit] =>
            HolderProcess.RunAsync(uri, server, TimeSpan.FromSeconds(int.Parse(limit, CultureInfo.InvariantCulture))),
        _ => ConsoleRunner.Run(args),
    };
}
