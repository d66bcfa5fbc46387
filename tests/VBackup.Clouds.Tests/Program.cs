using VBackup.Clouds.Lab;
using Xunit.Runner.InProc.SystemConsole;

namespace VBackup.Clouds.Tests;

/// <summary>Runs the tests; or, for <c>guest FOLDER SERVER</c>, plays a lab server's guest until it is ended or stopped.</summary>
static class Program
{
    static async Task<int> Main(string[] args)
    {
        if (args is not ["guest", var folder, var server]) return await ConsoleRunner.Run(args);
        await using var cloud = LabCloud.Open(folder);
        await using var guest = await LabGuest.StartAsync(cloud, server, CancellationToken.None);
        await Console.Out.WriteLineAsync("runs");
        await Console.Out.FlushAsync();
        try
        {
            await guest.Journal.Ended;
            return 0;
        }
        catch (CloudException ended)
        {
            await Console.Error.WriteLineAsync(ended.Message);
            return 1;
        }
    }
}
